"""The staged files of one load, as one stream of batches of the types that a lake has."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from factory.transfer import row_groups
from factory.transfer.errors import SchemaChanged
from factory.transfer.lake.manifest import Manifest
from factory.transfer.values import agreement
from factory.transfer.warehouse.parquet import Files

log = logging.getLogger(__name__)

ROWS = 64 * 1024


def batches(files: Files, schema: pa.Schema, names: list[str]) -> Iterator[pa.RecordBatch]:
    """Rows of these columns, each value as its column's type. Raises `BadRow`."""
    wanted = pa.schema([schema.field(name) for name in names])
    for path in files.paths:
        # pre-buffered, the bytes of the whole file would stay in memory
        with files.store.open(path) as file, pq.ParquetFile(file, pre_buffer=False) as parquet:
            for batch in row_groups.batches(parquet, ROWS, names):
                cells = [agreement.cast(batch.column(f.name), f, path) for f in wanted]
                yield pa.RecordBatch.from_arrays(cells, schema=wanted)


def settled(files: Files, earlier: Manifest | None) -> pa.Schema:
    """The types of the columns: those of the files that are there, where they take the values.

    Raises `SchemaChanged`: readers of the folder would find two types, or other columns.
    """
    fields = [pa.field(field.name, _plain(field.type)) for field in files.schema]
    own = pa.schema(fields)
    if earlier is None:
        if guessed := [field.name for field in files.schema if pa.types.is_null(field.type)]:
            log.warning(
                "nothing tells the types of %s: they are texts. Declare them under `columns` of "
                "the format",
                guessed,
            )
        return own
    there = unpacked(earlier.schema)
    _refuse_other_names(own, there)
    kinds = [_as_there(files, own.field(field.name), field) for field in there]
    return pa.schema(kinds)


def _plain(kind: pa.DataType) -> pa.DataType:
    """As others read it."""
    t = pa.types
    if t.is_dictionary(kind):
        return _plain(kind.value_type)
    if t.is_null(kind) or kind == pa.string_view():
        return pa.string()
    if t.is_timestamp(kind):
        return pa.timestamp("us", "UTC" if kind.tz else None)
    return kind


def _refuse_other_names(own: pa.Schema, there: pa.Schema) -> None:
    for one, other, said in (
        (own, there, "the column {!r} is not in the files that are there"),
        (there, own, "the load lacks the column {!r} of the files that are there"),
    ):
        for name in one.names:
            if name not in other.names:
                raise SchemaChanged(
                    said.format(name),
                    "Let the source's format `select` the columns, or say that one is `optional`; "
                    "or write into another folder",
                )


def _as_there(files: Files, own: pa.Field, there: pa.Field) -> pa.Field:
    given = files.schema.field(own.name)
    if own.type == there.type or own.name in files.nulls:
        return there
    both = agreement.common(there, given)
    if both is None or both.type != there.type:
        raise SchemaChanged(
            f"the column {own.name!r} is {own.type} now, and {there.type} in the files that are "
            "there",
            "Declare its type under `columns` of the source's format",
        )
    return there


def packed(schema: pa.Schema) -> str:
    """A schema as a manifest keeps it."""
    return base64.b64encode(schema.remove_metadata().serialize()).decode()


def unpacked(text: str) -> pa.Schema:
    """A manifest's schema."""
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))
