"""Blocks of whole lines, in bounded memory, that know where they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Protocol

import msgspec

from factory.stores.model import Store
from factory.transfer import first_bytes
from factory.transfer.bad_rows import BadRows
from factory.transfer.compression import opened
from factory.transfer.errors import BadRow
from factory.transfer.formats.jsonl.document import BOM
from factory.transfer.formats.jsonl.guess import format_of

BLOCK = 1 << 20
LONGEST = 32 << 20

_SHOWN = 1000  # bytes of a row that is too long to be kept


@dataclass(frozen=True)
class Row:
    """The text of one row."""

    text: bytes
    line: int  # where it begins; a file's first is 1
    place: str = ""  # what tells it from others of its line, as the beginning of a message


class Block(Protocol):
    """Some rows of a file."""

    @property
    def data(self) -> bytes:
        """Their texts, and what stands between them."""

    def texts(self) -> Sequence[bytes]:
        """Each row."""

    def rows(self) -> Sequence[Row]:
        """The same with their places, which takes longer."""


Blocks = Callable[[Store, str, BadRows | None], Iterator[Block]]
"""All rows of a file; those that are too long go to the bad rows, or end it without them."""


@dataclass(frozen=True)
class Lines:
    """Some lines of a file."""

    first: int  # the number of the first line; a file's first is 1
    data: bytes

    def texts(self) -> list[bytes]:
        """Lines that are not blank."""
        return [line for line in self.data.split(b"\n") if line.strip()]

    def rows(self) -> list[Row]:
        """Lines that are not blank, each with its number."""
        lines = enumerate(self.data.split(b"\n"), self.first)
        return [Row(line, number) for number, line in lines if line.strip()]


def blocks(fs: Store, source: str, bad: BadRows | None = None) -> Iterator[Lines]:
    """All lines of `source`. Those that are too long go to `bad`, or end the file without it."""
    number = 1
    with opened(fs, source) as file:
        for data, whole in _cut(_checked(file, source)):
            if whole:
                yield Lines(number, data)
            elif bad is None:
                return
            else:
                shown = data.decode(errors="replace") + "…"
                bad.add(source, number, f"a row of more than {LONGEST >> 20} MiB", shown)
            number += data.count(b"\n") if whole else 1


def _checked(file: IO[bytes], source: str) -> Iterator[bytes]:
    data = file.read(BLOCK).removeprefix(BOM)
    _refuse_document(data, source)
    first_bytes.refuse(data, source, "jsonl")
    yield data
    while data:
        data = file.read(BLOCK)
        yield data


def _refuse_document(head: bytes, source: str) -> None:
    """An array, or an object over several lines, is no JSON Lines, whatever its lines are."""
    begun = head.strip()
    if begun[:1] == b"[":
        said = "is an array, not JSON Lines"
    elif begun[:1] == b"{" and _goes_on(begun):
        said = "is one object over several lines, not JSON Lines"
    else:
        return
    line = head[: head.index(begun)].count(b"\n") + 1
    raise BadRow(f"{source}:{line}: this {said}", format_of(begun))


def _goes_on(begun: bytes) -> bool:
    """Does the first value end behind its first line, and not by a fault?"""
    line = begun.partition(b"\n")[0]
    if len(line) == len(begun) or _end(line) is not None:
        return False
    end = _end(begun)
    return end is None or end > len(line)


def _end(data: bytes) -> int | None:
    """Where the first value ends; 0: it is none; None: not within `data`."""
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except msgspec.DecodeError as error:
        said = str(error)
        if "truncated" in said:
            return None
        behind = said.partition("trailing characters (byte ")[2]
        return int(behind[:-1]) if behind else 0
    except RecursionError:
        return 0
    return len(data)


def _cut(pieces: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Whole lines, or (False) the start of one that is too long."""
    kept: list[bytes] = []
    dropping = False
    for piece in pieces:
        if dropping:
            _, end, piece = piece.partition(b"\n")
            dropping = not end
        cut = piece.rfind(b"\n") + 1
        if cut:
            yield b"".join([*kept, piece[:cut]]), True
            kept = []
        kept.append(piece[cut:])
        if sum(map(len, kept)) > LONGEST:
            yield b"".join(kept)[:_SHOWN], False
            kept, dropping = [], True
    if any(kept):
        yield b"".join(kept), True
