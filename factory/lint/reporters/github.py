"""A report as annotations of a pull request: what GitHub Actions reads in a step's output.

GitHub shows the first ten errors and the first ten warnings of a step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from factory.lint.report import Finding, Report
from factory.lint.reporters import Paint
from factory.lint.reporters.place import in_repository, region
from factory.lint.reporters.text import notes, summary

_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = _DATA | {":": "%3A", ",": "%2C"}


def report(found: Report, base: Path, paint: Paint) -> Iterator[str]:
    """A workflow command for each finding, errors first, and the summary."""
    for finding in (*found.errors, *found.warnings):
        yield _command(finding, base, found)
    yield summary(found, paint)


def _command(finding: Finding, base: Path, found: Report) -> str:
    entry = finding.diagnostic
    place: dict[str, object] = {"file": in_repository(base, entry.file), "line": entry.line}
    if part := region(base, entry):
        place |= {"col": part.column, "endColumn": part.end}
    place["title"] = entry.code
    shown = ",".join(f"{name}={_escaped(str(value), _PROPERTY)}" for name, value in place.items())
    lines = [entry.message, *(f"{word} {text}" for word, text in notes(finding, found.sound))]
    return f"::{entry.severity} {shown}::{_escaped(chr(10).join(lines), _DATA)}"


def _escaped(text: str, with_: Mapping[str, str]) -> str:
    return "".join(with_.get(character, character) for character in text)
