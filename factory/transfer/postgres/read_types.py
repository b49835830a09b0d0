"""The columns of a query → what is read of them: every value exact, or refused.

ADBC is wrong without a word for infinite dates and for arrays of arrays, hands on bytes of the
wire for what Arrow has no type for, and is slow with `numeric`. So what is not known to arrive as
it is, is asked for as a text; its type is noted, for a target that is PostgreSQL, too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from factory.transfer.errors import BadRow, TransferError
from factory.transfer.postgres import enums
from factory.transfer.postgres.columns import parts_of
from factory.transfer.values.agreement import SOURCE_TYPE

_AS_THEY_ARE = {
    "bool": pa.bool_(),
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "float4": pa.float32(),
    "float8": pa.float64(),
    "text": pa.string(),
    "varchar": pa.string(),
    "bpchar": pa.string(),
    "bytea": pa.binary(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", "UTC"),
}
_MONEY = ("money", "_money")
_MOST_DIGITS = 76
_A_DAY = 86_400_000_000  # microseconds
# Nothing that PostgreSQL holds is so early: infinity, and what is too late, goes around in ADBC.
_FINITE = {"date32[day]": -(2**30), "timestamp": -(2**62)}


@dataclass(frozen=True)
class Described:
    """A column of a query, as the server tells it."""

    name: str
    type: str  # as format_type() writes it
    base: str  # its name in pg_catalog; empty: it is of another schema
    known: bool  # whether every PostgreSQL has it, and makes it of its text
    enum: str = ""  # the note of one


@dataclass(frozen=True)
class Read:
    """A column as it is read."""

    name: str
    type: pa.DataType
    note: str = ""  # what it is in PostgreSQL
    cast: bool = False  # whether the server makes a text of it
    enum: str = ""  # the note of one

    @property
    def expression(self) -> sql.Composable:
        """For a SELECT."""
        name = sql.Identifier(self.name)
        return sql.SQL("{0}::text AS {0}").format(name) if self.cast else name


def reads(columns: Sequence[Described], as_text: Collection[str]) -> list[Read]:
    """How each is read. Raises `TransferError` for what no text tells exactly."""
    return [_read(column, column.name in as_text) for column in columns]


def _read(column: Described, as_text: bool) -> Read:
    if column.base in _MONEY:
        raise TransferError(
            f"the column {column.name!r} is {column.type}, whose text depends on the server's "
            "locale",
            f"Read it by a `query`, as {sql.Identifier(column.name).as_string()}::numeric(18,2)",
        )
    note = column.type if column.known else ""
    if not as_text and column.base in _AS_THEY_ARE:
        return Read(column.name, _AS_THEY_ARE[column.base], note)
    if not as_text and column.base == "numeric" and (kind := _decimal(column.type)):
        return Read(column.name, kind, note, cast=True)
    return Read(column.name, pa.string(), note, cast=True, enum=column.enum)


def _decimal(kind: str) -> pa.DataType | None:
    """None: of any digits, of more than Arrow has, or rounded to tens."""
    digits = parts_of(kind)[1]
    if not digits or digits[0] > _MOST_DIGITS or not 0 <= digits[1] <= digits[0]:
        return None
    return pa.decimal128(*digits) if digits[0] <= 38 else pa.decimal256(*digits)


def schema(columns: Sequence[Read]) -> pa.Schema:
    """What the batches are, with a note of what each column is in PostgreSQL."""
    return pa.schema(
        pa.field(column.name, column.type, metadata=_noted(column)) for column in columns
    )


def _noted(column: Read) -> dict[bytes, str] | None:
    notes = {SOURCE_TYPE: column.note, enums.NOTE: column.enum}
    return {key: note for key, note in notes.items() if note} or None


def exact(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """A batch as it came, in the types of `schema`. Raises `BadRow` where a value would change."""
    arrays = [_exact(array, field) for array, field in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _exact(array: pa.Array, field: pa.Field) -> pa.Array:
    if pa.types.is_decimal(field.type):
        return _number(array, field)
    found = array if array.type == field.type else array.cast(field.type)
    if pa.types.is_time(field.type):
        if (pc.max(found.view(pa.int64())).as_py() or 0) >= _A_DAY:
            raise _refused(field, "24:00:00, which is no time of a day elsewhere")
    elif (first := _first(field.type)) is not None:
        number = pa.int32() if pa.types.is_date(field.type) else pa.int64()
        if (pc.min(found.view(number)).as_py() or 0) < first:
            raise _refused(field, "infinity, or a year after 294246, which is no date elsewhere")
    return found


def _first(kind: pa.DataType) -> int | None:
    return _FINITE.get("timestamp" if pa.types.is_timestamp(kind) else str(kind))


def _number(array: pa.Array, field: pa.Field) -> pa.Array:
    try:
        return array.cast(field.type)
    except pa.ArrowInvalid:
        raise _refused(field, "NaN, which no decimal is") from None


def _refused(field: pa.Field, what: str) -> BadRow:
    return BadRow(
        f"the column {field.name!r} holds {what}",
        f"Read it as a text, of which a PostgreSQL target makes its type: "
        f"`as_text: [{field.name}]`",
    )
