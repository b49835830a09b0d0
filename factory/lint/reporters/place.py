"""Where a problem is, as programs want it: paths of the repository, columns of UTF-16."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from factory.diagnostics import Diagnostic, printable
from factory.lint.paths import repository
from factory.lint.reporters.snippet import line_of


class Region(NamedTuple):
    """A part of one line, counted from 1 in units of UTF-16; `end` is after its last character."""

    line: int
    column: int
    end: int


def in_repository(base: Path, file: str) -> str:
    """The path of a diagnostic's file from the root of its repository."""
    return printable((base / file).relative_to(repository(base)).as_posix())


def region(base: Path, entry: Diagnostic) -> Region | None:
    """What is meant; None when it is the whole file."""
    if entry.width <= 0:
        return None
    path = base / entry.file
    text = line_of(path, entry.line, root_of(path, entry)) or ""
    first, last = entry.column - 1, entry.column - 1 + entry.width
    return Region(entry.line, 1 + _units(text, first), 1 + _units(text, last))


def root_of(path: Path, entry: Diagnostic) -> Path:
    """The configuration root of the file of a diagnostic."""
    return path.parents[entry.file.count("/") - 1]


def _units(text: str, characters: int) -> int:
    """So many characters of a line in units of UTF-16."""
    return characters + sum(character > "\uffff" for character in text[:characters])
