"""JSON Lines: numbers with all their digits, times as texts."""

from __future__ import annotations

import json
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from factory.definitions.output import JsonLinesFiles
from factory.transfer.errors import BadRow
from factory.transfer.lake.formats import text

_ESCAPES = (("\\", "\\\\"), ('"', '\\"'))
_CONTROLS = tuple((chr(code), json.dumps(chr(code))[1:-1]) for code in range(32))


class _Sheet:
    def __init__(self, out: BinaryIO, schema: pa.Schema, format: JsonLinesFiles) -> None:
        self._lines = text.Lines(out, format.compression)
        self._keys = [f"{json.dumps(name, ensure_ascii=False)}:".encode() for name in schema.names]

    def write(self, rows: pa.Table) -> None:
        for batch in rows.to_batches():
            members = [
                _member(key, column, name)
                for key, column, name in zip(
                    self._keys, batch.columns, batch.schema.names, strict=True
                )
            ]
            self._lines.put(text.lines(members, b",", b"{", b"}"))

    def close(self) -> None:
        self._lines.close()


def open(out: BinaryIO, schema: pa.Schema, format: JsonLinesFiles) -> _Sheet:
    """See `formats.open`."""
    return _Sheet(out, schema, format)


def refuse(schema: pa.Schema) -> None:
    """Bytes: JSON has texts only."""
    for field in schema:
        if text.is_bytes(field.type):
            text.refuse(field, "JSON", "Write Parquet, or `select` other columns")


def _member(key: bytes, column: pa.Array, name: str) -> pa.Array:
    value = text.filled(_value(column, name), b"null")
    return pc.binary_join_element_wise(
        pa.scalar(key, text.BYTES), value, pa.scalar(b"", text.BYTES)
    )


def _value(column: pa.Array, name: str) -> pa.Array:
    kind = column.type
    if text.is_text(kind):
        return text.around(_escaped(column), b'"')
    if pa.types.is_temporal(kind):
        return text.around(text.words(column), b'"')
    if pa.types.is_nested(kind):
        return pa.array([_of_list(value) for value in column.to_pylist()], text.BYTES)
    if pa.types.is_floating(kind):
        _refuse_not_finite(column, name)
    return text.words(column)


def _escaped(column: pa.Array) -> pa.Array:
    column = text.doubled(column, _ESCAPES)
    if pc.any(pc.match_substring_regex(column, r"[\x00-\x1f]")).as_py():
        column = text.doubled(column, _CONTROLS)
    return column


def _of_list(value: Any) -> bytes | None:
    return None if value is None else json.dumps(value, default=str, ensure_ascii=False).encode()


def _refuse_not_finite(column: pa.Array, name: str) -> None:
    if pc.any(pc.invert(pc.is_finite(column))).as_py():
        raise BadRow(
            f"the column {name!r} holds a number that is not finite, and JSON has none",
            "Write Parquet or CSV, or read the column as `text`",
        )
