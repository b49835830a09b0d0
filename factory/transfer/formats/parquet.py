"""Parquet. Types are the file's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from factory.definitions.formats import Parquet
from factory.definitions.warehouses import Holds
from factory.stores.model import Store
from factory.transfer import names
from factory.transfer.bad_rows import BadRows
from factory.transfer.compression import packed_with
from factory.transfer.errors import BadRow
from factory.transfer.formats import Reader
from factory.transfer.holds import first_day, integers, is_dated, unheld
from factory.transfer.types import type_word

ROWS = 64 * 1024


def open(
    fs: Store,
    sources: Sequence[str],
    given: Parquet,
    bad: BadRows,
    holds: Holds,
) -> Reader:
    """See `formats.open`."""
    first, _ = _columns(fs, sources[0], given)
    for source in sources[1:]:
        own, _ = _columns(fs, source, given)
        if not own.equals(first):
            raise BadRow(f"{source} has other columns than {sources[0]}: {_difference(first, own)}")
    return Reader(first, lambda source: _batches(fs, source, given, first, holds))


def _batches(
    fs: Store, source: str, given: Parquet, schema: pa.Schema, holds: Holds
) -> Iterator[pa.RecordBatch]:
    _, wanted = _columns(fs, source, given)
    with fs.open(source) as file, _opened(file, source) as parquet:
        batches = parquet.iter_batches(batch_size=ROWS, columns=wanted)
        while (batch := _next(batches, source)) is not None:
            # `a` also brings `a.b`: pyarrow takes it for a part of `a`.
            found = pa.RecordBatch.from_arrays(
                [batch.column(batch.schema.get_field_index(name)) for name in wanted], schema=schema
            )
            _check_range(found, source, holds)
            yield found


def _next(batches: Iterator[pa.RecordBatch], source: str) -> pa.RecordBatch | None:
    try:
        return next(batches, None)
    except (pa.ArrowException, OSError) as error:
        raise BadRow(f"{source} is damaged: {error}") from error


def _check_range(batch: pa.RecordBatch, source: str, holds: Holds) -> None:
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        # Texts are looked at where they are loaded: no row of a Parquet file is set aside.
        if is_dated(column.type) and unheld(column, holds) is not None:
            least = pc.min(column.view(integers(column.type))).as_py()
            raise BadRow(
                f"{source}: column {name!r} holds a {type_word(column.type)} before "
                f"{first_day(holds)} ({least})",
                f"{holds.name} has none; is it a mark for a missing value?",
            )


def _columns(fs: Store, source: str, given: Parquet) -> tuple[pa.Schema, list[str]]:
    """Final names and types, and the file's own names."""
    with fs.open(source) as file, _opened(file, source) as parquet:
        schema = parquet.schema_arrow.remove_metadata()
    chosen = names.chosen(schema.names, given, source)
    fields = [schema.field(index).with_name(name).remove_metadata() for index, name in chosen]
    return pa.schema(fields), [schema.names[index] for index, _ in chosen]


def _packed(file: IO[bytes]) -> str | None:
    file.seek(0)
    found = packed_with(file.read(16))
    said = "Parquet is packed within, and read where it is: unpack it"
    return f"It is packed with {found.name}. {said}" if found else None


@contextmanager
def _opened(file: IO[bytes], source: str) -> Iterator[pq.ParquetFile]:
    try:
        # pre-buffered, the bytes of the whole file would stay in memory
        parquet = pq.ParquetFile(file, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise BadRow(f"{source} is not a Parquet file: {error}", _packed(file)) from error
    with parquet:
        yield parquet


def _difference(one: pa.Schema, other: pa.Schema) -> str:
    only = [f"{f.name} {f.type}" for f in one if f not in list(other)]
    more = [f"{f.name} {f.type}" for f in other if f not in list(one)]
    parts = [f"without {', '.join(only)}" * bool(only), f"with {', '.join(more)}" * bool(more)]
    return " and ".join(p for p in parts if p) or "their order differs"
