"""How a CSV file is written: its dialect, and where its rows and fields end.

A quote opens only at a field's start. What follows a closing quote up to the delimiter belongs
to the field: so pyarrow and the standard library read it, and so rows are told apart; but it is a
fault of its row (`torn`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from factory.definitions.formats import Csv
from factory.definitions.formats.csv import delimiter as written_delimiter
from factory.definitions.formats.csv import encoding, is_character, is_delimiter, nulls
from factory.transfer.errors import BadOption

STAND_IN = b"\x1f"  # for a delimiter of several characters: pyarrow knows only one
_SPACES = re.compile(rb" *")


@dataclass(frozen=True)
class Patterns:
    """What is searched for in a dialect's bytes."""

    opening: re.Pattern[bytes]  # a quote that opens a field, or escaped bytes outside of quotes
    closing: re.Pattern[bytes]  # within quotes: an escaped byte, two quotes, or the closing one
    plain: re.Pattern[bytes]  # the rest of a field, outside of quotes
    escaped: re.Pattern[bytes]


@dataclass(frozen=True)
class Dialect:
    """The options of a CSV file, as its bytes have them."""

    delimiter: bytes
    quote: bytes | None
    escape: bytes | None
    encoding: str
    header: bool
    skip_rows: int  # lines before the header
    nulls: tuple[str, ...]
    quoted_nulls: bool = False
    skip_space: bool = False
    ignore_empty: bool = False  # fields behind the last column
    multiline: bool = False
    several: bytes = b""  # the delimiter as the file has it, when it is of several characters
    patterns: Patterns = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        made = _patterns(self.delimiter, self.quote, self.escape, self.skip_space)
        object.__setattr__(self, "patterns", made)

    def as_written(self, data: bytes) -> bytes:
        """What stands in the file for what is read."""
        return data.replace(STAND_IN, self.several) if self.several else data


def _patterns(
    delimiter: bytes, quote: bytes | None, escape: bytes | None, skip_space: bool
) -> Patterns:
    d = re.escape(delimiter)
    space = rb" *" if skip_space else b""
    e = re.escape(escape) if escape else rb"(?!)"
    # Without quotes nothing opens, and what never matches is never asked for.
    q = re.escape(quote) if quote else rb"(?!)"
    # The literal first: the search is then as fast as looking for one byte.
    opening = q + rb"(?<=[" + d + rb"\r\n]" + q + rb")" if quote else rb"(?!)"
    if quote and skip_space:
        opening += rb"|(?<=[" + d + rb"\r\n]) +" + q
    if escape:
        opening = rb"(?:" + e + rb"(?:.|\Z))+" + space + q + rb"?|" + opening
        closing = e + rb"(?:.|\Z)|" + q + q + rb"|" + q
        other = rb"[^\r\n" + d + e + rb"]*"
        plain = other + rb"(?:" + e + rb"(?:.|\Z)" + other + rb")*"
    else:
        closing = q + q + rb"|" + q
        plain = rb"[^\r\n" + d + rb"]*"
    if escape and not quote:
        opening = rb"(?:" + e + rb"(?:.|\Z))+"
    compiled = (re.compile(p, re.DOTALL) for p in (opening, closing, plain, e + rb"(.)"))
    return Patterns(*compiled)


def dialect(given: Csv) -> Dialect:
    """Read the options. Raises `BadOption`."""
    between = written_delimiter(given)
    if not is_delimiter(between):
        raise BadOption(f"'delimiter' can't be {between!r}", "One ASCII character, or as `||`")
    several = between.encode() if len(between) > 1 else b""
    delimiter = STAND_IN if several else between.encode()
    quote = None if given.quote is None else _character("quote", given.quote)
    escape = None if given.escape is None else _character("escape", given.escape)
    if len({delimiter, quote, escape}) < 3 and not (quote is None and escape is None):
        raise BadOption("'delimiter', 'quote' and 'escape' must differ")
    return Dialect(
        delimiter=delimiter,
        quote=quote,
        escape=escape,
        encoding=_encoding(given.encoding),
        header=given.header,
        skip_rows=given.skip_rows,
        nulls=nulls(given),
        quoted_nulls=given.quoted_nulls,
        skip_space=given.skip_space,
        ignore_empty=given.extra_fields == "ignore_empty",
        multiline=given.multiline,
        several=several,
    )


def _character(name: str, value: str) -> bytes:
    if not is_character(value):
        raise BadOption(f"{name!r} must be one ASCII character, not {value!r}")
    return value.encode()


def _encoding(name: str) -> str:
    if (found := encoding(name)) is None:
        hint = "Python's names are known: utf-8, latin-1, cp1252, utf-16"
        raise BadOption(f"unknown encoding {name!r}", hint)
    return found


def quoted_end(data: bytes, start: int, dialect: Dialect) -> int | None:
    """Where the field ends whose quote opens at `start`: after its closing quote, if it has one."""
    position = start + 1
    while match := dialect.patterns.closing.search(data, position):
        position = match.end()
        if match[0] == dialect.quote:
            return position
    return None


def after_spaces(data: bytes, position: int, dialect: Dialect) -> int:
    """Where a field goes on, when spaces around it are to be left out."""
    if not dialect.skip_space:
        return position
    match = _SPACES.match(data, position)
    return match.end() if match else position


def torn(data: bytes, end: int, dialect: Dialect) -> bool:
    """Does text follow the closing quote before `end`?"""
    end = after_spaces(data, end, dialect)
    return data[end : end + 1] not in (b"", b"\n", b"\r", dialect.delimiter)


def spans(data: bytes, dialect: Dialect) -> Iterator[tuple[int, int | None]]:
    """The quoted and escaped parts, in which no row ends; `data` begins with a row.

    The end is None when a quote is not closed.
    """
    position = 0
    opening = dialect.patterns.opening
    first = after_spaces(data, 0, dialect)
    while True:
        if position == 0 and dialect.quote and data.startswith(dialect.quote, first):
            start, end = first, quoted_end(data, first, dialect)
        elif match := opening.search(data, position):
            start, end = match.span()
            if match[0].lstrip(b" ") == dialect.quote:
                start = end - 1
                end = quoted_end(data, start, dialect)
        else:
            return
        yield start, end
        if end is None:
            return
        position = end
