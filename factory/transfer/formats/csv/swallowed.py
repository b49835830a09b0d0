"""Rows that a stray quote has made a part of its value: told by what the value looks like."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from itertools import accumulate

from factory.transfer.formats.csv.blocks import Swallowed, clean, lines
from factory.transfer.formats.csv.dialect import Dialect, spans

AROUND = 16 << 10  # bytes: where others have such values, they are texts
_END = re.compile(rb"\r\n|\n|\r")


def swallowed(data: bytes, line: int, width: int, dialect: Dialect) -> tuple[Swallowed, ...]:
    """Quoted values of three lines or more, each with as many fields as a row.

    `data` is whole rows, and begins in `line`. Where others have long values, they are texts.
    """
    if dialect.multiline or not dialect.quote or width < 2:
        return ()
    suspects, texts = [], []
    for start, end in _long(data, width, dialect):
        if end and _rows(data, start, end, width, dialect):
            suspects.append((start, end))
        else:
            texts.append(start)
    return tuple(_placed(data, line, [one for one in suspects if not _near(one, texts)]))


def _near(suspect: tuple[int, int], texts: list[int]) -> bool:
    start, end = suspect
    index = bisect.bisect(texts, start - AROUND)
    return index < len(texts) and texts[index] < end + AROUND


def _placed(data: bytes, line: int, found: list[tuple[int, int]]) -> Iterator[Swallowed]:
    before = 0
    for start, end in found:
        line += lines(data[before:start])
        before = start
        yield Swallowed(line, line + lines(data[start:end]))


def _long(data: bytes, width: int, dialect: Dialect) -> Iterator[tuple[int, int]]:
    """Quoted values of three lines or more, with their quotes; the end is 0 of certain texts."""
    quote, delimiter = dialect.quote or b"", dialect.delimiter
    newline = b"\n" if b"\n" in data else b"\r"
    parts = data.split(quote)
    if (dialect.escape and dialect.escape in data) or not clean(parts, dialect):
        for start, end in spans(data, dialect):
            if end and data.startswith(quote, start) and data.count(newline, start, end) > 1:
                yield start, end
        return
    ends = list(accumulate(map(len, parts)))  # without the quotes between them
    for first, until in _values(parts, newline):
        value = parts[first] if first == until else quote.join(parts[first : until + 1])
        if value.count(newline) > 1:
            start = ends[first - 1] + first - 1
            certain = value.count(delimiter) < 2 * (width - 1)
            yield start, 0 if certain else start + len(value) + 2


def _values(parts: list[bytes], newline: bytes) -> Iterator[tuple[int, int]]:
    """The first and the last part of each value that holds an end of a line."""
    done = 0
    for index in range(1, len(parts) - 1, 2):
        if newline in parts[index] and index > done:
            first, until = index, index
            while first > 1 and not parts[first - 1]:
                first -= 2
            while until + 2 < len(parts) and not parts[until + 1]:
                until += 2
            done = until
            yield first, until


def _rows(data: bytes, start: int, end: int, width: int, dialect: Dialect) -> bool:
    """Has each line on which the value stands as many fields as a row?"""
    begin = data.rfind(b"\n", 0, start) + 1
    begin = data.rfind(b"\r", begin, start) + 1 or begin
    match = _END.search(data, end)
    stop = match.start() if match else len(data)
    quote = re.escape(dialect.quote or b"")
    whole = re.compile(quote + rb"[^\r\n" + quote + rb"]*" + quote)
    before, after = whole.sub(b"", data[begin:start]), whole.sub(b"", data[end:stop])
    found = _END.split(before + data[start:end] + after)
    return all(part.count(dialect.delimiter) == width - 1 for part in found)
