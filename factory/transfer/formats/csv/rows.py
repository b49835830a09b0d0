"""Blocks → rows, slowly and exactly: for headers, and to tell where a bad value stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from factory.transfer.formats.csv.blocks import Block, lines
from factory.transfer.formats.csv.dialect import Dialect, quoted_end


@dataclass(frozen=True)
class Value:
    """A field without its quotes and escapes."""

    data: bytes
    quoted: bool


@dataclass(frozen=True)
class Row:
    """A row and where it stands."""

    line: int
    data: bytes  # as it was written, without the end of its line
    end: int  # in its block, after the end of its line
    values: list[Value]


def split(block: Block, dialect: Dialect, *, blank: bool = False) -> Iterator[Row]:
    """Each row of the block; blank lines only when asked for."""
    data, line, position = block.data, block.line, 0
    while position < len(data):
        start = position
        values, stop = _row(data, start, dialect)
        position = stop + (2 if data[stop : stop + 2] == b"\r\n" else 1)
        if stop > start or blank:
            yield Row(line, data[start:stop], position, values)
        line += lines(data[start:position])


def _row(data: bytes, position: int, dialect: Dialect) -> tuple[list[Value], int]:
    values = []
    while True:
        value, position = _value(data, position, dialect)
        values.append(value)
        if data[position : position + 1] != dialect.delimiter:
            return values, position
        position += 1


def _value(data: bytes, position: int, dialect: Dialect) -> tuple[Value, int]:
    inner, quoted = b"", False
    if dialect.quote and data.startswith(dialect.quote, position):
        end = quoted_end(data, position, dialect)
        inner = _inner(data[position + 1 : len(data) if end is None else end - 1], dialect)
        position, quoted = len(data) if end is None else end, True
    match = dialect.patterns.plain.match(data, position)
    end = match.end() if match else position
    return Value(inner + _unescaped(data[position:end], dialect), quoted), end


def _inner(data: bytes, dialect: Dialect) -> bytes:
    quote = dialect.quote or b""
    if not dialect.escape or dialect.escape not in data:
        return data.replace(quote * 2, quote)
    return dialect.patterns.closing.sub(lambda match: match[0][1:] or b"", data)


def _unescaped(data: bytes, dialect: Dialect) -> bytes:
    if not dialect.escape or dialect.escape not in data:
        return data
    return dialect.patterns.escaped.sub(rb"\1", data)
