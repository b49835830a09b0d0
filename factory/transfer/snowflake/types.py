"""Arrow types ↔ Snowflake's: each value is exact, or refused with its column and row."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from factory.definitions.warehouses import SNOWFLAKE
from factory.transfer.errors import TransferError
from factory.transfer.values.types import Known, own_type
from factory.transfer.warehouse import columns as shared
from factory.transfer.warehouse.parquet import OnWire
from factory.transfer.warehouse.parts import Column

WHOLE = "NUMBER(38,0)"
DIGITS = 38
LONGEST = 16_777_216  # bytes of a text or of JSON, characters of a plain VARCHAR
_JSON = ("VARIANT", "OBJECT", "ARRAY")
_LAST_DAY, _DAY = 2_932_896, 86_400_000_000  # 9999-12-31; in microseconds


def columns(schema: pa.Schema, *, empty: bool = False, nulls: Collection[str] = ()) -> list[Column]:
    """See `columns` of all warehouses. Raises `TransferError` for the unsupported."""
    return shared.columns(schema, SNOWFLAKE, _mapped, empty=empty, nulls=nulls)


def _mapped(field: pa.Field) -> tuple[str, pa.DataType]:
    kind, t = field.type, pa.types
    if t.is_dictionary(kind):
        return _mapped(field.with_type(kind.value_type))
    if own_type(field) == "jsonb" or t.is_nested(kind) or isinstance(kind, pa.JsonType):
        return "VARIANT", pa.string()
    if own_type(field) or kind == pa.uuid():
        return "VARCHAR", pa.string()
    if t.is_decimal(kind):
        return _decimal(field)
    if t.is_timestamp(kind):
        word = "TIMESTAMP_TZ(6)" if kind.tz else "TIMESTAMP_NTZ(6)"
        return word, pa.timestamp("us", "UTC" if kind.tz else None)
    for fits_, name, wire in (
        (t.is_uint64, WHOLE, pa.decimal128(20, 0)),
        (t.is_integer, WHOLE, pa.int64()),
        (t.is_boolean, "BOOLEAN", pa.bool_()),
        (t.is_floating, "FLOAT", pa.float64()),
        (t.is_string, "VARCHAR", pa.string()),
        (t.is_large_string, "VARCHAR", pa.string()),
        (t.is_string_view, "VARCHAR", pa.string()),
        (t.is_null, "VARCHAR", pa.string()),
        (t.is_date, "DATE", pa.date32()),
        (t.is_time, "TIME(6)", pa.time64("us")),
        (t.is_binary, "BINARY", pa.binary()),
        (t.is_fixed_size_binary, "BINARY", pa.binary()),
        (t.is_large_binary, "BINARY", pa.binary()),
        (t.is_binary_view, "BINARY", pa.binary()),
    ):
        if fits_(kind):
            return name, wire
    raise TransferError(
        f"column {field.name!r} has the type {kind}, which can't be loaded",
        "Turn it into text or into several columns",
    )


def _decimal(field: pa.Field) -> tuple[str, pa.DataType]:
    precision, scale = field.type.precision, field.type.scale
    if not 0 <= scale <= precision <= DIGITS:
        raise TransferError(
            f"column {field.name!r} is a decimal({precision}, {scale}); Snowflake's NUMBER has "
            f"{DIGITS} digits",
            "Declare fewer digits under `columns` of the format, or `text`",
        )
    return f"NUMBER({precision},{scale})", pa.decimal128(precision, scale)


def type_of(word: str, row: Mapping[str, Any]) -> str:
    """A column's type, of a row of the information schema, as we write it."""
    if word == "NUMBER":
        return f"NUMBER({row['NUMERIC_PRECISION']},{row['NUMERIC_SCALE']})"
    if word.startswith("TIME"):
        digits = row["DATETIME_PRECISION"]
        return f"{word}({9 if digits is None else digits})"
    if word == "TEXT":
        length = row["CHARACTER_MAXIMUM_LENGTH"]
        return "VARCHAR" if length in (None, LONGEST) else f"VARCHAR({length})"
    if word == "BINARY":
        length = row["CHARACTER_MAXIMUM_LENGTH"] or row["CHARACTER_OCTET_LENGTH"]
        return "BINARY" if length in (None, 8_388_608) else f"BINARY({length})"
    return word


def parts_of(kind: str) -> tuple[str, tuple[int, ...]]:
    """`NUMBER(9,3)` → `NUMBER`, (9, 3)."""
    name, _, digits = kind.partition("(")
    found = re.findall(r"\d+", digits)
    return name, tuple(int(number) for number in found)


def fits(staged: str, target: str) -> bool:
    """Does an INSERT keep every value? What fits after a turn has the target's type already."""
    return staged == target


def reason(target: str) -> str:
    """None has more to say."""
    return ""


def nulls_of(kind: str) -> pa.DataType:
    """What nulls are sent into a column of this type as."""
    return _wire_of(kind) or pa.string()


def _wire_of(kind: str) -> pa.DataType | None:
    """What is sent into a column of this type; None: nothing is."""
    name, size = parts_of(kind)
    if name == "NUMBER":
        return pa.decimal128(*size)
    plain: dict[str, pa.DataType] = {
        "BOOLEAN": pa.bool_(),
        "FLOAT": pa.float64(),
        "VARCHAR": pa.string(),
        "DATE": pa.date32(),
        "TIME": pa.time64("us"),
        "BINARY": pa.binary(),
        "TIMESTAMP_NTZ": pa.timestamp("us"),
        "TIMESTAMP_TZ": pa.timestamp("us", "UTC"),
        "TIMESTAMP_LTZ": pa.timestamp("us", "UTC"),
        **dict.fromkeys(_JSON, pa.string()),
    }
    return plain.get(name)


_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "NUMBER": ("NUMBER",),
    "FLOAT": ("FLOAT",),
    "BOOLEAN": ("BOOLEAN",),
    "VARCHAR": ("VARCHAR", *_JSON),
    "VARIANT": _JSON,
    "DATE": ("DATE", "TIMESTAMP_NTZ"),
    "TIME": ("TIME",),
    "BINARY": ("BINARY",),
    "TIMESTAMP_NTZ": ("TIMESTAMP_NTZ",),
    "TIMESTAMP_TZ": ("TIMESTAMP_TZ", "TIMESTAMP_LTZ"),
}
"""Into what types the values of one go without a change, or are refused."""


def turned(kinds: Mapping[str, str], columns: Sequence[Column]) -> tuple[Column, ...]:
    """The load's columns, those in the target's types whose values these take."""
    return tuple(_turned(kinds.get(column.name), column) for column in columns)


def _turned(kind: str | None, column: Column) -> Column:
    if kind is None or column.type == kind:
        return column
    other, size = parts_of(kind)
    if column.empty:
        return replace(column, type=kind, wire=nulls_of(kind))
    takes = other in _FAMILIES.get(parts_of(column.type)[0], ())
    as_text = column.as_written and other == "VARCHAR"
    whole = size[-1:] == (0,) or parts_of(column.type)[1][-1:] == (0,)
    numbers = {parts_of(column.type)[0], other} == {"NUMBER", "FLOAT"} and whole
    wire = _wire_of(kind)
    if wire is None or not (takes or as_text or numbers):
        return column
    return replace(column, type=kind, wire=wire)


def known(kinds: Mapping[str, str]) -> dict[str, Known]:
    """What columns of a table that is there are read as."""
    found = {}
    for name, kind in kinds.items():
        wire = _wire_of(kind)
        if wire is not None and not pa.types.is_binary(wire):
            found[name] = Known(wire, json=parts_of(kind)[0] in _JSON)
    return found


def selected(place: str, kind: str) -> str:
    """What COPY makes of a value of our Parquet file."""
    value = f'$1:"{place}"'
    name, _ = parts_of(kind)
    if name == "VARIANT":
        return f"PARSE_JSON({value}::VARCHAR)"
    if name in _JSON:
        return f"PARSE_JSON({value}::VARCHAR)::{name}"
    return f"{value}::{kind}"


def on_wire(columns: Sequence[Column]) -> OnWire:
    """A batch as it is sent into these columns, value by value.

    Raises `BadRow` where a value would change.
    """
    kinds = {column.name: column.type for column in columns}

    def cast(column: pa.Array, field: pa.Field) -> pa.Array:
        return _sent(column, field.type, kinds[field.name])

    def sent(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
        shared.refuse_nulls(batch, columns)
        return shared.turned(batch, schema, cast, kinds)

    return sent


def _sent(column: pa.Array, wire: pa.DataType, kind: str) -> pa.Array:
    name, size = parts_of(kind)
    if column.null_count == len(column):
        return pa.nulls(len(column), wire)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if column.type == pa.uuid():
        return _texts([str(value) if value else None for value in column.to_pylist()])
    column = column.storage if isinstance(column.type, pa.BaseExtensionType) else column
    if name in _JSON:
        column = _as_json(column)
    cast = _number(column, wire) if name in ("NUMBER", "FLOAT") else column.cast(wire)
    _refuse_beyond(cast, name, size)
    return cast


def _number(column: pa.Array, wire: pa.DataType) -> pa.Array:
    """By steps, each of which refuses what it would change; Arrow has none from end to end."""
    if pa.types.is_decimal(wire):
        if pa.types.is_floating(column.type):
            column = column.cast(pa.int64())
        if pa.types.is_integer(column.type):
            column = column.cast(pa.decimal128(20, 0))
    elif pa.types.is_decimal(column.type):  # whole ones alone come here
        column = column.cast(pa.int64())
    return column.cast(wire)


def _texts(values: Sequence[str | None]) -> pa.Array:
    return pa.array(values, pa.string())


def _as_json(column: pa.Array) -> pa.Array:
    if not pa.types.is_nested(column.type):
        column = column.cast(pa.string())
        shared.refuse_no_json(column)
        return column
    values = column.to_pylist()
    return _texts([None if value is None else _written(value) for value in values])


def _written(value: Any) -> str:
    """As JSON; a map of Arrow is a list of pairs there, too."""
    try:
        return json.dumps(value, default=_plain, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise pa.ArrowInvalid("it holds a number that is not finite, and JSON has none") from None


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        raise pa.ArrowInvalid("it holds bytes, and JSON has none")
    return str(value)


def _refuse_beyond(column: pa.Array, name: str, size: Sequence[int]) -> None:
    """What Snowflake would refuse without telling the row, or round."""
    if name in ("VARCHAR", *_JSON):
        _refuse_over(pc.binary_length(column), LONGEST, "bytes")
        if size:
            _refuse_over(pc.utf8_length(column), size[0], "characters")
    elif name == "BINARY":
        _refuse_over(pc.binary_length(column), size[0] if size else LONGEST // 2, "bytes")
    elif name == "DATE":
        _refuse_late(pc.max(column.view(pa.int32())).as_py(), _LAST_DAY)
    elif name.startswith("TIMESTAMP"):
        _refuse_late(pc.max(column.view(pa.int64())).as_py(), (_LAST_DAY + 1) * _DAY - 1)
    if name.startswith("TIME") and size and size[0] < 6:
        unit = 10 ** (6 - size[0])
        numbers = column.view(pa.int64())
        rounded = pc.multiply(pc.divide(numbers, unit), unit)
        if pc.any(pc.not_equal(rounded, numbers)).as_py():
            raise pa.ArrowInvalid(f"it has more than {size[0]} digits of a second")


def _refuse_over(lengths: pa.Array, most: int, unit: str) -> None:
    longest = pc.max(lengths).as_py()
    if longest is not None and longest > most:
        raise pa.ArrowInvalid(f"{longest} {unit} are more than {most}")


def _refuse_late(latest: int | None, last: int) -> None:
    if latest is not None and latest > last:
        raise pa.ArrowInvalid("it is later than 9999-12-31")
