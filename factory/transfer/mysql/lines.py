r"""Rows → the bytes that the server reads: lines of a file for LOAD DATA, or tuples of an INSERT.

All of a column is written at once, by Arrow. In a line, fields end with a tab, `\N` is null, and a
backslash stands before what would end a field or a line; bytes are hexadecimal digits.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

FORMAT = r"CHARACTER SET utf8mb4 FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n'"
"""What LOAD DATA is told of the lines."""

_MOST = 1 << 25  # bytes of rows that are written at once: their text is several times as much
_IN_LINES = ((b"\\", r"\\"), (b"\t", r"\t"), (b"\n", r"\n"))
_IN_TUPLES = ((b"\\", r"\\"), (b"'", r"\'"))
_TEXT = pa.large_string()


def lines(batch: pa.RecordBatch) -> Iterator[memoryview]:
    """The rows as lines."""
    for part in _parts(batch):
        fields = [_field(column) for column in part.columns]
        joined = _joined(fields, "\t", r"\N")
        ended = pc.binary_join_element_wise(joined, _constant(""), _constant("\n"))
        yield memoryview(ended.buffers()[2])[: pc.sum(pc.binary_length(ended)).as_py()]


def tuples(batch: pa.RecordBatch, most: int) -> Iterator[tuple[int, str]]:
    """The rows as lists of tuples, each of about so many bytes at most; how many, and their SQL."""
    for part in _parts(batch):
        joined = _joined([_literal(column) for column in part.columns], ",", "NULL")
        rows = [f"({row})" for row in joined.to_pylist()]
        start = size = 0
        for place, row in enumerate(rows):
            if size and size + len(row) > most:
                yield place - start, ",".join(rows[start:place])
                start, size = place, 0
            size += 4 * len(row)  # characters are of four bytes at most
        yield len(rows) - start, ",".join(rows[start:])


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    if not batch.num_rows:
        return
    if batch.nbytes <= _MOST or batch.num_rows == 1:
        yield batch
        return
    half = batch.num_rows // 2
    yield from _parts(batch.slice(0, half))
    yield from _parts(batch.slice(half))


def _joined(fields: list[pa.Array], between: str, null: str) -> pa.Array:
    options = {"null_handling": "replace", "null_replacement": null}
    return pc.binary_join_element_wise(*fields, _constant(between), **options)


def _field(column: pa.Array) -> pa.Array:
    texts = _texts(column)
    return _escaped(texts, _IN_LINES) if _is_text(column.type) else texts


def _literal(column: pa.Array) -> pa.Array:
    texts, kind, t = _texts(column), column.type, pa.types
    if t.is_integer(kind):  # a fraction would be a number of another type
        return texts
    before = "x'" if _is_binary(kind) else "'"
    if _is_text(kind):
        texts = _escaped(texts, _IN_TUPLES)
    quoted = (_constant(before), texts, _constant("'"), _constant(""))
    return pc.binary_join_element_wise(*quoted)


def _texts(column: pa.Array) -> pa.Array:
    """Each value as the server reads it."""
    kind, t = column.type, pa.types
    if _is_binary(kind):
        return hexed(column)
    if t.is_timestamp(kind) and kind.tz:
        column = column.cast(pa.timestamp(kind.unit))  # in UTC, as the session is
    if t.is_float32(kind):  # the server reads it as a double, and rounds once
        column = column.cast(pa.float64())
    return column.cast(_TEXT)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _escaped(texts: pa.Array, special: tuple[tuple[bytes, str], ...]) -> pa.Array:
    data = texts.buffers()[2]
    if data is None or not re.search(
        b"[" + b"".join(re.escape(c) for c, _ in special) + b"]", data
    ):
        return texts
    for character, written in special:
        texts = pc.replace_substring(texts, character.decode(), written)
    return texts


def hexed(column: pa.Array) -> pa.Array:
    """Bytes as hexadecimal digits: those of all values at once, at twice their offsets."""
    # (From the start of its buffers: what was cut off a longer column is not.)
    column = pa.concat_arrays([column.slice(0, 0), column]).cast(pa.large_binary())
    size = len(column)
    valid, offsets, data = column.buffers()
    at = pa.Array.from_buffers(pa.int64(), size + 1, [None, offsets], offset=column.offset)
    first, last = at[0].as_py(), at[size].as_py()
    digits = pa.py_buffer(memoryview(data)[first:last].hex().encode() if data else b"")
    start = pc.subtract(at, at[0])
    doubled = pc.add(start, start).buffers()[1]
    return pa.Array.from_buffers(_TEXT, size, [valid, doubled, digits])


@cache
def _constant(text: str) -> pa.Scalar:
    """As `pa.scalar`, which would import pandas wherever that is installed."""
    data = text.encode()
    buffers = [None, pa.py_buffer(struct.pack("<qq", 0, len(data))), pa.py_buffer(data)]
    return pa.Array.from_buffers(_TEXT, 1, buffers)[0]
