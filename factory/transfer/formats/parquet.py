"""Parquet. Types are the file's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from factory.definitions.formats import Parquet
from factory.definitions.warehouses import Holds
from factory.stores.model import Store
from factory.transfer import agreement, first_bytes, names
from factory.transfer.bad_rows import BadRows
from factory.transfer.errors import BadRow
from factory.transfer.formats import Reader
from factory.transfer.holds import first_day, integers, is_dated, refuse_names, unheld
from factory.transfer.target import Target
from factory.transfer.types import type_word

ROWS = 64 * 1024


def open(
    fs: Store,
    sources: Sequence[str],
    given: Parquet,
    bad: BadRows,
    target: Target,
) -> Reader:
    """See `formats.open`."""
    found = {source: _columns(fs, source, given, target.holds) for source in sources}
    first = found[sources[0]].schema
    for source, own in found.items():
        if own.schema.names != first.names:
            said = _difference(first, own.schema)
            raise BadRow(f"{source} has other columns than {sources[0]}: {said}")
    schema = agreement.agreed(
        {source: own.schema for source, own in found.items()},
        {source: own.empty for source, own in found.items()},
    )
    return Reader(schema, lambda source: _batches(fs, source, given, schema, target.holds))


def _batches(
    fs: Store, source: str, given: Parquet, schema: pa.Schema, holds: Holds
) -> Iterator[pa.RecordBatch]:
    wanted = _columns(fs, source, given, holds).own
    with fs.open(source) as file, _opened(file, source) as parquet:
        batches = parquet.iter_batches(batch_size=ROWS, columns=wanted)
        while (batch := _next(batches, source)) is not None:
            # `a` also brings `a.b`: pyarrow takes it for a part of `a`.
            own = [batch.column(batch.schema.get_field_index(name)) for name in wanted]
            arrays = [
                agreement.cast(column, field, source)
                for column, field in zip(own, schema, strict=True)
            ]
            found = pa.RecordBatch.from_arrays(arrays, schema=schema)
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


@dataclass(frozen=True)
class _Columns:
    schema: pa.Schema  # final names and types
    own: list[str]  # the file's own names
    empty: frozenset[str]  # final names of columns that hold nothing but nulls


def _columns(fs: Store, source: str, given: Parquet, holds: Holds) -> _Columns:
    with fs.open(source) as file, _opened(file, source) as parquet:
        schema = parquet.schema_arrow.remove_metadata()
        nulls = agreement.empty_columns(parquet)
    chosen = names.chosen(schema.names, given, source)
    refuse_names(schema.names, chosen, holds, source)
    fields = [schema.field(index).with_name(name).remove_metadata() for index, name in chosen]
    for field in fields:
        _refuse_unsupported(field, source)
    own = [schema.names[index] for index, _ in chosen]
    empty = frozenset(name for index, name in chosen if schema.names[index] in nulls)
    return _Columns(pa.schema(fields), own, empty)


def _refuse_unsupported(field: pa.Field, source: str) -> None:
    """What no column of a table is a value of; a list of plain values may be an array."""
    kind, t = field.type, pa.types
    kind = kind.value_type if t.is_list(kind) or t.is_large_list(kind) else kind
    if t.is_nested(kind) or t.is_duration(kind) or t.is_interval(kind):
        raise BadRow(
            f"{source}: column {field.name!r} has the type {field.type}, which can't be loaded",
            "Write it as text or as several columns, or leave it out: `select` names the others",
        )


@contextmanager
def _opened(file: IO[bytes], source: str) -> Iterator[pq.ParquetFile]:
    try:
        # pre-buffered, the bytes of the whole file would stay in memory
        parquet = pq.ParquetFile(file, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        file.seek(0)
        first_bytes.refuse(file.read(first_bytes.LOOKED_AT), source, "parquet")
        raise BadRow(f"{source} is not a Parquet file: {error}") from error
    with parquet:
        yield parquet


def _difference(one: pa.Schema, other: pa.Schema) -> str:
    only = [f"{f.name} {f.type}" for f in one if f.name not in other.names]
    more = [f"{f.name} {f.type}" for f in other if f.name not in one.names]
    parts = [f"without {', '.join(only)}" * bool(only), f"with {', '.join(more)}" * bool(more)]
    return " and ".join(p for p in parts if p) or "their order differs"
