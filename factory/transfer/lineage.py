"""Columns that say where a row comes from: `_source_file`, `_loaded_at`, `_run_id`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping

import pyarrow as pa

from factory.transfer import options as opt
from factory.transfer.errors import BadOption
from factory.transfer.formats import Reader

COLUMNS = ("source_file", "loaded_at", "run_id")

_MARK = b"factory.lineage"

_Value = Callable[[str], pa.Scalar]


def added(reader: Reader, lineage: Mapping[str, object] | None) -> Reader:
    """`reader` with the columns that `lineage` names, after its own.

    `{"source_file": True, "loaded_at": datetime, "run_id": "…"}`; what is missing, null or false is
    not added. `source_file` may map paths to what to write instead, such as an address.
    Raises `BadOption` for a name that the files have already.
    """
    values = dict(_values(lineage or {}))
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


def is_lineage(field: pa.Field) -> bool:
    """Did `added` add this column? (A person's own may have the same name.)"""
    return _MARK in (field.metadata or {})


def _values(lineage: Mapping[str, object]) -> Iterator[tuple[str, _Value]]:
    opt.only("lineage", lineage, COLUMNS)
    shown = lineage.get("source_file") or False
    if not isinstance(shown, bool | Mapping):
        raise BadOption(f"option 'source_file' must be bool or a map, not {shown!r}")
    if shown is not False:
        known = shown if isinstance(shown, Mapping) else {}
        yield "_source_file", lambda source: pa.scalar(known.get(source, source), pa.string())
    if lineage.get("loaded_at") is not None:
        yield "_loaded_at", _constant(_moment(lineage["loaded_at"]))
    if lineage.get("run_id") is not None:
        yield "_run_id", _constant(pa.scalar(opt.get(lineage, "run_id", str, ""), pa.string()))


def _constant(scalar: pa.Scalar) -> _Value:
    return lambda source: scalar


def _moment(value: object) -> pa.Scalar:
    if not isinstance(value, dt.datetime) or value.tzinfo is None:
        raise BadOption(f"option 'loaded_at' must be a time with a zone, not {value!r}")
    return pa.scalar(value, pa.timestamp("us", "UTC"))
