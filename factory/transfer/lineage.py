"""Columns that say where a row comes from: `_source_file`, `_loaded_at`, `_run_id`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from factory.transfer.errors import BadOption
from factory.transfer.formats import Reader

_MARK = b"factory.lineage"
NAMES = ("_source_file", "_loaded_at", "_run_id")

_Value = Callable[[str], pa.Scalar]


@dataclass(frozen=True)
class Lineage:
    """The columns to add: what is None is not.

    `source_file` maps paths to what to write instead, such as an address; `loaded_at` has a zone.
    """

    source_file: Mapping[str, str] | None = None
    loaded_at: dt.datetime | None = None
    run_id: str | None = None


NONE = Lineage()


def added(reader: Reader, lineage: Lineage) -> Reader:
    """`reader` with the columns of the lineage after its own.

    Raises `BadOption` for a name that the files have already.
    """
    values = dict(_values(lineage))
    if not values:
        return reader
    for name in values:
        if name in reader.schema.names:
            raise BadOption(
                f"the column {name!r} of the lineage is in the files already",
                f"Rename that one: `rename: {{{name}: …}}`",
            )
    mark = {_MARK: b"true"}
    fields = [pa.field(name, value("").type, metadata=mark) for name, value in values.items()]
    schema = pa.schema([*reader.schema, *fields])

    def batches(source: str) -> Iterator[pa.RecordBatch]:
        constants = [value(source) for value in values.values()]
        for batch in reader.batches(source):
            more = [pa.repeat(constant, batch.num_rows) for constant in constants]
            yield pa.RecordBatch.from_arrays([*batch.columns, *more], schema=schema)

    return Reader(schema, batches)


def within(lineage: Lineage, inside: Mapping[str, tuple[str, str]]) -> Lineage:
    """The lineage of what is in archives: paths, each with its archive's, and its name there."""
    if (known := lineage.source_file) is None:
        return lineage
    shown = {path: f"{known.get(source, source)}/{name}" for path, (source, name) in inside.items()}
    return replace(lineage, source_file=shown)


def is_lineage(field: pa.Field) -> bool:
    """Did `added` add this column? (A person's own may have the same name.)"""
    return _MARK in (field.metadata or {})


def _values(lineage: Lineage) -> Iterator[tuple[str, _Value]]:
    if (known := lineage.source_file) is not None:
        yield "_source_file", lambda source: pa.scalar(known.get(source, source), pa.string())
    if lineage.loaded_at is not None:
        yield "_loaded_at", _constant(pa.scalar(lineage.loaded_at, pa.timestamp("us", "UTC")))
    if lineage.run_id is not None:
        yield "_run_id", _constant(pa.scalar(lineage.run_id, pa.string()))


def _constant(scalar: pa.Scalar) -> _Value:
    return lambda source: scalar
