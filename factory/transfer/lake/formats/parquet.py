"""Parquet for others to read: version 2.6, microseconds, one row group a write."""

from __future__ import annotations

from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from factory.definitions.output import ParquetFiles


class _Sheet:
    def __init__(self, out: BinaryIO, schema: pa.Schema, format: ParquetFiles) -> None:
        self._writer = pq.ParquetWriter(
            out, schema, version="2.6", compression=format.compression, coerce_timestamps="us"
        )
        self._row_group = format.row_group

    def write(self, rows: pa.Table) -> None:
        self._writer.write_table(rows, row_group_size=self._row_group)

    def close(self) -> None:
        self._writer.close()


def open(out: BinaryIO, schema: pa.Schema, format: ParquetFiles) -> _Sheet:
    """See `formats.open`."""
    return _Sheet(out, schema, format)


def refuse(schema: pa.Schema) -> None:
    """Nothing: what was staged was Parquet."""
