"""Cells of a column → texts, a whole column at a time, as a CSV of the same values has them.

Excel holds dates and times as numbers of days, to the millisecond, and whole numbers as others.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

NUMBER, DATE, STAMP, TIME, ELAPSED, TEXT, SHARED, BOOLEAN, ERROR, UNCOMPUTED, ISO, TWICE = range(12)
"""What stands in a cell."""

_PLAIN = r"^(0|-?[1-9][0-9]*|-?(0|[1-9][0-9]*)\.[0-9]*[1-9])$"
_FRACTION = r"^-?(0|[1-9][0-9]*)\.[0-9]*[1-9]$"
_SURE = 16  # characters: no more than the 15 digits that a double always keeps
_DAY = 86_400_000
_FROM_1900 = 25_569  # days to 1970; before 1900-03-01 one less, for Excel has a 29th of February
_FROM_1904 = 24_107
_LAST = 2_958_466  # the day after 9999-12-31
_NULL = pa.scalar(None, pa.string())


Said = tuple[str, str | None]
"""What is wrong, as what follows a column's name; and a hint."""
Spell = Callable[[pa.StringArray], pa.StringArray]
Each = Callable[[Callable[[str], str]], pa.StringArray]
"""Reads cells one by one, and keeps what is wrong with some."""


class Fault(Exception):
    """A cell without a value that could be read."""

    def __init__(self, reason: str, hint: str | None = None) -> None:
        super().__init__(reason)
        self.said: Said = (reason, hint)


@dataclass
class Cells:
    """Cells of one column, without the empty ones."""

    rows: list[int] = field(default_factory=list)  # their places in the block
    kinds: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def written(self, row: int) -> str:
        """What stands in the file at a place."""
        return self.texts[bisect_left(self.rows, row)]

    def after(self, row: int) -> Cells:
        """Those from a place on, which becomes the first."""
        index = bisect_left(self.rows, row)
        rows = [place - row for place in self.rows[index:]]
        return Cells(rows, self.kinds[index:], self.texts[index:])


@dataclass(frozen=True)
class Book:
    """What all cells of a workbook share."""

    strings: pa.LargeStringArray
    from_1904: bool
    nulls: tuple[str, ...]


@dataclass(frozen=True)
class Texts:
    """A column of a block."""

    values: pa.StringArray  # null where a cell is empty
    kinds: frozenset[int]  # of the cells that are not null
    faults: Mapping[int, Said]  # what is wrong, by the row's place


def texts(cells: Cells, rows: int, book: Book, spell: Spell | None = None) -> Texts:
    """All of a column's `rows`; what is a text in Excel, too, is spelled anew by `spell`."""
    parts: list[pa.StringArray] = []
    at: list[int] = []
    kinds: set[int] = set()
    faults: dict[int, Said] = {}
    nulls = pa.array(book.nulls, pa.string())
    for kind, (places, own) in _by_kind(cells).items():
        found = _read(kind, own, book, faults, places)
        found = pc.if_else(pc.is_in(found, value_set=nulls), _NULL, found)
        if spell is not None and kind in (TEXT, SHARED):
            found = spell(found)
        if found.null_count < len(found):
            kinds.add(kind)
        parts.append(found)
        at += places
    return Texts(_placed(parts, at, rows), frozenset(kinds), faults)


def _by_kind(cells: Cells) -> dict[int, tuple[list[int], list[str]]]:
    kinds = set(cells.kinds)
    if len(kinds) == 1:
        return {kinds.pop(): (cells.rows, cells.texts)}
    found: dict[int, tuple[list[int], list[str]]] = defaultdict(lambda: ([], []))
    for row, kind, text in zip(cells.rows, cells.kinds, cells.texts, strict=True):
        places, own = found[kind]
        places.append(row)
        own.append(text)
    return found


def _placed(parts: Sequence[pa.StringArray], at: Sequence[int], rows: int) -> pa.StringArray:
    """Values at their rows, null elsewhere."""
    values = pa.concat_arrays(parts) if parts else pa.array([], pa.string())
    if len(at) == rows and len(parts) == 1:
        return values
    where: list[int | None] = [None] * rows
    for index, row in enumerate(at):
        where[row] = index
    return values.take(pa.array(where, pa.int64()))


def _read(
    kind: int, own: list[str], book: Book, faults: dict[int, Said], places: Sequence[int]
) -> pa.StringArray:
    def each(one: Callable[[str], str]) -> pa.StringArray:
        found: list[str | None] = []
        for place, text in zip(places, own, strict=True):
            try:
                found.append(text if text and text in book.nulls else one(text))
            except Fault as fault:
                faults[place] = fault.said
                found.append(None)
        return pa.array(found, pa.string())

    if kind == NUMBER:
        return _numbers(own, each)
    if kind in (DATE, STAMP):
        return _moments(own, kind, book, each)
    if kind == SHARED:
        return _shared(own, book, each)
    if kind == TEXT:
        return pa.array(own, pa.string())
    if kind == BOOLEAN and {*own} <= {"0", "1"}:
        return pc.if_else(pc.equal(pa.array(own, pa.string()), "1"), "true", "false")
    if kind == ERROR:
        return each(_error)
    return each(_ONE[kind])


def _numbers(own: list[str], each: Each) -> pa.StringArray:
    texts = pa.array(own, pa.string())
    lengths = pc.binary_length(texts)
    plain = pc.and_(pc.match_substring_regex(texts, _PLAIN), pc.less_equal(lengths, _SURE))
    if plain.true_count == len(texts):
        return texts
    # As Excel writes a double: up to 17 digits, of which fewer may do.
    long = pc.and_(pc.match_substring_regex(texts, _FRACTION), pc.less_equal(lengths, _SURE + 2))
    if pc.or_(plain, long).true_count < len(texts):
        return each(number)
    return pc.if_else(plain, texts, texts.cast(pa.float64()).cast(pa.string()))


def number(text: str) -> str:
    """A number, in the fewest digits that tell it from others; whole ones without a point."""
    try:
        value, written = float(text), Decimal(text)
    except (ValueError, ArithmeticError):
        raise Fault(f"{text!r} is not a number") from None
    if value - value:
        raise Fault(f"{text!r} is out of the range of numbers")
    shortest = Decimal(repr(value))
    # Excel writes 17 digits of a double; who writes more, or long whole numbers, means them.
    whole = "." not in text and "e" not in text.lower()
    if written != shortest and (whole or len(written.as_tuple().digits) > 17):
        return text
    if abs(shortest) < 10**18 and shortest == shortest.to_integral_value():
        return str(int(shortest))
    return repr(value)


def _moments(own: list[str], kind: int, book: Book, each: Each) -> pa.StringArray:
    """Dates, with a time where they have one."""

    def one(text: str) -> str:
        return _moment(text, kind, book)

    try:
        days = pa.array(own, pa.string()).cast(pa.float64())
    except pa.ArrowInvalid:
        return each(one)
    bounds = pc.min_max(days).as_py()
    if not (bounds["min"] >= 61 and bounds["max"] < _LAST - _FROM_1900 + _FROM_1904):
        return each(one)
    return _stamps(days, _FROM_1904 if book.from_1904 else _FROM_1900, kind)


def _stamps(days: pa.Array, before: int, kind: int) -> pa.StringArray:
    ticks = pc.cast(pc.round(pc.multiply(days, float(_DAY))), pa.int64())
    ticks = pc.subtract(ticks, before * _DAY)
    stamps = pc.replace_substring_regex(
        ticks.cast(pa.timestamp("ms")).cast(pa.string()), r"\.000$", ""
    )
    return pc.replace_substring_regex(stamps, " 00:00:00$", "") if kind == DATE else stamps


def _moment(text: str, kind: int, book: Book) -> str:
    try:
        days = float(text)
    except ValueError:
        raise Fault(f"{text!r} is not a date") from None
    before = _FROM_1904
    if not book.from_1904:
        if 60 <= days < 61:
            raise Fault(f"{text} is 29 February 1900, a day that Excel alone has", _missing(text))
        before = _FROM_1900 if days >= 61 else _FROM_1900 - 1
    first = 0 if book.from_1904 else 1
    if not first <= days < _LAST - _FROM_1900 + before:
        raise Fault(f"{text} is shown as a date, and is none", _missing(text))
    found: str = _stamps(pa.array([days]), before, kind)[0].as_py()
    return found


def _time(text: str) -> str:
    """A time of day; of more than a day, the moment that it is."""
    try:
        ticks = round(float(text) * _DAY)
    except (ValueError, OverflowError):
        raise Fault(f"{text!r} is not a time") from None
    if not 0 <= ticks < _DAY:
        raise Fault(f"{text} is shown as a time of day, and is none", _missing(text))
    return _clock(ticks)


def _elapsed(text: str) -> str:
    try:
        ticks = round(float(text) * _DAY)
    except (ValueError, OverflowError):
        raise Fault(f"{text!r} is not a time") from None
    return f"-{_clock(-ticks)}" if ticks < 0 else _clock(ticks)


def _clock(ticks: int) -> str:
    seconds, rest = divmod(ticks, 1000)
    hours, seconds = divmod(seconds, 3600)
    fraction = f".{rest:03}" if rest else ""
    return f"{hours:02}:{seconds // 60:02}:{seconds % 60:02}{fraction}"


def _boolean(text: str) -> str:
    try:
        return {"1": "true", "0": "false", "true": "true", "false": "false"}[text]
    except KeyError:
        raise Fault(f"{text!r} is not a boolean") from None


def _iso(text: str) -> str:
    """A date that is written as one (of a workbook in the strict form)."""
    return text.replace("T", " ")


def _error(text: str) -> str:
    raise Fault(f"holds the error {text}", _missing(text))


def _missing(text: str) -> str:
    return f"If it means a missing value: `nulls: ['', {text!r}]`"


def _uncomputed(text: str) -> str:
    raise Fault(
        "holds a formula without a stored value",
        "Open the workbook in Excel and save it: then the values are in it",
    )


def _twice(text: str) -> str:
    raise Fault(f"has a second value, {text!r}, in the same cell")


_ONE: Mapping[int, Callable[[str], str]] = {
    TIME: _time,
    ELAPSED: _elapsed,
    BOOLEAN: _boolean,
    ISO: _iso,
    UNCOMPUTED: _uncomputed,
    TWICE: _twice,
}

# Not NUL, which no database takes, nor half of a pair.
_ESCAPED = re.compile("_x(?!0000|[dD][89a-fA-F])([0-9A-Fa-f]{4})_")


def unescaped(text: str) -> str:
    """`_x000D_` is a character that XML can't hold."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def _shared(own: list[str], book: Book, each: Each) -> pa.StringArray:
    def one(text: str) -> str:
        if not text.isdecimal() or int(text) >= len(book.strings):
            raise Fault(f"names the text {text}, which the workbook has not")
        found: str = book.strings[int(text)].as_py()
        return found

    try:
        indices = pa.array(own, pa.string()).cast(pa.int64())
        return book.strings.take(indices).cast(pa.string())
    except (pa.ArrowInvalid, IndexError):
        return each(one)
