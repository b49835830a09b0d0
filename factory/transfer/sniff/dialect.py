"""The dialect of a CSV file, by how well each would read its first rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec

from factory.definitions.formats import Csv
from factory.definitions.formats.names import snake_case
from factory.transfer.formats.csv import dialect as dialects
from factory.transfer.formats.csv.blocks import Block
from factory.transfer.formats.csv.dialect import STAND_IN
from factory.transfer.formats.csv.rows import Row, split

ROWS = 200
MISFITS = 0.3  # of the rows, in a dialect that is worth a look
DELIMITERS = ("~|~", "|~|", "||", "::", ",", ";", "tab", "|", "\x01")
# Each is taken only where it reads more rows than those before it.
VARIANTS: tuple[dict[str, Any], ...] = (
    {},
    {"escape": "\\"},
    {"skip_space": True},
    {"quote": "'"},
    {"quote": None},
)
_EXCEL = re.compile(rb'"?sep=(.)"?[ \t]*\r?\n')
_NAME = re.compile(r"[^\W\d].{0,99}")
_VALUE = re.compile(r"[-+]?[\d.,:/ TZ+-]*\d[\d.,:/ TZ+%eE-]*")


@dataclass(frozen=True)
class Guess:
    """A dialect, and the names of its columns."""

    given: Csv
    own: tuple[str, ...]  # as `columns` has them
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Read:
    given: Csv
    rows: list[Row]
    width: int  # of most rows
    titles: bool  # were there lines before the first of these?

    def fits(self, row: Row) -> bool:
        return len(row.values) == self.width and not any(value.torn for value in row.values)

    @property
    def misfits(self) -> int:
        return sum(not self.fits(row) for row in self.rows)

    @property
    def filled(self) -> int:
        """Columns that hold anything."""
        fitting = [row.values for row in self.rows if self.fits(row)]
        return sum(any(v.data for v in column) for column in zip(*fitting, strict=True))


def guess(data: bytes, encoding: str, *, whole: bool) -> Guess:
    """The dialect of a file that begins with `data`, which is UTF-8; `encoding` is the file's."""
    if not whole:
        data = data[: data.rfind(b"\n") + 1 or len(data)]
    read = _best(data, encoding)
    given = read.given
    notes = []
    if read.titles:
        line = given.skip_rows + read.rows[0].line
        given = msgspec.structs.replace(given, skip_rows=line - 1)
        notes.append(f"the header is in line {line}; what stands before it is left out")
    if given.quote is None:
        notes.append("some quotes are no quotes around values: all are read as text")
    width = _named(read)
    if any(len(row.values) > width and _empty_from(row, width) for row in read.rows):
        given = msgspec.structs.replace(given, extra_fields="ignore_empty")
    given = msgspec.structs.replace(given, **_all_alike(read))
    return _with_names(given, read, width, notes)


def _with_names(given: Csv, read: _Read, width: int, notes: list[str]) -> Guess:
    first, *rest = [_words(row)[:width] for row in read.rows]
    if not _is_header(first, rest):
        own = tuple(f"column_{number}" for number in range(1, width + 1))
        notes.append("no line names the columns: give them names")
        return Guess(msgspec.structs.replace(given, header=False), own, tuple(notes))
    if rest and not any(_VALUE.fullmatch(word) for row in rest for word in row):
        notes.append("the first line may be the header, or a row: all values are texts")
    final = [snake_case(name) for name in first]
    if all(final) and len(set(final)) == len(final):
        return Guess(given, tuple(final), tuple(notes))
    notes.append("two columns have one name, or one has none: their names are made here")
    made = _unique([name or f"column_{number}" for number, name in enumerate(final, 1)])
    skip = read.rows[0].line + read.given.skip_rows
    given = msgspec.structs.replace(given, header=False, skip_rows=skip)
    return Guess(given, made, tuple(notes))


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return tuple(found) if len(set(found)) == len(found) else _unique(found)


def _best(data: bytes, encoding: str) -> _Read:
    excel = _EXCEL.match(data)
    skip = 1 if excel else 0
    data = data[excel.end() :] if excel else data
    plain = Csv(skip_rows=skip)
    if encoding != "utf-8":
        plain = Csv(encoding=encoding, skip_rows=skip)
    read = [(number, one) for number, one in _all(data, plain) if one.width > 1]
    likely = [pair for pair in read if pair[1].misfits <= max(1, len(pair[1].rows) * MISFITS)]
    if not likely:
        return _read(data, plain)
    return min(likely, key=_unlikely)[1]


def _unlikely(pair: tuple[int, _Read]) -> tuple[int, ...]:
    """Of those that read as many rows, one that has to leave out lines comes last."""
    variant, read = pair
    return read.misfits, variant, read.titles, -read.filled


def _all(data: bytes, plain: Csv) -> Iterator[tuple[int, _Read]]:
    for number, variant in enumerate(VARIANTS):
        for delimiter in DELIMITERS:
            given = msgspec.structs.replace(plain, delimiter=delimiter, **variant)
            read = _read(data, given)
            quoted = any(value.quoted for row in read.rows for value in row.values)
            if read.rows and (quoted or "quote" not in variant or variant["quote"] is None):
                yield number, read


def _read(data: bytes, given: Csv) -> _Read:
    dialect = dialects.dialect(given)
    if dialect.several:
        data = data.replace(dialect.several, STAND_IN)
    rows = list(islice(split(Block(data, 1, sound=False), dialect), ROWS))
    counts = Counter(len(row.values) for row in rows)
    width = counts.most_common(1)[0][0] if rows else 0
    begin = _begin(rows) if width > 1 else 0
    return _Read(given, rows[begin:], width, titles=begin > 0)


def _begin(rows: list[Row]) -> int:
    """The row that the table begins with: titles and comments have but one field."""
    found = (n for n, row in enumerate(rows) if len([v for v in row.values if v.data]) > 1)
    return next(found, 0)


def _named(read: _Read) -> int:
    """How many columns there are: fields that are always empty behind the header's are none."""
    words = _words(read.rows[0])
    width = max(len(words), 1)
    while width > 1 and not words[width - 1]:
        width -= 1
    if width < read.width and all(_empty_from(row, width) for row in read.rows):
        return width
    return read.width


def _empty_from(row: Row, width: int) -> bool:
    return not any(value.data for value in row.values[width:])


def _words(row: Row) -> list[str]:
    return [value.data.decode(errors="replace").strip() for value in row.values]


def _all_alike(read: _Read) -> dict[str, Any]:
    """What values show that would be read without it, too: spaces, single quotes."""
    found: dict[str, Any] = {}
    rows = [row.values for row in read.rows if read.fits(row)]
    later = [value.data for row in rows for value in row[1:] if value.data and not value.quoted]
    if later and all(data[:1] == b" " for data in later):
        found["skip_space"] = True
    for column in zip(*rows, strict=True):
        data = [value.data.strip() for value in column if value.data]
        if len(data) > 1 and all(len(d) > 1 and d[:1] == d[-1:] == b"'" for d in data[1:]):
            found["quote"] = "'"
    return found


def _is_header(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """Are these names: no values, or at least above a column of values?"""
    if not rest or all(not word or _is_name(word) for word in first):
        return True
    for index, word in enumerate(first):
        below = [row[index] for row in rest if index < len(row) and row[index]]
        if _is_name(word) and below and all(_VALUE.fullmatch(value) for value in below):
            return True
    return False


def _is_name(word: str) -> bool:
    return bool(_NAME.fullmatch(word.lstrip("#_")))
