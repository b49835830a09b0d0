"""The batches of a Parquet file in the order of its bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from factory.transfer.values.agreement import decoded

SMALL = 8 << 20
"""Bytes of row groups, unpacked, that may become one batch."""


def batches(parquet: pq.ParquetFile, rows: int, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Batches of at most so many `rows`, one row group after the other.

    Of a batch that ends in the next group, bytes of both would be read in turns, column by column:
    from a store they would come several times. So small groups are read alone, and joined then.
    A column of dictionaries comes as its values: each group has a dictionary of its own.
    """

    def read(group: int, *, alone: bool) -> Iterator[pa.RecordBatch]:
        found = parquet.iter_batches(
            batch_size=rows, row_groups=[group], columns=columns, use_threads=alone
        )
        return map(_decoded, found)

    for first, *others in _together(parquet, rows):
        if others:
            parts = [part for group in (first, *others) for part in read(group, alone=False)]
            if parts:  # of empty groups comes none
                yield from pa.Table.from_batches(parts).combine_chunks().to_batches(rows)
        else:
            yield from read(first, alone=True)


def _decoded(batch: pa.RecordBatch) -> pa.RecordBatch:
    fields = [field.with_type(decoded(field.type)) for field in batch.schema]
    schema = pa.schema(fields, batch.schema.metadata)
    return batch if schema.equals(batch.schema) else batch.cast(schema)


def _together(parquet: pq.ParquetFile, rows: int) -> Iterator[list[int]]:
    """Groups that fit into one batch, or one that does not."""
    groups: list[int] = []
    found = size = 0
    for number in range(parquet.num_row_groups):
        group = parquet.metadata.row_group(number)
        if groups and (found + group.num_rows > rows or size + group.total_byte_size > SMALL):
            yield groups
            groups, found, size = [], 0, 0
        groups.append(number)
        found, size = found + group.num_rows, size + group.total_byte_size
    if groups:
        yield groups
