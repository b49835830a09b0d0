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
    for start, end in _quoted(data, dialect):
        if second := _second(data, start, end):
            looks = data.count(dialect.delimiter, *second) == width - 1
            if looks and _rows(data, start, end, width, dialect):
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


def _second(data: bytes, start: int, end: int) -> tuple[int, int] | None:
    """The second line of a value that has three or more."""
    for newline in (b"\n", b"\r"):
        first = data.find(newline, start, end) + 1
        if first and (last := data.find(newline, first, end)) >= 0:
            return first, last
    return None


def _quoted(data: bytes, dialect: Dialect) -> Iterator[tuple[int, int]]:
    """Quoted values that hold an end of a line, with their quotes."""
    quote = dialect.quote or b""
    parts = data.split(quote)
    if (dialect.escape and dialect.escape in data) or not clean(list(parts), dialect):
        found = spans(data, dialect)
        yield from ((start, end) for start, end in found if end and data.startswith(quote, start))
        return
    starts = list(accumulate(map(len, parts), lambda one, size: one + size + 1, initial=0))
    last = 0
    for index in range(1, len(parts) - 1, 2):
        if (b"\n" in parts[index] or b"\r" in parts[index]) and starts[index] >= last:
            first, until = index, index
            while first > 1 and not parts[first - 1]:
                first -= 2
            while until + 2 < len(parts) and not parts[until + 1]:
                until += 2
            last = starts[until + 1]
            yield starts[first] - 1, last


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
