"""Arrow types ↔ MySQL types: exact, or refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from factory.definitions import identifiers
from factory.definitions.warehouses import MYSQL
from factory.transfer.errors import BadRow, SchemaChanged, TransferError
from factory.transfer.mysql.kinds import BYTES, TEXTS, TIMES, WHOLE, parts_of
from factory.transfer.mysql.table import Existing, refuse_name
from factory.transfer.values.agreement import SOURCE_TYPE
from factory.transfer.values.types import Known, own_type
from factory.transfer.warehouse import columns as shared
from factory.transfer.warehouse.parquet import OnWire
from factory.transfer.warehouse.parts import Column

Mapped = tuple[str, pa.DataType]

MOST_DIGITS, MOST_SCALE = 65, 30
"""Of a decimal."""
_UUID = "char(36)"
_INTEGERS: dict[pa.DataType, str] = {
    pa.int8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.uint8(): "tinyint unsigned",
    pa.uint16(): "smallint unsigned",
    pa.uint32(): "int unsigned",
    pa.uint64(): "bigint unsigned",
}
NO_NULLS = "Leave such rows out, or let the column take nulls"
LAST_DAY = 2_932_896
"""9999-12-31, in days from 1970-01-01."""


def columns(schema: pa.Schema, *, empty: bool = False, nulls: Collection[str] = ()) -> list[Column]:
    """See `columns` of all warehouses. Raises `TransferError` for the unsupported."""
    found = shared.columns(schema, MYSQL, _mapped, empty=empty, nulls=nulls)
    for column in found:
        refuse_name(column.name)
    for _, name, other in identifiers.alike((column.name for column in found), MYSQL):
        raise TransferError(
            f"the columns {other!r} and {name!r} are one for MySQL", "Rename one of them"
        )
    return found


def _mapped(field: pa.Field) -> Mapped:
    kind, t = field.type, pa.types
    if t.is_dictionary(kind):
        return _mapped(field.with_type(kind.value_type))
    if word := _word(field):
        return word, pa.string()
    if kind == pa.uuid():
        return _UUID, pa.string()
    if kind in _INTEGERS:
        return _INTEGERS[kind], kind
    if t.is_decimal(kind):
        return _decimal(field)
    if t.is_timestamp(kind):
        own = "timestamp(6)" if kind.tz else "datetime(6)"
        return own, pa.timestamp("us", "UTC" if kind.tz else None)
    for fits, own, wire in (
        (t.is_boolean, "tinyint(1)", pa.int8()),
        (t.is_float16, "float", pa.float32()),
        (t.is_float32, "float", pa.float32()),
        (t.is_float64, "double", pa.float64()),
        (t.is_string, "longtext", pa.string()),
        (t.is_large_string, "longtext", pa.large_string()),
        (t.is_string_view, "longtext", pa.large_string()),
        (t.is_null, "longtext", pa.string()),
        (t.is_date, "date", pa.date32()),
        (t.is_time, "time(6)", pa.time64("us")),
        (t.is_binary, "longblob", pa.binary()),
        (t.is_fixed_size_binary, "longblob", pa.binary()),
        (t.is_large_binary, "longblob", pa.large_binary()),
        (t.is_binary_view, "longblob", pa.large_binary()),
    ):
        if fits(kind):
            return own, wire
    raise TransferError(
        f"column {field.name!r} has the type {kind}, which can't be loaded",
        "Turn it into text or into several columns",
    )


def _word(field: pa.Field) -> str:
    """What a text is made into, as `columns` or the source says; else it stays one."""
    noted = (field.metadata or {}).get(SOURCE_TYPE, b"").decode()
    said = own_type(field) or (noted if pa.types.is_string(field.type) else "")
    if said in ("json", "jsonb"):
        return "json"
    return _UUID if said == "uuid" else ""


def _decimal(field: pa.Field) -> Mapped:
    precision, scale = field.type.precision, field.type.scale
    if scale < 0:
        precision, scale = precision - scale, 0
    if precision > MOST_DIGITS or scale > MOST_SCALE:
        raise TransferError(
            f"column {field.name!r} is decimal({precision}, {scale}): MySQL has {MOST_DIGITS} "
            f"digits at most, {MOST_SCALE} of them behind the point",
            "Declare fewer under `columns` of the format, or load it as a text",
        )
    exact = pa.decimal128 if precision <= 38 else pa.decimal256
    return f"decimal({precision},{scale})", exact(precision, scale)


def texts(existing: Existing | None, columns: Sequence[Column]) -> dict[str, str]:
    """The character sets of the columns that are staged as the target has them."""
    known = existing.texts if existing else {}
    kinds = existing.columns if existing else {}
    return {
        column.name: known[column.name]
        for column in columns
        if column.name in known
        and column.type == kinds[column.name]
        and parts_of(column.type)[0] in TEXTS
    }


def nulls_of(kind: str) -> pa.DataType:
    """Nulls are written alike, whatever the type."""
    return pa.string()


def fits(staged: str, target: str) -> bool:
    """Are values of one type kept, or refused, by the other? None is changed.

    In strict mode the server refuses what is out of range, too long, or in no character set; but
    it rounds fractions, and pads bytes, without a word.
    """
    if staged == target:
        return True
    name, size, _ = parts_of(staged)
    other, room, _ = parts_of(target)
    if name in WHOLE:
        bits = other == "bit" and ("unsigned" in staged or staged == "tinyint(1)")
        return other in (*WHOLE, "decimal") or bits
    if name == "decimal":
        return other == "decimal" and size[1] <= (room[1] if len(room) > 1 else 0)
    if name in TIMES:
        return other in _MOMENTS[name]
    if name == "time":
        return other == "time"
    return (name == "float" and other == "double") or _takes_bytes(name, other)


_MOMENTS: Mapping[str, Sequence[str]] = {
    "date": ("date", "datetime"),
    "datetime": ("datetime",),
    "timestamp": ("timestamp", "datetime"),  # what it is in UTC
}


def _takes_bytes(name: str, other: str) -> bool:
    if name in ("longtext", "json"):
        return other in TEXTS
    if name == "char":
        return other in TEXTS
    return name == "longblob" and other in BYTES


_REASONS = {
    "enum": "whose collation takes texts for others: make it `varchar`",
    "set": "which puts texts in another order: make it `varchar`",
    "binary": "which pads values: make it `varbinary`",
    "year": "which takes 1 to 99 for other years: make it `smallint`",
}


def reason(target: str) -> str:
    """Why nothing can be loaded into a type, where there is more to say than that it is another."""
    return _REASONS.get(parts_of(target)[0], "")


def turned(existing: Existing | None, given: Sequence[Column]) -> tuple[Column, ...]:
    """The columns in the target's types: the server then tells which value of which row it refuses.

    Raises `SchemaChanged` for a name that differs from the target's in its case alone.
    """
    if existing is None:
        return tuple(given)
    _refuse_other_case(existing, given)
    return tuple(_turned(existing, column) for column in given)


def _turned(existing: Existing, column: Column) -> Column:
    kind = existing.columns.get(column.name)
    if kind is None or column.name in existing.generated or column.name in existing.untyped:
        return column
    if column.empty:
        return replace(column, type=kind, wire=nulls_of(kind))
    return (
        replace(column, type=kind, wire=_wire(column, kind)) if fits(column.type, kind) else column
    )


def _wire(column: Column, kind: str) -> pa.DataType:
    """What is sent: fractions of a second that would be rounded are refused."""
    name, size, _ = parts_of(kind)
    if name not in ("datetime", "timestamp", "time") or column.type == "date":
        return column.wire
    unit = "s" if not size or size[0] < 3 else "ms" if size[0] < 6 else "us"
    if name == "time":
        return pa.time64("us") if unit == "us" else pa.time32(unit)
    return pa.timestamp(unit, column.wire.tz)


def _refuse_other_case(existing: Existing, given: Sequence[Column]) -> None:
    known = {identifiers.as_one(name, MYSQL): name for name in existing.columns}
    for column in given:
        other = known.get(identifiers.as_one(column.name, MYSQL), column.name)
        if other != column.name:
            raise SchemaChanged(
                f"the load's column {column.name!r} is {other!r} in the table, and both are one "
                "for MySQL",
                f"Write it as the table does: `rename: {{{column.name}: {other}}}`",
            )


def known(existing: Existing | None, policy: str) -> dict[str, Known]:
    """What columns that nobody declared are read as."""
    found: dict[str, Known] = {}
    for name, kind in (existing.columns if existing else {}).items():
        assert existing is not None
        arrow = _arrow(kind)
        if arrow is not None and name not in existing.generated | existing.untyped:
            needed = policy == "fail" and name not in existing.optional | existing.required
            found[name] = Known(arrow, json=kind == "json", needed=needed)
    return found


def _arrow(kind: str) -> pa.DataType | None:
    name, size, unsigned = parts_of(kind)
    if kind == "tinyint(1)":
        return None  # a number, or a boolean
    if name in WHOLE:
        whole = "int" if name == "mediumint" else name
        word = f"{whole} unsigned" if unsigned else whole
        return next(arrow for arrow, own in _INTEGERS.items() if own == word)
    if name == "decimal":
        exact = pa.decimal128 if size[0] <= 38 else pa.decimal256
        return exact(*size)
    if name in TEXTS:
        return pa.string()
    return _PLAIN.get(name)


_PLAIN: Mapping[str, pa.DataType] = {
    "float": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us"),
    "timestamp": pa.timestamp("us", "UTC"),
    "time": pa.time64("us"),
}


def wire_of(columns: Sequence[Column], filled: Collection[str] = ()) -> OnWire:
    """How batches of these columns become what is sent, value by value.

    It raises `BadRow` where a value would change, as nulls do in columns that are `filled`: where
    none is taken, the server makes a number or a moment of it.
    """
    padded = frozenset(each.name for each in columns if parts_of(each.type)[0] == "char")
    return partial(_on_wire, padded, filled)


def _on_wire(
    padded: frozenset[str], filled: Collection[str], batch: pa.RecordBatch, schema: pa.Schema
) -> pa.RecordBatch:
    def cast(column: pa.Array, field: pa.Field) -> pa.Array:
        found = _cast(column, field.type)
        if field.name in padded:  # the server takes spaces at the end away
            _refuse(pc.ends_with(found, " "), "a `char` has no space at its end")
        return found

    sent = shared.turned(batch, schema, cast)
    for name in filled:
        if sent.column(name).null_count:
            raise BadRow(f"{name!r} is null, and the column takes none", NO_NULLS)
    return sent


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if column.null_count == len(column):  # there are types that no cast leads to
        return pa.nulls(len(column), kind)
    if isinstance(column.type, pa.UuidType):
        return _uuid(column.storage)
    cast = column if column.type == kind else column.cast(kind)
    if pa.types.is_floating(kind):
        _refuse(pc.invert(pc.is_finite(cast)), "MySQL has no number that is none, or infinite")
    elif pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        _refuse_day(cast)
    return cast


_IN_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000}


def _refuse_day(column: pa.Array) -> None:
    """Of the days that MySQL has none of."""
    is_day = pa.types.is_date(column.type)
    units = 1 if is_day else _IN_DAY[column.type.unit]
    found = pc.min_max(column.view(pa.int32() if is_day else pa.int64())).as_py()
    if found["max"] >= (LAST_DAY + 1) * units:
        raise pa.ArrowInvalid("MySQL has no day after 9999-12-31")
    if found["min"] < (MYSQL.first_day or 0) * units:
        raise pa.ArrowInvalid("MySQL has no day before 0001-01-01")


def _refuse(wrong: pa.Array, said: str) -> None:
    if pc.any(wrong).as_py():
        raise pa.ArrowInvalid(said)


def _uuid(column: pa.Array) -> pa.Array:
    """`01234567-89ab-…`"""
    texts = pa.array(
        [None if one is None else one.hex() for one in column.to_pylist()], pa.string()
    )
    places = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
    pieces = [pc.utf8_slice_codeunits(texts, start, stop) for start, stop in places]
    return pc.binary_join_element_wise(*pieces, "-")
