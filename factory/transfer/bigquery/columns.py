"""Arrow types ↔ BigQuery types: exact, or refused."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from factory.definitions import identifiers
from factory.definitions.warehouses import BIGQUERY
from factory.transfer.errors import TransferError
from factory.transfer.values.types import Known, own_type
from factory.transfer.warehouse import columns as shared
from factory.transfer.warehouse import parts
from factory.transfer.warehouse.parquet import OnWire
from factory.transfer.warehouse.parts import Column

Mapped = tuple[str, pa.DataType] | tuple[str, pa.DataType, str]

NUMERIC, BIGNUMERIC = (38, 9), (76, 38)
JSON = "JSON"
PLAIN: dict[str, pa.DataType] = {
    "INT64": pa.int64(),
    "FLOAT64": pa.float64(),
    "BOOL": pa.bool_(),
    "STRING": pa.string(),
    "BYTES": pa.binary(),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
    "DATETIME": pa.timestamp("us"),
    "TIMESTAMP": pa.timestamp("us", "UTC"),
    "NUMERIC": pa.decimal128(*NUMERIC),
    "BIGNUMERIC": pa.decimal256(*BIGNUMERIC),
}
PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def columns(schema: pa.Schema, *, empty: bool = False, nulls: Collection[str] = ()) -> list[Column]:
    """See `columns` of all warehouses. Raises `TransferError` for the unsupported."""
    _refuse_names(schema.names)
    return shared.columns(schema, BIGQUERY, _mapped, empty=empty, nulls=nulls)


def _refuse_names(names: Sequence[str]) -> None:
    for name in names:
        if wrong := identifiers.wrong_column(name, BIGQUERY):
            hint = "Give it another with `rename`"
            raise TransferError(f"the column name {name!r} {wrong}", hint)
    for _, name, other in identifiers.alike(names, BIGQUERY):
        raise TransferError(
            f"the columns {other!r} and {name!r} are one for BigQuery, which does not tell upper "
            "from lower case",
            "Give one another name with `rename`",
        )


def _mapped(field: pa.Field) -> Mapped:
    kind, t = field.type, pa.types
    if t.is_dictionary(kind):
        return _mapped(field.with_type(kind.value_type))
    if word := own_type(field):
        return (JSON, pa.string(), "STRING") if word == "jsonb" else ("STRING", pa.string())
    if isinstance(kind, pa.JsonType):
        return JSON, pa.string(), "STRING"
    if kind == pa.uuid():
        return "STRING", pa.string()
    if t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind):
        return _listed(field)
    if t.is_decimal(kind):
        return _decimal(field)
    if kind == pa.uint64():
        return "NUMERIC", PLAIN["NUMERIC"]
    for fits, name in (
        (t.is_boolean, "BOOL"),
        (t.is_integer, "INT64"),
        (t.is_floating, "FLOAT64"),
        (t.is_string, "STRING"),
        (t.is_large_string, "STRING"),
        (t.is_string_view, "STRING"),
        (t.is_null, "STRING"),
        (t.is_date, "DATE"),
        (t.is_time, "TIME"),
        (t.is_binary, "BYTES"),
        (t.is_fixed_size_binary, "BYTES"),
        (t.is_large_binary, "BYTES"),
        (t.is_binary_view, "BYTES"),
    ):
        if fits(kind):
            return name, PLAIN[name]
    if t.is_timestamp(kind):
        name = "TIMESTAMP" if kind.tz else "DATETIME"
        return name, PLAIN[name]
    raise _unsupported(field)


def _listed(field: pa.Field) -> Mapped:
    inner = field.type.value_type
    if pa.types.is_nested(inner) or isinstance(inner, pa.BaseExtensionType):
        raise _unsupported(field)
    element, wire, *_ = _mapped(field.with_type(inner).remove_metadata())
    return f"ARRAY<{element}>", pa.list_(wire)


def _decimal(field: pa.Field) -> Mapped:
    kind = field.type
    for name, (precision, scale) in (("NUMERIC", NUMERIC), ("BIGNUMERIC", BIGNUMERIC)):
        if kind.scale <= scale and kind.precision - kind.scale <= precision - scale:
            return name, PLAIN[name]
    raise TransferError(
        f"column {field.name!r} is a {kind}: a BIGNUMERIC has 38 digits before the point, and 38 "
        "behind it",
        "Read it as text, or with fewer digits",
    )


def _unsupported(field: pa.Field) -> TransferError:
    return TransferError(
        f"column {field.name!r} has the type {field.type}, which can't be loaded",
        "Turn it into text or into several columns",
    )


def parts_of(kind: str) -> tuple[str, tuple[int, ...]]:
    """`NUMERIC(9, 3)` → `NUMERIC`, (9, 3)."""
    name, _, digits = kind.partition("(")
    if "<" in name or not digits:
        return kind, ()
    return name, tuple(int(number) for number in digits.rstrip(")").split(","))


def bare(kind: str) -> str:
    """A type without its modifiers."""
    return parts_of(kind)[0]


_WIDER = {("INT64", "NUMERIC"), ("INT64", "BIGNUMERIC"), ("NUMERIC", "BIGNUMERIC")}


class Types:
    """See `schema.Types`."""

    def fits(self, staged: str, target: str) -> bool:
        """BigQuery refuses what is too long, and rounds what has too many places."""
        if staged == target:
            return True
        (name, size), (other, room) = parts_of(staged), parts_of(target)
        if name == other and name in ("STRING", "BYTES"):
            return True
        if room:
            return False
        return (name, other) in _WIDER or (name == other and bool(size))

    def nulls_of(self, kind: str) -> pa.DataType:
        """Nulls of any type are staged as texts."""
        return pa.string()

    def reason(self, target: str) -> str:
        """None has one."""
        return ""


def turned(existing: parts.Existing | None, columns: Sequence[Column]) -> tuple[Column, ...]:
    """The load's columns, in the target's types where Arrow makes these, or refuses a value."""
    if existing is None:
        return tuple(columns)
    return tuple(_turned(existing.columns.get(column.name), column) for column in columns)


def _turned(kind: str | None, column: Column) -> Column:
    if kind is None or column.empty or Types().fits(column.type, kind):
        return column
    if column.type == "STRING" and kind == JSON:
        return replace(column, type=JSON, sent="STRING")
    if column.as_written and bare(kind) == "STRING":
        return replace(column, type=kind, wire=pa.string(), sent="")
    wire = _wire(column.type, kind)
    return column if wire is None else replace(column, type=kind, wire=wire)


def _wire(staged: str, target: str) -> pa.DataType | None:
    """What Arrow is to make of the values, which refuses one that would change."""
    other, size = parts_of(target)
    numbers = ("INT64", "NUMERIC", "BIGNUMERIC")
    if staged in numbers and other in numbers[1:]:
        return _sized(other, size)
    if staged in numbers and other == "INT64":
        return pa.int64()
    if {staged, other} == {"INT64", "FLOAT64"}:
        return PLAIN[other]
    return None


def _sized(name: str, size: tuple[int, ...]) -> pa.DataType:
    if not size:
        return PLAIN[name]
    precision, scale = (*size, 0)[:2]
    return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)


def known(existing: parts.Existing | None, policy: str) -> dict[str, Known]:
    """What columns that nobody declared are read as."""
    if existing is None:
        return {}
    found = {}
    for name, kind in existing.columns.items():
        word, size = parts_of(kind)
        arrow = _sized(word, size) if word in ("NUMERIC", "BIGNUMERIC") else PLAIN.get(word)
        if kind == JSON:
            arrow = pa.string()
        if arrow is not None:
            given = existing.optional | existing.required
            needed = policy == "fail" and name not in given
            found[name] = Known(arrow, json=kind == JSON, needed=needed)
    return found


def on_wire(columns: Sequence[Column]) -> OnWire:
    """A batch as it is sent into these columns, value by value.

    Raises `BadRow` where a value would change.
    """
    documents = {column.name for column in columns if column.sent}

    def cast(column: pa.Array, field: pa.Field) -> pa.Array:
        found = _cast(column, field.type)
        if field.name in documents:
            shared.refuse_no_json(found)
        return found

    def sent(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
        shared.refuse_nulls(batch, columns)
        return shared.turned(batch, schema, cast)

    return sent


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if column.null_count == len(column):
        if pa.types.is_list(kind) and len(column):
            raise pa.ArrowInvalid(_NULL_LIST)
        return column if column.type == kind else pa.nulls(len(column), kind)
    if column.type == pa.uuid():
        return pa.array([None if v is None else str(uuid.UUID(str(v))) for v in column.to_pylist()])
    column = column.storage if isinstance(column.type, pa.BaseExtensionType) else column
    if pa.types.is_list(kind):
        _refuse_lost_nulls(column)
    return column if column.type == kind else column.cast(kind)


_NULL_LIST = "BigQuery keeps no null list: it would become an empty one"


def _refuse_lost_nulls(column: pa.Array) -> None:
    if column.null_count:
        raise pa.ArrowInvalid(_NULL_LIST)
    if pc.list_flatten(column).null_count:
        raise pa.ArrowInvalid("BigQuery keeps no null in a list")
