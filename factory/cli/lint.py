"""`factory lint`: check pipelines. It runs nothing, and uses no network.

Only `--build` imports Airflow, and what the pipelines name.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from factory.cli import options, terminal
from factory.lint.reporters import FORMATS

if TYPE_CHECKING:
    from factory.lint.lint import Build
    from factory.lint.report import Report

HELP = """\
exit code: 0 when there are no errors, 1 when there are; warnings count with --strict.

for example:
  factory lint                              everything, in the environment dev
  factory lint --all-envs                   everything, in every environment
  factory lint dag_factory_configs/taxi     one folder
  factory lint --build                      let Airflow build every DAG, too
  factory lint --output junit=lint.xml      as text here, and for a CI in a file
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
    parser.add_argument(
        "--build",
        action="store_true",
        help="build every DAG, too, where Airflow and the operators' packages are installed",
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
    options.with_completer(
        parser.add_argument(
            "--format",
            action="append",
            metavar="FORMAT",
            help=f"{', '.join(FORMATS)}; may stand several times (default: text)",
        ),
        complete_format,
    )
    parser.add_argument(
        "--output",
        action="append",
        default=[],
        metavar="FORMAT=FILE",
        help="write this format to a file as well; may stand several times",
    )
    parser.add_argument(
        "--color", choices=terminal.CHOICES, default="auto", help="colours (default: auto)"
    )


def complete_format(prefix: str, parsed_args: Namespace, **_: Any) -> list[str]:
    """Names of formats."""
    return [*FORMATS]


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
    from factory.cli import outputs
    from factory.lint.reporters.text import brief

    forms = outputs.formats(args.format or ["text"])
    files = outputs.files(args.output)
    base = options.root(args).parent
    found = _built(args) if args.build else _found(args)
    try:
        failed = outputs.write(files, found, base)
        for form in forms:
            outputs.show(form, found, base, terminal.painter(args.color, sys.stdout))
    except OSError:
        raise
    except Exception:  # a defect of a reporter: what was found is told, then the defect
        for finding in found.findings:
            print(brief(finding), file=sys.stderr)
        raise
    if failed:
        raise failed
    return 1 if found.failures else 0


def _built(args: Namespace) -> Report:
    """With what Airflow and the operators refuse; whatever they print is not for the report."""
    from tempfile import TemporaryDirectory

    from factory.cli.quiet import quiet
    from factory.in_airflow.run import airflow_home

    with TemporaryDirectory(prefix="factory-lint-", ignore_cleanup_errors=True) as folder:
        log = Path(folder) / "log"
        with quiet(log, str), airflow_home(log):
            from factory.in_airflow.refused import refused

            return _found(args, refused)


def _found(args: Namespace, build: Build | None = None) -> Report:
    from factory.lint.lint import lint_project
    from factory.lint.report import merge
    from factory.spec import discover

    chosen: list[str | None] = [args.env]
    if args.all_envs:
        chosen = [*discover.environments(options.root(args))]
    paths = [options.absolute(path) for path in args.paths]
    found = merge(lint_project(options.project(args, name), paths, build) for name in chosen)
    return msgspec.structs.replace(found, strict=args.strict)
