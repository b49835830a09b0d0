"""Blocks → rows, slowly and exactly: for headers, and to tell where a bad value stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from factory.transfer.formats.csv.blocks import Block, lines
from factory.transfer.formats.csv.dialect import Dialect, after_spaces, quoted_end, torn


@dataclass(frozen=True)
class Value:
    """A field without its quotes and escapes."""

    data: bytes
    quoted: bool
    torn: tuple[int, int] | None = None  # its quotes in the row, when text follows the closing


@dataclass(frozen=True)
class Row:
    """A row and where it stands."""

    line: int
    data: bytes  # as it was written, without the end of its line
    start: int  # in its block
    end: int  # in its block, after the end of its line
    values: list[Value]


def split(block: Block, dialect: Dialect, *, blank: bool = False) -> Iterator[Row]:
    """Each row of the block; blank lines only when asked for."""
    data, line, position = block.data, block.line, 0
    while position < len(data):
        start = position
        values, stop = _row(data, start, dialect)
        position = stop + (2 if data[stop : stop + 2] == b"\r\n" else 1)
        if blank or after_spaces(data, start, dialect) < stop:
            written = dialect.as_written(data[start:stop])
            yield Row(line, written, start, position, values)
        line += lines(data[start:position])


def _row(data: bytes, position: int, dialect: Dialect) -> tuple[list[Value], int]:
    values = []
    start = position
    while True:
        value, position = _value(data, position, dialect, start)
        values.append(value)
        if data[position : position + 1] != dialect.delimiter:
            return values, position
        position += 1


def _value(data: bytes, position: int, dialect: Dialect, row: int) -> tuple[Value, int]:
    inner, quoted, fault = b"", False, None
    position = after_spaces(data, position, dialect)
    if dialect.quote and data.startswith(dialect.quote, position):
        opened, end = position - row, quoted_end(data, position, dialect)
        inner = _inner(data[position + 1 : len(data) if end is None else end - 1], dialect)
        position, quoted = len(data) if end is None else end, True
        if torn(data, position, dialect):
            fault = (opened, position - 1 - row)
        else:
            position = after_spaces(data, position, dialect)
    match = dialect.patterns.plain.match(data, position)
    end = match.end() if match else position
    words = dialect.as_written(inner + _unescaped(data[position:end], dialect))
    return Value(words, quoted, fault), end


def _inner(data: bytes, dialect: Dialect) -> bytes:
    quote = dialect.quote or b""
    if not dialect.escape or dialect.escape not in data:
        return data.replace(quote * 2, quote)
    return dialect.patterns.closing.sub(lambda match: match[0][1:] or b"", data)


def _unescaped(data: bytes, dialect: Dialect) -> bytes:
    if not dialect.escape or dialect.escape not in data:
        return data
    return dialect.patterns.escaped.sub(rb"\1", data)
