"""The texts of a workbook, each of which is kept once: on disk, for there may be many."""

from __future__ import annotations

import mmap
import tempfile
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate, islice
from typing import IO

import pyarrow as pa

from factory.transfer.formats.xlsx import quick
from factory.transfer.formats.xlsx.cells import unescaped
from factory.transfer.formats.xlsx.workbook import Handlers, Workbook, local


@contextmanager
def strings(workbook: Workbook) -> Iterator[pa.LargeStringArray]:
    """All of them, by their number."""
    part = workbook.strings_part
    if part is None or not workbook.has(part):
        yield pa.array([], pa.large_string())
        return
    with tempfile.TemporaryFile() as file:
        ends = _write(workbook, part, file)
        file.flush()
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if ends[-1] else b""
        buffers = [None, pa.py_buffer(ends), pa.py_buffer(data)]
        yield pa.Array.from_buffers(pa.large_string(), len(ends) - 1, buffers)


def _write(workbook: Workbook, part: str, file: IO[bytes]) -> array[int]:
    """The texts, one after the other; where each ends."""
    ends = array("q", [0])
    size, pieces, texts = 0, list[str](), list[bytes]()
    spoken, inside = True, False
    tags: dict[str, str] = {}

    def start(name: str, given: dict[str, str]) -> None:
        nonlocal spoken, inside
        tag = tags.get(name) or tags.setdefault(name, local(name))
        if tag == "rPh":  # how it is pronounced
            spoken = False
        elif tag == "t":
            inside = spoken

    def end(name: str) -> None:
        nonlocal size, spoken, inside
        tag = tags[name]
        if tag == "t":
            inside = False
        elif tag == "rPh":
            spoken = True
        elif tag == "si":
            data = unescaped("".join(pieces)).encode()
            size += len(data)
            ends.append(size)
            texts.append(data)
            pieces.clear()

    def text(data: str) -> None:
        if inside:
            pieces.append(data)

    def take(whole: bytes) -> bool:
        nonlocal size
        found = quick.texts(whole)
        if found is not None:
            texts.extend(found)
            ends.extend(islice(accumulate(map(len, found), initial=size), 1, None))
            size = ends[-1]
        return found is not None

    sieve = quick.Sieve(quick.TEXTS, take)
    for _ in workbook.parse(part, Handlers(start, end, text), sieve):
        file.write(b"".join(texts))
        texts.clear()
    return ends
