"""`factory lint`: check pipelines. Never imports Airflow, runs nothing, uses no network."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from factory.cli import options, terminal

HELP = """\
exit code: 0 when there are no errors, 1 when there are; warnings count with --strict.

for example:
  factory lint                              everything, in the environment dev
  factory lint --all-envs                   everything, in every environment
  factory lint dag_factory_configs/taxi     one folder
  factory lint --format json                for a program
  factory lint --explain unknown-key        what a code means, and what to do
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="files or folders (default: all)"
    )
    options.add_root(parser)
    environments = parser.add_mutually_exclusive_group()
    options.add_environment(environments)
    environments.add_argument(
        "--all-envs", action="store_true", help="in every environment, not only in one"
    )
    parser.add_argument("--strict", action="store_true", help="warnings count as errors")
    options.with_completer(
        parser.add_argument(
            "--explain",
            nargs="?",
            const="",
            metavar="CODE",
            help="what a code means, and nothing else (without CODE: all of them)",
        ),
        complete_code,
    )
    options.add_format(parser, "text")
    parser.add_argument(
        "--color", choices=terminal.CHOICES, default="auto", help="colours (default: auto)"
    )


def complete_code(prefix: str, parsed_args: Namespace, **_: Any) -> list[str]:
    """Names of codes."""
    from factory.codes import CODES

    return sorted(CODES)


def run(args: Namespace) -> int:
    """Lint and report; 1 when there are errors."""
    if args.explain is not None:
        from factory.lint.explain import explain

        print("\n".join(explain(args.explain)))
        return 0
    return _lint(args)


def _lint(args: Namespace) -> int:
    from factory.lint.lint import lint_project
    from factory.lint.report import merge
    from factory.lint.reporters import reporter
    from factory.lint.reporters.text import brief
    from factory.spec import discover

    root = options.root(args)
    chosen: list[str | None] = [args.env]
    if args.all_envs:
        chosen = [*discover.environments(root)]
    paths = [options.absolute(path) for path in args.paths]
    found = merge(lint_project(options.project(args, name), paths) for name in chosen)
    paint = terminal.painter(args.color, sys.stdout)
    try:
        for line in reporter(args.format)(found, root.parent, paint):
            print(terminal.for_programs(line, sys.stdout) if args.format == "json" else line)
    except OSError:
        raise
    except Exception:  # a defect of a reporter: what was found is told, then the defect
        for finding in found.findings:
            print(brief(finding), file=sys.stderr)
        raise
    return 1 if found.errors or (args.strict and found.warnings) else 0
