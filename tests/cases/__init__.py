"""Cases as data: folders found by name, and how a person reads their problems."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from factory.diagnostics import Diagnostic
from factory.project import Project

HERE = Path(__file__).parent


def folders(verdict: str) -> list[Path]:
    """The case folders below `valid` or `invalid`."""
    return sorted(path for path in HERE.glob(f"{verdict}/*/*") if path.is_dir())


def name_of(folder: Path) -> str:
    """`topic/case`."""
    return f"{folder.parent.name}/{folder.name}"


def diagnostics(project: Project) -> list[Diagnostic]:
    """Everything that is wrong in a project, also in files beside valid specs."""
    found: list[Diagnostic] = []
    for outcome in project.outcomes():
        found += outcome.diagnostics
        for resolved in (*outcome.specs, *outcome.refused):
            found += project.files_of(resolved)
    return sorted(set(found))


def line(entry: Diagnostic) -> str:
    """A diagnostic in one line, its file relative to the configuration folder."""
    file = entry.file.partition("/")[2]
    place = f"{file}:{entry.line}:{entry.column}"
    text = f"{place}: {entry.code}: {entry.message} | {entry.expected} | {entry.hint}"
    text += f" | read in {entry.read_in}" if entry.read_in else ""
    return f"{text} | called from {entry.called}" if entry.called else text


def lines(entries: Iterable[Diagnostic]) -> str:
    """Diagnostics as the text of an `expected.txt`."""
    return "".join(f"{line(entry)}\n" for entry in entries)
