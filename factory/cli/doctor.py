"""`factory doctor`: look at an installation, and say what is right and what is wrong."""

from __future__ import annotations

import textwrap
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from factory.cli import options, terminal

if TYPE_CHECKING:
    from factory.in_airflow.doctor.checkup import Section
    from factory.in_airflow.doctor.finding import Finding
    from factory.in_airflow.doctor.installation import Installation
    from factory.lint.reporters import Paint

HELP = """\
Run it where Airflow runs, with the environment that Airflow is started with. It asks Airflow's own
database and secrets backend; other systems only with --connect.

exit code: 0 when there are no errors, 1 when there are.

for example:
  factory doctor                   everything that can be looked at without a network
  factory doctor --connect         try every connection that a pipeline names, too
  factory doctor --format json     for a program
"""
_WIDTH = 100
_INDENT = " " * 10
_STYLES = {"ok": "good", "warning": "warning", "error": "error"}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    options.add_root(parser)
    options.add_environment(parser)
    parser.add_argument(
        "--connect", action="store_true", help="reach the systems that connections name"
    )
    options.add_format(parser, "text")


def run(args: Namespace) -> int:
    """Look at everything; 1 when something is an error."""
    from factory.cli.quiet import quiet
    from factory.in_airflow.doctor import checkup, installation
    from factory.in_airflow.hiding import redacted

    chosen = options.root(args) if args.configs else None
    found = installation.look(chosen, args.env, connect=args.connect)
    with (
        TemporaryDirectory(prefix="factory-doctor-", ignore_cleanup_errors=True) as folder,
        quiet(Path(folder) / "log", redacted) as out,  # Airflow tells much of itself
    ):
        paint = terminal.painter("auto", out)
        sections = []
        for section in checkup.examine(found, (checkup.Family("loaders", (_loaders,), "nothing"),)):
            sections.append(section)
            if args.format == "text":
                for line in _lines(section, paint):
                    print(line, file=out, flush=True)
        if args.format == "json":
            print(terminal.for_programs(_json(sections), out), file=out)
        else:
            print(_summary(sections, paint), file=out)
    return 1 if _count(sections, "error") else 0


def _loaders(found: Installation) -> Iterator[Finding]:
    """Whether what `factory init` wrote is that of this version."""
    from factory.in_airflow.doctor.finding import ok, warning
    from factory.review import starter

    if found.root is None:
        return
    project = found.root.parent
    files = [file for file in starter.files() if file.path.startswith(starter.LOADERS)]
    states = {file.path: starter.state(file, project) for file in files}
    for path, state in states.items():
        if state == "old":
            yield warning(f"{path} is that of another version", "run `factory init --update`")
    if set(states.values()) == {"current"}:
        yield ok(f"{' and '.join(states)} are those of this version")


def _lines(section: Section, paint: Paint) -> Iterator[str]:
    if section.findings:
        yield paint("strong", section.title)
    for finding in section.findings:
        level = paint(_STYLES[finding.level], f"{finding.level:<7}")
        what = _wrapped(_clean(finding.what), "")
        yield f"  {level} {what[0]}"
        yield from (f"{_INDENT}{line}" for line in what[1:])
        yield from (f"{_INDENT}  {_clean(line)}" for line in finding.details)
        yield from (f"{_INDENT}{line}" for line in _wrapped(_clean(finding.todo), "= hint: "))


def _wrapped(text: str, mark: str) -> list[str]:
    """The lines of a text, after a mark."""
    return textwrap.wrap(
        text,
        _WIDTH - len(_INDENT),
        initial_indent=mark,
        subsequent_indent=" " * len(mark),
        break_on_hyphens=False,
        break_long_words=False,
    )


def _clean(text: str) -> str:
    from factory.diagnostics import printable
    from factory.in_airflow.hiding import redacted

    return printable(redacted(text))


def _summary(sections: list[Section], paint: Paint) -> str:
    from factory.amounts import counted

    errors, warnings = _count(sections, "error"), _count(sections, "warning")
    parts = []
    if errors:
        parts.append(paint("error", counted(errors, "error")))
    if warnings:
        parts.append(paint("warning", counted(warnings, "warning")))
    fine = f"{_count(sections, 'ok')} fine"
    return "\n" + ", ".join([*parts, paint("strong" if errors else "good", fine)])


def _json(sections: list[Section]) -> str:
    import msgspec

    from factory.in_airflow.hiding import redacted

    document = {
        "format": 1,
        "summary": {f"{level}s": _count(sections, level) for level in ("error", "warning")}
        | {"ok": _count(sections, "ok")},
        "findings": [
            {"about": section.title, **msgspec.structs.asdict(finding)}
            for section in sections
            for finding in section.findings
        ],
    }
    return redacted(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def _count(sections: list[Section], level: str) -> int:
    return sum(one.level == level for section in sections for one in section.findings)
