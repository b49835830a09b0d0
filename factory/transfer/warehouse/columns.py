"""The columns of a load: names that a warehouse takes, types that keep every value."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence

import pyarrow as pa

from factory.definitions import identifiers
from factory.definitions.warehouses import Capabilities
from factory.transfer.errors import BadRow, TransferError
from factory.transfer.lineage import is_lineage
from factory.transfer.values.agreement import is_as_written
from factory.transfer.warehouse.parts import Column

Mapped = Callable[[pa.Field], tuple[str, pa.DataType] | tuple[str, pa.DataType, str]]
"""A field's type in the warehouse, and what is sent into it; of what type that arrives, if the
warehouse makes its own of it. Raises `TransferError`."""


def turned(
    batch: pa.RecordBatch,
    schema: pa.Schema,
    cast: Callable[[pa.Array, pa.Field], pa.Array],
    kinds: Mapping[str, str] | None = None,
) -> pa.RecordBatch:
    """`batch` as `schema`, value by value; `BadRow` where `cast` says that one would change.

    :param kinds: what messages call the columns' types; else they are those of `schema`.
    """
    arrays = []
    for column, field in zip(batch.columns, schema, strict=True):
        try:
            arrays.append(cast(column, field))
        except pa.ArrowInvalid as error:
            kind = kinds[field.name] if kinds else field.type
            raise BadRow(
                f"column {field.name!r} ({column.type}) can't become {kind} unchanged: {error}"
            ) from None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def refuse_nulls(batch: pa.RecordBatch, columns: Sequence[Column]) -> None:
    """Raise `BadRow` for a null where the target takes none."""
    for column in columns:
        if column.needed and batch.column(column.name).null_count:
            raise BadRow(f"column {column.name!r} is null, and the target's takes none")


def refuse_no_json(texts: pa.Array) -> None:
    """Raise `ArrowInvalid` for a text that is no JSON."""
    for text in texts.to_pylist():
        try:
            json.loads("null" if text is None else text, parse_constant=_no_number)
        except ValueError:
            raise pa.ArrowInvalid("it is no JSON") from None


def _no_number(word: str) -> float:
    raise ValueError(word)


def columns(
    schema: pa.Schema,
    can: Capabilities,
    mapped: Mapped,
    *,
    empty: bool = False,
    nulls: Collection[str] = (),
) -> list[Column]:
    """The table's columns for a file's schema.

    `empty`: the file has no rows; `nulls` are columns that hold nothing else.
    Raises `TransferError` for the unsupported.
    """
    refuse_too_many(len(schema), can)
    result, names = [], set[str]()
    for field in schema:
        if field.name in names:
            raise TransferError(f"two columns are named {field.name!r}", "Take one with `select`")
        if identifiers.is_too_long(field.name, can):
            # It would be cut, and two cut names may be one.
            raise TransferError(
                f"the column name {field.name!r} is longer than {can.longest_name} {can.unit}"
            )
        if "\0" in field.name or not field.name:
            raise TransferError(f"{field.name!r} can't be the name of a column")
        names.add(field.name)
        kind, wire, *sent = mapped(field)
        guessed = pa.types.is_null(field.type)
        result.append(
            Column(
                *(field.name, kind, wire, empty or guessed or field.name in nulls),
                guessed=guessed,
                lineage=is_lineage(field),
                as_written=is_as_written(field),
                sent="".join(sent),
            )
        )
    return result


def refuse_too_many(number: int, can: Capabilities) -> None:
    """Raise `TransferError` when no table can have so many columns."""
    if number > can.most_columns:
        raise TransferError(
            f"{number} columns are more than the {can.most_columns} that a {can.name} table can "
            "have",
            "Take fewer with `select`",
        )
