"""Columns as texts, and rows as lines of them: whole columns at a time."""

from __future__ import annotations

import gzip
import io
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from factory.transfer.errors import BadRow

BYTES = pa.large_binary()
_LEVEL = 6


class Lines:
    """A file of lines, packed as a whole or not."""

    def __init__(self, out: BinaryIO, compression: str) -> None:
        self._open = ExitStack()
        self._out: Any = out
        if compression == "gzip":
            # no name and no time: the same rows are the same bytes
            packed = gzip.GzipFile("", "wb", _LEVEL, out, mtime=0)
            self._out = self._open.enter_context(packed)
        elif compression == "zstd":
            beneath = pa.PythonFile(_KeptOpen(out), mode="w")
            self._out = self._open.enter_context(pa.CompressedOutputStream(beneath, "zstd"))

    def put(self, data: Any) -> None:
        """Append bytes."""
        self._out.write(data)

    def close(self) -> None:
        """Write what the packing holds still."""
        self._open.close()


class _KeptOpen(io.RawIOBase):
    """Arrow closes what it writes into; a file that is closed before its end is none."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        return self._out.write(data)


def lines(fields: Sequence[pa.Array], between: bytes, begin: bytes = b"", end: bytes = b"") -> Any:
    """A line of each row, as the bytes of all."""
    row = pc.binary_join_element_wise(*fields, _scalar(between))
    whole = pc.binary_join_element_wise(_scalar(begin), row, _scalar(end + b"\n"), _scalar(b""))
    if not len(whole):
        return b""
    _, offsets, data = whole.buffers()
    last = memoryview(offsets).cast("q")[len(whole)]
    return memoryview(data)[:last]


def words(column: pa.Array) -> pa.Array:
    """Values other than texts, as they are written everywhere; nulls stay."""
    return column.cast(pa.large_string()).cast(BYTES)


def filled(column: pa.Array, null: bytes) -> pa.Array:
    """`null` in place of each null."""
    return pc.fill_null(column, _scalar(null))


def doubled(texts: pa.Array, pairs: Sequence[tuple[str, str]]) -> pa.Array:
    """Texts or bytes with each pattern replaced, in this order."""
    for pattern, replacement in pairs:
        texts = pc.replace_substring(texts, pattern=pattern, replacement=replacement)
    return texts


def around(column: pa.Array, mark: bytes) -> pa.Array:
    """Each value between two marks; nulls stay."""
    return pc.binary_join_element_wise(
        _scalar(mark), column.cast(BYTES), _scalar(mark), _scalar(b"")
    )


def is_text(kind: pa.DataType) -> bool:
    """Is it a type of texts?"""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_bytes(kind: pa.DataType) -> bool:
    """Is it a type of bytes?"""
    t = pa.types
    return bool(t.is_binary(kind) or t.is_large_binary(kind) or t.is_fixed_size_binary(kind))


def refuse(field: pa.Field, format: str, hint: str) -> None:
    """Raise `BadRow`: the format has no way to write such a column."""
    raise BadRow(f"the column {field.name!r} is {field.type}, and {format} has none", hint)


def _scalar(value: bytes) -> pa.Scalar:
    return pa.scalar(value, BYTES)
