"""A CSV file as rows: mappings of its header's names to texts."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from factory.amounts import counted
from factory.diagnostics import one_of, quoted
from factory.spec.read import Document
from factory.spec.text import fail, text_of

SUFFIX = ".csv"


class Row(NamedTuple):
    """The cells of a row, and the line that it ends on."""

    cells: list[str]
    line: int


def read_table(path: Path, name: str, root: Path | None = None) -> Document:
    """Read a CSV file whose first line names the columns. Its values are texts.

    :raises SpecError: the file cannot be read, or a row has other columns.
    """
    text = text_of(path, name, root, marked=True)  # as spreadsheets save it
    found: Any = _values(name, text)
    return Document(name=name, path=path, text=text, value=found)


def rows(text: str) -> Iterator[Row]:
    """Every row that is not empty, the header first.

    :raises csv.Error: the text is no CSV.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    for cells in reader:
        if cells:
            yield Row(cells, reader.line_num)


def _values(name: str, text: str) -> list[dict[str, str]]:
    line = 0
    found: list[Row] = []
    try:
        for row in rows(text):
            found.append(row)
            line = row.line
    except csv.Error as error:
        fail(name, line + 1, 1, "csv", f"this is no CSV: {error}", expected="rows of cells")
    if not found:
        fail(name, 1, 1, "empty", "the file is empty", expected="a row of names first", width=0)
    header, *others = found
    _require_commas(name, header)
    _require_names(name, header)
    for row in others:
        if len(row.cells) != len(header.cells):
            message = f"this row has {counted(len(row.cells), 'cell')}"
            expected = f"{len(header.cells)}: {one_of(header.cells).removeprefix('one of ')}"
            fail(name, row.line, 1, "csv", message, expected=expected)
    return [dict(zip(header.cells, row.cells, strict=True)) for row in others]


def _require_commas(name: str, header: Row) -> None:
    """Where the decimal sign is a comma, spreadsheets put `;` between the cells."""
    (first, *more) = header.cells
    for mark, shown in ((";", "`;`"), ("\t", "a tab")):
        if mark in first and not more:
            message = f"{shown} stands between the names"
            expected = "a comma between the cells"
            hint = "save it again with commas"
            fail(name, header.line, 1, "csv", message, expected=expected, hint=hint)


def _require_names(name: str, header: Row) -> None:
    for cell, times in Counter(header.cells).items():
        if not cell.strip() or times > 1:
            what = "a column has no name" if not cell.strip() else f"{quoted(cell)} is named twice"
            fail(name, header.line, 1, "csv", what, expected="each column's name once")
