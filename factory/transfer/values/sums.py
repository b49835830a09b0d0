"""What the values of a column sum up to, whatever their type, and however they come in batches."""

from __future__ import annotations

import hashlib

import pyarrow as pa
import pyarrow.compute as pc

from factory.transfer.values import agreement


class Sum:
    """The sum of a column's values, batch by batch.

    It is of texts: a 5 is `5`, whether a table of the day reads it as a bigint, a `numeric(9,2)`,
    or a text.
    """

    def __init__(self) -> None:
        self._lengths = hashlib.blake2b(digest_size=16)
        self._bytes = hashlib.blake2b(digest_size=16)

    def add(self, column: pa.Array) -> None:
        """Add the values of the next rows."""
        texts = _texts(column).cast(pa.large_binary())
        self._lengths.update(_numbers(pc.fill_null(pc.binary_length(texts), -1)))
        self._bytes.update(_joined(texts))

    def digest(self) -> bytes:
        """Of all values so far, in their order."""
        return self._lengths.digest() + self._bytes.digest()


def _numbers(column: pa.Int64Array) -> memoryview:
    """The bytes of all values; none is null."""
    _, data = column.buffers()
    return memoryview(data or b"")[8 * column.offset : 8 * (column.offset + len(column))]


def _joined(texts: pa.LargeBinaryArray) -> memoryview:
    """The bytes of all values; what a null may have left in the buffer is none."""
    filled = pc.fill_null(texts, b"")
    _, offsets, data = filled.buffers()
    if not len(filled) or data is None:
        return memoryview(b"")
    ends = memoryview(offsets).cast("q")
    first, last = ends[filled.offset], ends[filled.offset + len(filled)]
    return memoryview(data)[first:last]


def _texts(column: pa.Array) -> pa.Array:
    """One text for each value that is the same in several types."""
    t, kind = pa.types, column.type
    if isinstance(column, pa.ExtensionArray):
        return _texts(column.storage)
    if t.is_dictionary(kind):
        return _texts(column.dictionary_decode())
    if agreement.is_bytes(kind):
        return column
    if t.is_nested(kind) or t.is_interval(kind):
        said = [None if value is None else repr(value) for value in column.to_pylist()]
        return pa.array(said, pa.large_string())
    if t.is_timestamp(kind):
        return _time(column.cast(pa.int64()).cast(pa.timestamp(kind.unit)))
    if t.is_time(kind):
        return _time(column)
    if t.is_duration(kind):
        column = column.cast(pa.int64())
    texts = column.cast(pa.large_string())
    return _number(texts) if t.is_decimal(kind) else texts


def _time(column: pa.Array) -> pa.Array:
    """No zeros at the end of a fraction; a midnight is its day."""
    texts = column.cast(pa.large_string())
    if getattr(column.type, "unit", "s") != "s":
        texts = _cut(texts)
    return pc.replace_substring(texts, " 00:00:00", "")


def _number(texts: pa.Array) -> pa.Array:
    """No zeros at the end of a fraction: `0.50` is `0.5`, `0E-9` is `0`, `1E-20` stays."""
    texts = pc.if_else(pc.starts_with(texts, "0E"), "0", texts)
    return pc.if_else(pc.match_substring_regex(texts, r"^[^.]*$|E"), texts, _cut(texts))


def _cut(texts: pa.Array) -> pa.Array:
    return pc.utf8_rtrim(pc.utf8_rtrim(texts, "0"), ".")
