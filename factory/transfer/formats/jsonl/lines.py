"""Blocks of whole lines, in bounded memory, that know where they stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from factory.stores.model import Store
from factory.transfer import first_bytes
from factory.transfer.bad_rows import BadRows
from factory.transfer.compression import opened

BLOCK = 1 << 20
LONGEST = 32 << 20

_BOM = b"\xef\xbb\xbf"
_SHOWN = 1000  # bytes of a row that is too long to be kept


@dataclass(frozen=True)
class Block:
    """Some lines of a file."""

    first: int  # the number of the first line; a file's first is 1
    data: bytes

    def numbered(self) -> list[tuple[int, bytes]]:
        """Lines that are not blank, each with its number."""
        lines = self.data.split(b"\n")
        return [(n, line) for n, line in enumerate(lines, self.first) if line.strip()]


def blocks(fs: Store, source: str, bad: BadRows | None = None) -> Iterator[Block]:
    """All lines of `source`. Those that are too long go to `bad`, or end the file without it."""
    number = 1
    with opened(fs, source) as file:
        for data, whole in _cut(_without_bom(file, source)):
            if whole:
                yield Block(number, data)
            elif bad is None:
                return
            else:
                shown = data.decode(errors="replace") + "…"
                bad.add(source, number, f"a row of more than {LONGEST >> 20} MiB", shown)
            number += data.count(b"\n") if whole else 1


def _without_bom(file: IO[bytes], source: str) -> Iterator[bytes]:
    data = file.read(BLOCK)
    first_bytes.refuse(data, source, "jsonl")
    yield data.removeprefix(_BOM)
    while data:
        data = file.read(BLOCK)
        yield data


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
