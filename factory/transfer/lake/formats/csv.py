"""CSV: texts and bytes in quotes, all else without."""

from __future__ import annotations

from typing import BinaryIO

import pyarrow as pa

from factory.definitions.output import CsvFiles, delimiter
from factory.transfer.errors import BadRow
from factory.transfer.lake.formats import text

_QUOTES = (('"', '""'),)


class _Sheet:
    def __init__(self, out: BinaryIO, schema: pa.Schema, format: CsvFiles) -> None:
        self._lines = text.Lines(out, format.compression)
        self._between = delimiter(format).encode()
        self._null = format.null_text.encode()
        if format.header:
            names = [_quoted(pa.array([name], pa.large_string())) for name in schema.names]
            self._lines.put(text.lines(names, self._between))

    def write(self, rows: pa.Table) -> None:
        for batch in rows.to_batches():
            _refuse_blank(batch, self._null)
            fields = [text.filled(_field(column), self._null) for column in batch.columns]
            self._lines.put(text.lines(fields, self._between))

    def close(self) -> None:
        self._lines.close()


def open(out: BinaryIO, schema: pa.Schema, format: CsvFiles) -> _Sheet:
    """See `formats.open`."""
    return _Sheet(out, schema, format)


def refuse(schema: pa.Schema) -> None:
    """Lists: no two programs write them alike."""
    for field in schema:
        if pa.types.is_nested(field.type):
            text.refuse(field, "CSV", "Write Parquet or JSON Lines, or `select` other columns")


def _field(column: pa.Array) -> pa.Array:
    if text.is_text(column.type) or text.is_bytes(column.type):
        return _quoted(column)
    return text.words(column)


def _quoted(column: pa.Array) -> pa.Array:
    return text.around(text.doubled(column, _QUOTES), b'"')


def _refuse_blank(batch: pa.RecordBatch, null: bytes) -> None:
    """A line without anything is no row."""
    if batch.num_columns == 1 and not null and batch.column(0).null_count:
        raise BadRow(
            f"the only column, {batch.schema.names[0]!r}, holds a null: its line would be empty",
            "Say what stands for null: `format: {type: csv, null_text: '\\N'}`",
        )
