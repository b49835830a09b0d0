"""A report as a compiler would write it: place, message, line, mark, what to do."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from factory.amounts import counted
from factory.diagnostics import Diagnostic, printable
from factory.lint.paths import shown_path
from factory.lint.report import Finding, Report
from factory.lint.reporters import Paint
from factory.lint.reporters.place import root_of
from factory.lint.reporters.snippet import snippet
from factory.lint.rules import secrets

__all__ = ["findings", "notes", "report", "shown_path", "summary"]

_MAX_NAMES = 5
_GUTTER = 4
_WIDTH = 100


def report(found: Report, base: Path, paint: Paint) -> Iterator[str]:
    """Every finding, grouped by file, and a summary."""
    yield from findings(found.findings, base, paint, found.sound)
    yield summary(found, paint)


def findings(
    found: Iterable[Finding], base: Path, paint: Paint, environments: Sequence[str] = ()
) -> Iterator[str]:
    """Every finding, each followed by an empty line."""
    for finding in found:
        try:
            lines = list(_finding(finding, base, paint, environments))
        except Exception:  # what a file or a name holds must not hide the other findings
            lines = [brief(finding)]
        yield from lines
        yield ""


def brief(finding: Finding) -> str:
    """A finding in one line, whatever it holds."""
    entry = finding.diagnostic
    place = f"{entry.file}:{entry.line}:{entry.column}:"
    return ascii(f"{place} {entry.severity}[{entry.code}]: {entry.message}")[1:-1]


def summary(found: Report, paint: Paint) -> str:
    """`2 errors in 1 file, 14 pipelines fine in the environment dev`."""
    errors, warnings = found.errors, found.warnings
    parts = []
    for entries, noun, style in ((errors, "error", "error"), (warnings, "warning", "warning")):
        if entries:
            files = {entry.diagnostic.file for entry in entries}
            text = f"{counted(len(entries), noun)} in {counted(len(files), 'file')}"
            parts.append(paint(style, text))
    parts.append(paint("good" if not errors else "strong", _fine(found)))
    noun = "environment" if len(found.environments) == 1 else "environments"
    parts[-1] += f" in the {noun} {', '.join(found.environments)}"
    return ", ".join(parts)


def _fine(found: Report) -> str:
    if found.fine:
        return f"{counted(len(found.fine), 'pipeline')} fine"
    return "no pipeline is fine" if found.errors else "there is no pipeline"


def _finding(
    finding: Finding, base: Path, paint: Paint, environments: Sequence[str]
) -> Iterator[str]:
    entry = finding.diagnostic
    path = base / entry.file
    place = f"{printable(shown_path(path))}:{entry.line}:{entry.column}:"
    kind = paint(entry.severity, f"{entry.severity}[{entry.code}]:")
    yield f"{paint('strong', place)} {kind} {paint('strong', entry.message)}"
    if entry.width > 0 and entry.code != secrets.CODE:
        yield from _lines(path, entry, paint)
    for word, text in notes(finding, environments):
        indent = " " * (_GUTTER + 4 + len(word))
        lines = textwrap.wrap(text, _WIDTH - len(indent), break_on_hyphens=False)
        yield f"{' ' * _GUTTER} {paint('faint', '=')} {paint('note', word)} {lines[0]}"
        yield from (f"{indent}{line}" for line in lines[1:])


def _lines(path: Path, entry: Diagnostic, paint: Paint) -> Iterator[str]:
    root = root_of(path, entry)
    for number, text in snippet(path, entry.line, entry.column, entry.width, root):
        shown = text if number else paint(entry.severity, text)
        yield f"{paint('faint', f'{number:>{_GUTTER}} |')} {shown}".rstrip()


def notes(finding: Finding, environments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(word, text) of what stands below a message: what was expected, whom it concerns.

    :param environments: those that can tell; where a finding has them all, none is named.
    """
    entry = finding.diagnostic
    if entry.expected:
        yield "expected", entry.expected
    if entry.hint:
        yield "hint:", entry.hint
    if entry.read_in:
        yield "read", f"in {entry.read_in}"
    if entry.called:
        yield "called", f"from {entry.called}"
    others = [name for name in finding.pipelines if name != Path(entry.file).stem]
    if len(others) == 1:
        yield "concerns", f"the pipeline {others[0]}"
    elif others:
        more = f" and {len(others) - _MAX_NAMES} more" if len(others) > _MAX_NAMES else ""
        names = ", ".join(others[:_MAX_NAMES])
        yield "concerns", f"{len(others)} pipelines: {names}{more}"
    if not set(environments) <= set(finding.environments):
        yield "in", f"the environment {', '.join(finding.environments)}"
