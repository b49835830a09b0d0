"""`factory explain`: every value of a pipeline, and the file and line that it came from."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from factory.cli import options, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from factory.lint.reporters import Paint
    from factory.review.origins import Value

HELP = """\
Without a path, built-in defaults that are empty are left out.

for example:
  factory explain yellow_taxi_ingest
  factory explain yellow_taxi_ingest tasks.ingest.retries
  factory explain yellow_taxi_ingest tasks[0].with --env prod
"""
_WIDTH = 56


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    options.add_dag(parser)
    options.with_completer(
        parser.add_argument(
            "path",
            nargs="?",
            metavar="PATH",
            help="only the values there, such as tasks.ingest or schedule",
        ),
        _complete_path,
    )
    options.add_root(parser)
    options.add_environment(parser)
    options.add_format(parser, "text")


def run(args: Namespace) -> int:
    """Print the values."""
    from factory.review import origins

    project = options.project(args)
    spec = options.spec(project, args.dag)
    secrets = project.secrets(spec.document.path)
    found = [_without_secrets(value, secrets) for value in origins.values(spec)]
    if args.path:
        found = origins.select(found, args.path)
    if args.format == "json":
        import msgspec

        text = msgspec.json.format(msgspec.json.encode(found), indent=2).decode()
        print(terminal.for_programs(text, sys.stdout))
        return 0
    shown = found if args.path else [value for value in found if not value.is_empty_default]
    paint = terminal.painter("auto", sys.stdout)
    print(paint("faint", f"{spec.dag_id} in the environment {project.environment}"))
    for line in _lines(shown, project.root.parent, paint):
        print(line)
    return 0


def _without_secrets(value: Value, secrets: frozenset[str]) -> Value:
    from msgspec.structs import replace

    from factory.spec.secrets import blanked, without

    if not secrets:
        return value
    template = without(value.template, secrets)
    return replace(value, value=blanked(value.value, secrets), template=template)


def _lines(found: list[Value], base: Path, paint: Paint) -> Iterator[str]:
    import msgspec

    from factory.diagnostics import printable

    whole = len(found) == 1
    found = [msgspec.structs.replace(value, path=printable(value.path)) for value in found]
    texts = [
        _text(value.value, None if whole else _WIDTH) if value.is_set else "not set"
        for value in found
    ]
    longest = max(len(v.path) + len(t) + 2 for v, t in zip(found, texts, strict=True))
    width = 0 if whole else min(longest, _WIDTH + 24)
    for value, text in zip(found, texts, strict=True):
        pad = " " * (width - len(value.path) - len(text) - 2)
        source = paint("faint", f"← {_source(value, base)}")
        if whole and isinstance(value.value, str) and "\n" in value.value.strip():
            yield f"{paint('strong', f'{value.path}:')} |  {source}"
            lines = value.value.rstrip().splitlines()
            yield from (f"  {printable(line)}" for line in lines)
        else:
            yield f"{paint('strong', f'{value.path}:')} {text}{pad}  {source}"


def _source(value: Value, base: Path) -> str:
    from factory.diagnostics import printable
    from factory.lint.paths import shown_path

    if not value.is_set:
        return "Airflow's own default"
    if not value.file:
        return "built-in default"
    place = f"{printable(shown_path(base / value.file))}:{value.line}"
    for via in dict.fromkeys(value.via):
        place += f", {via.name} from {printable(shown_path(base / via.file))}:{via.line}"
    return place


def _text(value: Any, width: int | None) -> str:
    """A value as one would write it in YAML, on one line."""
    from factory.diagnostics import printable

    if isinstance(value, str):
        text = value if width is None or "\n" not in value else _first_line(value)
        text = text if text and text == text.strip() else json.dumps(value, ensure_ascii=False)
    else:
        text = json.dumps(value, ensure_ascii=False)
    text = printable(text)
    return text if width is None or len(text) <= width else f"{text[: width - 1]}…"


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    more = len(lines) - 1
    return f"{lines[0]} … ({more} more line{'s' * (more > 1)})" if more > 0 else lines[0]


def _complete_path(prefix: str, parsed_args: Namespace, **_: Any) -> list[str]:
    from factory.review import origins

    project = options.project(parsed_args)
    return [value.path for value in origins.values(options.spec(project, parsed_args.dag))]
