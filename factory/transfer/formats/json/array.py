"""An array, in blocks of whole elements.

Where elements end is told by strings and brackets alone, so that one that is no JSON spoils no
other. Splitting at quotes and adding brackets up are done a block at a time: there is no work in
Python for a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import msgspec

from factory.transfer.formats.jsonl.document import LONGEST, STRING, Document
from factory.transfer.formats.jsonl.lines import Row

_BRACKETS = b"[]{}"
_DEPTH = bytes.maketrans(_BRACKETS, b"\x01\xff\x01\xff")  # as signed bytes: 1 and -1
_OTHERS = bytes(set(range(256)) - set(_BRACKETS))
_BRACKET = re.compile(rb"[\[\]{}]")
_ESCAPED = re.compile(rb"\\.", re.DOTALL)
_TOKEN = re.compile(STRING + rb"|[\[\]{},]", re.DOTALL)
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True)
class Elements:
    """Some elements, with the commas between them."""

    data: bytes
    line: int  # of its first byte
    number: int  # of its first element; an array's first is 1
    found: Sequence[bytes]

    def texts(self) -> Sequence[bytes]:
        """Each element."""
        return self.found

    def rows(self) -> list[Row]:
        """Each with its place."""
        rows, line = [], self.line
        for number, text in enumerate(_split(self.data), self.number):
            begun = text.lstrip()
            first = line + text[: len(text) - len(begun)].count(b"\n")
            rows.append(Row(begun.rstrip(), first, f"row {number} of the array: "))
            line += text.count(b"\n")
        return rows


@dataclass(frozen=True)
class Whole:
    """A document that is one row."""

    data: bytes
    line: int

    def texts(self) -> list[bytes]:
        """The document."""
        return [self.data]

    def rows(self) -> list[Row]:
        """The same."""
        return [Row(self.data, self.line)]


def elements(document: Document) -> Iterator[Elements]:
    """All of the array that begins here, behind its `[`; its `]` is taken. Raises `BadRow`."""
    number, mark = 1, b""
    while True:
        if mark and (guessed := _guessed(document, mark, number)):
            yield guessed
            number += len(guessed.found)
            document.more()
            continue
        end, closed = boundary(document.data)
        if block := _block(document, end, number, closed):
            yield block
            # Where it was of no use once, it is not looked for again.
            mark = _mark(block) if number == 1 else b""
            number += len(block.found)
        if closed:
            document.take(1)
            return
        if len(document.data) > LONGEST:
            _to_row(document)
            said = f"row {number} of the array is longer than {LONGEST >> 20} MiB"
            raise document.wrong(said, "A text without its closing quote makes such a row")
        if not document.more():
            _to_row(document)
            raise document.wrong(
                f"the file ends in row {number} of the array, which begins here",
                "Is it cut short, or a closing quote or bracket missing?",
            )


def _mark(block: Elements) -> bytes:
    """What stands between two elements, as far as all have it alike, with the first key; or none.

    Where it is found, elements may end, which is tried: that is quicker than to look for the end.
    """
    if len(block.found) < 2:
        return b""
    last = block.found[-1]
    start = block.data.rindex(last)
    before = block.data[:start].rstrip().removesuffix(b",").rstrip()
    return block.data[len(before) - 1 : start] + last.partition(b":")[0]


def _guessed(document: Document, mark: bytes, number: int) -> Elements | None:
    """The elements before the last mark, if all that stands there is some; else none."""
    end = document.data.rfind(mark) + 1
    data = document.data[:end]
    comma = data.find(b",") + 1
    if not comma or data[: comma - 1].strip():
        return None
    try:
        found = list(map(bytes, _LIST.decode(b"[" + data[comma:] + b"]")))
    except (msgspec.DecodeError, RecursionError):
        return None
    line = document.line + data.count(b"\n", 0, comma)
    document.take(end)
    return Elements(data[comma:], line, number, found)


def _to_row(document: Document) -> None:
    if document.next() == b",":
        document.take(1)
        document.next()


def _block(document: Document, end: int, number: int, closed: bool) -> Elements | None:
    """The elements before `end`; None when there are none. Raises `BadRow` for a stray comma."""
    line, data = document.line, document.take(end)
    if not data.strip():
        return None
    if number > 1:
        space, comma, data = data.partition(b",")
        if space.strip() or not comma:
            raise document.wrong(f"no comma stands before row {number} of the array")
        line += space.count(b"\n")
    if data.rstrip()[-1:] in (b"", b","):
        raise document.wrong("a comma stands before the closing `]`")
    return Elements(data, line, number, _texts(data))


def boundary(data: bytes) -> tuple[int, bool]:
    """Where the last whole object or array of `data` ends, or (True) where the `]` of all stands.

    `data` begins between two elements.
    """
    plain = _ESCAPED.sub(b"__", data) if b"\\" in data else data
    parts = plain.split(b'"')  # every second is a text
    brackets = b"".join(parts[::2]).translate(_DEPTH, _OTHERS)
    depths = list(accumulate(memoryview(brackets).cast("b")))
    if depths and min(depths) < 0:
        return _place(parts, len(data), len(depths) - depths.index(-1)), True
    depths.reverse()
    if 0 not in depths:
        return 0, False
    return _place(parts, len(data), depths.index(0) + 1) + 1, False


def _place(parts: Sequence[bytes], end: int, count: int) -> int:
    """Where the bracket stands that is the last but `count - 1` outside of texts."""
    for index in range(len(parts) - 1, -1, -1):
        start = end - len(parts[index])
        if index % 2 == 0:
            found = [match.start() for match in _BRACKET.finditer(parts[index])]
            if len(found) >= count:
                return start + found[-count]
            count -= len(found)
        end = start - 1
    raise AssertionError


def _texts(data: bytes) -> list[bytes]:
    try:
        return list(map(bytes, _LIST.decode(b"[" + data + b"]")))
    except (msgspec.DecodeError, RecursionError):
        return [text.strip() for text in _split(data)]


def _split(data: bytes) -> list[bytes]:
    """Cut at the commas outside of texts and brackets, also where it is no JSON."""
    ends, depth = [-1], 0
    for token in _TOKEN.finditer(data):
        mark = token[0]
        if mark == b"," and not depth:
            ends.append(token.start())
        elif len(mark) == 1:
            depth += (mark in b"[{") - (mark in b"]}")
    return [data[one + 1 : other] for one, other in pairwise([*ends, len(data)])]
