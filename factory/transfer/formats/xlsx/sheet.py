"""The cells of a sheet, in blocks of rows: its XML is read in a stream."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from factory.definitions.formats.xlsx import Area, column_letters, column_number
from factory.transfer.errors import BadRow
from factory.transfer.formats.xlsx.cells import (
    BOOLEAN,
    ERROR,
    ISO,
    NUMBER,
    SHARED,
    TEXT,
    TWICE,
    UNCOMPUTED,
    Cells,
    unescaped,
)
from factory.transfer.formats.xlsx.quick import ROWS as MARKS
from factory.transfer.formats.xlsx.quick import Piece, Sieve, parsed
from factory.transfer.formats.xlsx.workbook import Handlers, Sheet, Workbook, local

ROWS = 8192
CELLS = 256 << 10

_KINDS = {"s": SHARED, "b": BOOLEAN, "e": ERROR, "d": ISO, "str": TEXT, "inlineStr": TEXT}
_TEXTS = (TEXT, SHARED)
_CELL, _VALUE, _TEXT, _FORMULA, _ROW, _SPOKEN, _MERGED, _OTHER = range(1, 9)
_TAGS = {
    "c": _CELL,
    "v": _VALUE,
    "t": _TEXT,
    "f": _FORMULA,
    "row": _ROW,
    "rPh": _SPOKEN,
    "mergeCell": _MERGED,
}
_REFERENCE = re.compile(r"([A-Z]+)([0-9]+)(?::([A-Z]+)([0-9]+))?")


@dataclass
class Block:
    """Rows that have a cell with a value."""

    rows: list[int] = field(default_factory=list)  # their numbers, the sheet's first is 1
    columns: dict[int, Cells] = field(default_factory=dict)  # by number, the first is 1
    cells: int = 0

    def after(self, row: int) -> Block:
        """The rows below another."""
        at = bisect_right(self.rows, row)
        if not at:
            return self
        columns = {column: cells.after(at) for column, cells in self.columns.items()}
        return Block(self.rows[at:], columns)


@dataclass(frozen=True)
class Fill:
    """Values that merged cells share: given to all cells of rows that have one of their own."""

    merges: Sequence[Area]

    def by_row(self) -> Mapping[int, list[Area]]:
        """The merged cells of each row."""
        found: dict[int, list[Area]] = {}
        for merge in self.merges:
            for row in range(merge.first_row, merge.last_row + 1):
                found.setdefault(row, []).append(merge)
        return found


class Reader:
    """Makes blocks of a sheet's elements."""

    def __init__(self, area: Area, kinds: Sequence[int], merges: Sequence[Area] = ()) -> None:
        self.full: list[Block] = []
        self.block = Block()
        self.merged: list[Area] = []  # told at the sheet's end
        self._area = area
        self._row = 0
        self._columns: dict[str, int] = {}  # by their letters
        self._kinds: dict[str | None, int] = {str(n): kind for n, kind in enumerate(kinds)}
        self._kinds[None] = self._kinds.get("0", NUMBER)
        self._fill = Fill(merges).by_row()
        self._shared: dict[Area, tuple[int, str]] = {}

    def handlers(self) -> Handlers:
        """What is done at each element: some million times, so in few words."""
        tags: dict[str, int] = {}
        letters, area, merged, kinds = self._columns, self._area, self.merged, self._kinds
        column = 0
        inside = spoken = collecting = formula = False
        type: str | None = None
        style: str | None = None
        value: str | None = None
        own: dict[int, tuple[int, str]] = {}

        def start(name: str, given: dict[str, str]) -> None:
            nonlocal column, inside, spoken, collecting, formula, type, style, value
            tag = tags.get(name) or tags.setdefault(name, _TAGS.get(local(name), _OTHER))
            if tag == _CELL:
                reference = given.get("r")
                if reference is None:
                    column += 1
                else:
                    name = reference.rstrip("0123456789")
                    column = letters.get(name) or letters.setdefault(name, column_number(name))
                type, style = given.get("t"), given.get("s")
                value, formula = None, False
            elif tag in (_VALUE, _TEXT):
                collecting = not spoken
                value = value or ""
            elif tag == _FORMULA:
                formula = True
            elif tag == _ROW:
                self._row, column = int(given.get("r", self._row + 1)), 0
                inside = area.first_row <= self._row <= area.last_row
            elif tag == _SPOKEN:
                spoken = True
            elif tag == _MERGED:
                merged.append(reference_of(given["ref"]))

        def text(data: str) -> None:
            nonlocal value
            if collecting:
                value = (value or "") + data

        def end(name: str) -> None:
            nonlocal collecting, spoken, own
            tag = tags[name]
            if tag in (_VALUE, _TEXT):
                collecting = False
            elif tag == _CELL:
                if inside and area.first_column <= column <= area.last_column:
                    cell = _cell(type, value, formula, kinds.get(style, NUMBER))
                    if cell is not None:
                        own[column] = (TWICE, cell[1]) if column in own else cell
            elif tag == _ROW:
                if own:
                    self._add(self._row, own)
                    own = {}
            elif tag == _SPOKEN:
                spoken = False

        return Handlers(start, end, text)

    def _add(self, row: int, own: dict[int, tuple[int, str]]) -> None:
        """A row that has values."""
        if self._fill and row in self._fill:
            self._share(row, own)
        block = self.block
        at, columns = len(block.rows), block.columns
        block.rows.append(row)
        for column, (kind, text) in own.items():
            cells = columns.get(column)
            if cells is None:
                cells = columns[column] = Cells()
            cells.rows.append(at)
            cells.kinds.append(kind)
            cells.texts.append(text)
        block.cells += len(own)
        self._cut()

    def _cut(self) -> None:
        if len(self.block.rows) >= ROWS or self.block.cells >= CELLS:
            self.full.append(self.block)
            self.block = Block()

    def take(self, rows: bytes) -> bool:
        """Read rows without the parser, if they are plain."""
        piece = parsed(rows)
        if piece is not None:
            self._take(piece)
        return piece is not None

    def _take(self, piece: Piece) -> None:
        self._row = piece.rows[-1]
        inside = self._area.first_row <= piece.rows[0] and self._row <= self._area.last_row
        width = 0 if self._fill or not inside else piece.width()
        if width:
            self._take_columns(piece, width)
            return
        ends = [*piece.starts[1:], len(piece.letters)]
        for row, start, end in zip(piece.rows, piece.starts, ends, strict=True):
            if self._area.first_row <= row <= self._area.last_row:
                own = {}
                for index in range(start, end):
                    column = self._column(piece.letters[index])
                    text = piece.values[index]
                    if column and text is not None:
                        kind = self._kind(piece.types[index], piece.styles[index])
                        kind = TWICE if column in own else kind
                        own[column] = kind, unescaped(text) if kind == TEXT else text
                if own:
                    self._add(row, own)

    def _take_columns(self, piece: Piece, width: int) -> None:
        """Rows that all have the same columns: no work for a cell."""
        at = len(self.block.rows)
        self.block.rows += piece.rows
        self.block.cells += len(piece.values)
        for index in range(width):
            column = self._column(piece.letters[index])
            if not column:
                continue
            cells = self.block.columns.setdefault(column, Cells())
            texts = cast(list[str], piece.values[index::width])
            shown = list(zip(piece.types[index::width], piece.styles[index::width], strict=True))
            known = {one: self._kind(*one) for one in set(shown)}
            if TEXT in known.values():
                pairs = zip(texts, shown, strict=True)
                texts = [unescaped(t) if known[one] == TEXT else t for t, one in pairs]
            cells.rows += range(at, at + len(piece.rows))
            cells.kinds += [known[one] for one in shown]
            cells.texts += texts
        self._cut()

    def _column(self, letters: str) -> int:
        """The number of a column that is wanted, else 0."""
        found = self._columns.get(letters) or self._columns.setdefault(
            letters, column_number(letters)
        )
        return found if self._area.first_column <= found <= self._area.last_column else 0

    def _kind(self, type: str | None, style: str | None) -> int:
        if type is None or type == "n":
            return self._kinds.get(style, NUMBER)
        return _KINDS.get(type, ERROR)

    def _share(self, row: int, own: dict[int, tuple[int, str]]) -> None:
        for merge in self._fill[row]:
            if row == merge.first_row and merge.first_column in own:
                self._shared[merge] = own[merge.first_column]
            if merge in self._shared:
                for column in range(merge.first_column, merge.last_column + 1):
                    own[column] = self._shared[merge]


def _cell(type: str | None, value: str | None, formula: bool, kind: int) -> tuple[int, str] | None:
    """Kind and text of a cell; None: it is empty."""
    if type is None or type == "n":
        if value:
            return kind, value
    else:
        kind = _KINDS.get(type, ERROR)
        if value and kind == TEXT:
            return kind, unescaped(value)
        if value or (value is not None and kind == TEXT and not formula):
            return kind, value
        if value == "" and type == "str":
            return kind, value
    return (UNCOMPUTED, "") if formula else None


def reference_of(text: str) -> Area:
    """The cells that `B3:C4` or `B3` names. Raises `BadRow`."""
    match = _REFERENCE.fullmatch(text.replace("$", ""))
    if match is None:
        raise BadRow(f"{text!r} names no cells")
    first, row = column_number(match[1]), int(match[2])
    return Area(first, row, column_number(match[3] or match[1]), int(match[4] or row))


def shown(area: Area) -> str:
    """`B3:C4`."""
    first = f"{column_letters(area.first_column)}{area.first_row}"
    return f"{first}:{column_letters(area.last_column)}{area.last_row}"


def blocks(workbook: Workbook, sheet: Sheet, reader: Reader) -> Iterator[Block]:
    """All rows of a sheet that have values. Raises `BadRow`."""
    for _ in workbook.parse(sheet.part, reader.handlers(), Sieve(MARKS, reader.take)):
        yield from reader.full
        reader.full.clear()
    if reader.block.rows:
        yield reader.block


def merges(workbook: Workbook, sheet: Sheet) -> list[Area]:
    """The merged cells, which the file tells behind all rows."""
    reader = Reader(Area(last_row=0), ())
    for _ in blocks(workbook, sheet, reader):
        pass
    return reader.merged
