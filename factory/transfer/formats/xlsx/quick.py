"""Rows and texts that are written as Excel and most others write them, at a fifth of the time.

What does not look so is left to the XML parser, which this stands before.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_CELL = re.compile(
    r'<c r="([A-Z]{1,3})[0-9]+"(?: s="([0-9]+)")?(?: t="([a-zA-Z]+)")?'
    r"(?:/>|>(?:<f[^<>]*>[^<]*</f>|<f[^<>]*/>)?"
    r'(?:<v>|<is><t(?: xml:space="preserve")?>)([^<&]+)(?:</v>|</t></is>)</c>)'
)
_GROUPS = 4
_BETWEEN = re.compile(r'(?:</row>|<row r="[0-9]+"[^<>]*>)*')
_NUMBER = re.compile(r'<row r="([0-9]+)"')
_TEXT = re.compile(rb'<si><t(?: xml:space="preserve")?>([^<&]*)</t></si>')
_MOST = 16 << 20


@dataclass(frozen=True)
class Piece:
    """Cells of whole rows, in their order. A value is None where a cell has none."""

    rows: list[int]  # their numbers
    starts: list[int]  # the first cell of each row
    letters: list[str]
    styles: list[str | None]
    types: list[str | None]
    values: list[str | None]

    def width(self) -> int:
        """Of rows that all have values under the same letters; 0 when they have not."""
        width = self.starts[1] if len(self.starts) > 1 else len(self.letters)
        same = self.letters[:width] * len(self.rows) == self.letters
        if not same or None in self.values or len(set(self.letters[:width])) < width:
            return 0
        return width if self.starts == list(range(0, len(self.letters), width)) else 0


@dataclass(frozen=True)
class Marks:
    """Where the elements of a part begin, where each and where all of them end."""

    begin: re.Pattern[bytes]
    each: bytes
    end: bytes


ROWS = Marks(re.compile(rb"<sheetData>"), b"</row>", b"</sheetData>")
TEXTS = Marks(re.compile(rb"<sst\b[^>]*[^>/]>"), b"</si>", b"</sst>")


class Sieve:
    """Takes elements out of a part's XML; what it gives is to be parsed."""

    def __init__(self, marks: Marks, take: Callable[[bytes], bool]) -> None:
        self._marks = marks
        self._take = take  # some whole elements; False: they have to be parsed
        self._kept = b""
        self._inside = False
        self._done = False

    def __call__(self, data: bytes) -> bytes:
        """The next of the file; nothing more at its end."""
        if self._done:
            return data
        self._kept += data
        before = b"" if self._inside else self._enter()
        self._done = not data or b"<!" in self._kept or len(self._kept) > _MOST
        if self._inside and not self._done:
            before += self._elements()
            self._done = self._marks.end in self._kept
        if self._done:
            before, self._kept = before + self._kept, b""
        return before

    def _enter(self) -> bytes:
        """What stands before the first element."""
        begin = self._marks.begin.search(self._kept)
        if begin is None:
            return b""
        head, self._kept = self._kept[: begin.end()], self._kept[begin.end() :]
        self._inside = True
        return head

    def _elements(self) -> bytes:
        """Whole elements, unless they are taken."""
        end = self._kept.rfind(self._marks.each) + len(self._marks.each)
        if end < len(self._marks.each):
            return b""
        whole, self._kept = self._kept[:end], self._kept[end:]
        return b"" if self._take(whole) else whole


def texts(whole: bytes) -> list[bytes] | None:
    """Texts that are plain ones; None when there is any other."""
    found = _TEXT.split(whole)
    if any(found[::2]) or b"\r" in whole or b"_x" in whole:
        return None
    try:
        whole.decode()
    except UnicodeDecodeError:
        return None
    return found[1::2]


def parsed(rows: bytes) -> Piece | None:
    """The cells of whole rows; None when there is anything else."""
    if b"\r" in rows:  # a parser makes line feeds of them
        return None
    try:
        found = _CELL.split(rows.decode())
    except UnicodeDecodeError:
        return None
    stride = _GROUPS + 1
    between = found[::stride]
    starts = [index for index, text in enumerate(between) if text]
    numbers = []
    for index in starts:
        if not _BETWEEN.fullmatch(between[index]):
            return None
        numbers.append(_NUMBER.findall(between[index])[-1:])
    if starts and starts[-1] == len(between) - 1:  # what ends the last row
        starts, numbers = starts[:-1], numbers[:-1]
    if not starts or starts[0] or not all(numbers):
        return None
    return Piece(
        [int(number) for (number,) in numbers],
        starts,
        *(found[group::stride] for group in range(1, stride)),
    )
