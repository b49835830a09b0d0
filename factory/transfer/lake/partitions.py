"""Rows by the folder that their values name: `country=DE/day=2024-01-31`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from factory.transfer.errors import BadRow
from factory.transfer.lake.names import HIDDEN, NULL, escaped
from factory.transfer.warehouse.warehouse import not_found

Split = tuple[str, pa.Table]


def refuse(schema: pa.Schema, names: Sequence[str]) -> None:
    """Raise `Missing` for columns that are not there, `BadRow` for values that name no folder."""
    for name in names:
        if name not in schema.names:
            what = f"`partition_by` names {name!r}, and the load has no such column"
            raise not_found(what, name, schema.names)
        if name.startswith(HIDDEN):
            raise BadRow(
                f"`partition_by` names {name!r}, and folders whose names begin so are hidden: "
                "readers would find no rows in them",
                "Give the column another name, or take another",
            )
        kind = schema.field(name).type
        if not _names_folders(kind):
            raise BadRow(
                f"`partition_by` names {name!r}, which is {kind}",
                "Take a column of texts, whole numbers, dates or truth values",
            )
    if names and len(names) == len(schema.names):
        raise BadRow("`partition_by` names all columns: nothing would be left for the files")


def _names_folders(kind: pa.DataType) -> bool:
    t = pa.types
    plain = t.is_string(kind) or t.is_large_string(kind) or t.is_integer(kind)
    return bool(plain or t.is_date(kind) or t.is_boolean(kind))


def split(batch: pa.RecordBatch, names: Sequence[str]) -> Iterator[Split]:
    """The rows of each folder in their order, without the columns that its name tells."""
    if not names:
        yield "", pa.Table.from_batches([batch])
        return
    folders = _folders(batch, names).dictionary_encode()
    rest = batch.drop_columns(list(names))
    order = pc.sort_indices(folders.indices)
    counts = pc.value_counts(folders.indices)
    ends = {c["values"].as_py(): c["counts"].as_py() for c in counts}
    rows, start = rest.take(order), 0
    for index in sorted(ends):
        yield (
            folders.dictionary[index].as_py(),
            pa.Table.from_batches([rows.slice(start, ends[index])]),
        )
        start += ends[index]


def _folders(batch: pa.RecordBatch, names: Sequence[str]) -> pa.Array:
    parts = [_named(batch.column(name), name) for name in names]
    return pc.binary_join_element_wise(*parts, pa.scalar("/"))


def _named(column: pa.Array, name: str) -> pa.Array:
    values = column.cast(pa.string()).dictionary_encode()
    found = [f"{escaped(name)}={_value(text, name)}" for text in values.dictionary.to_pylist()]
    texts = pa.array(found, pa.string()).take(values.indices)
    return pc.fill_null(texts, f"{escaped(name)}={NULL}")


def _value(text: str, name: str) -> str:
    if text in ("", NULL):
        raise BadRow(
            f"{name!r}, of `partition_by`, holds {text!r}, which as a folder's name means null",
            "Read it as null, or take another column",
        )
    return escaped(text)
