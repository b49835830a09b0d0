"""The columns of a query → what is read of them: every value exact, or refused.

The server sends texts. They are what the values are, but for a FLOAT, of which it shows six digits:
that is asked for as a DOUBLE, and a BIT, which it sends as bytes, as a number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
from pymysql.constants import FIELD_TYPE, FLAG

from factory.transfer.errors import BadRow, TransferError
from factory.transfer.mysql.session import name
from factory.transfer.values.agreement import SOURCE_TYPE

ZeroDates = Literal["fail", "as_null", "as_text"]

_BINARY = 63  # the character set of bytes
_VECTOR = 242
_WHOLE: dict[int, tuple[pa.DataType, pa.DataType]] = {  # signed, unsigned
    FIELD_TYPE.TINY: (pa.int8(), pa.uint8()),
    FIELD_TYPE.SHORT: (pa.int16(), pa.uint16()),
    FIELD_TYPE.YEAR: (pa.int16(), pa.int16()),
    FIELD_TYPE.INT24: (pa.int32(), pa.uint32()),
    FIELD_TYPE.LONG: (pa.int32(), pa.uint32()),
    FIELD_TYPE.LONGLONG: (pa.int64(), pa.uint64()),
}
_DATES = {
    FIELD_TYPE.DATE: pa.date32(),
    FIELD_TYPE.NEWDATE: pa.date32(),
    FIELD_TYPE.DATETIME: pa.timestamp("us"),
    FIELD_TYPE.TIMESTAMP: pa.timestamp("us", "UTC"),
}
_FLOATS = {FIELD_TYPE.FLOAT: pa.float32(), FIELD_TYPE.DOUBLE: pa.float64()}
_TEXTS = (
    *(FIELD_TYPE.VARCHAR, FIELD_TYPE.VAR_STRING, FIELD_TYPE.STRING),
    *(FIELD_TYPE.ENUM, FIELD_TYPE.SET, FIELD_TYPE.BLOB),
    *(FIELD_TYPE.TINY_BLOB, FIELD_TYPE.MEDIUM_BLOB, FIELD_TYPE.LONG_BLOB),
)
_AS_TEXT = {FIELD_TYPE.GEOMETRY: "ST_AsText({})", _VECTOR: "VECTOR_TO_STRING({})"}
_FIRST_DAY = {"date32[day]": -719162, "timestamp": -719162 * 86_400_000_000}  # of the year 1
KINDS = {
    FIELD_TYPE.DATE: "date",
    FIELD_TYPE.NEWDATE: "date",
    FIELD_TYPE.DATETIME: "timestamp",
    FIELD_TYPE.TIMESTAMP: "timestamptz",
}
"""What a window of time calls them."""


@dataclass(frozen=True)
class Described:
    """A column of a query, as the server tells it."""

    name: str
    code: int
    flags: int
    charset: int
    length: int
    scale: int

    @property
    def type(self) -> str:
        """For people, without what is of no matter to them."""
        found = (word for word, code in vars(FIELD_TYPE).items() if code == self.code)
        return next(found, f"of a type with the number {self.code}").lower()

    @property
    def is_whole(self) -> bool:
        """Whether it is a whole number."""
        return self.code in _WHOLE


@dataclass(frozen=True)
class Read:
    """A column as it is read."""

    name: str
    type: pa.DataType
    form: str = "{}"  # what the server makes of it
    note: str = ""  # what it is in PostgreSQL, where that takes its text

    @property
    def expression(self) -> str:
        """For a SELECT."""
        own = name(self.name)
        return own if self.form == "{}" else f"{self.form.format(own)} AS {own}"


def reads(
    columns: Sequence[Described], as_text: Collection[str], zero_dates: ZeroDates = "fail"
) -> list[Read]:
    """How each is read. Raises `TransferError` for a type of which no value is known."""
    return [_read(column, column.name in as_text, zero_dates) for column in columns]


def _read(column: Described, as_text: bool, zero_dates: ZeroDates) -> Read:
    code, own = column.code, column.name
    if code in _AS_TEXT:
        if as_text:
            return Read(own, pa.string(), _AS_TEXT[code])
        raise TransferError(
            f"the column {own!r} is {column.type}, which is no value elsewhere",
            f"Read it as a text: `as_text: [{own}]`",
        )
    if code in _DATES:
        text = as_text or zero_dates == "as_text"
        return Read(own, pa.string() if text else _DATES[code])
    if code == FIELD_TYPE.TIME:
        # what is more than a day is a length of time
        return Read(own, pa.string(), note="interval") if as_text else Read(own, pa.time64("us"))
    if code == FIELD_TYPE.BIT:
        return Read(own, pa.string() if as_text else _bits(column.length), "({} + 0)")
    if code == FIELD_TYPE.FLOAT:
        return Read(own, pa.string() if as_text else pa.float32(), "({} * 1e0)")
    return Read(own, pa.string() if as_text else _type(column), note=_note(column))


def _type(column: Described) -> pa.DataType:
    code = column.code
    if code in _WHOLE:
        return _WHOLE[code][bool(column.flags & FLAG.UNSIGNED)]
    if code in _FLOATS:
        return _FLOATS[code]
    if code in (FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL):
        return _decimal(column)
    if code in (FIELD_TYPE.JSON, FIELD_TYPE.NULL):
        return pa.string()
    if code in _TEXTS:
        return pa.binary() if column.charset == _BINARY else pa.string()
    raise TransferError(
        f"the column {column.name!r} is {column.type}, of which nothing is known here",
        f"Read it by a `query`, as CAST({name(column.name)} AS CHAR)",
    )


def _note(column: Described) -> str:
    return "json" if column.code == FIELD_TYPE.JSON else ""


def _bits(length: int) -> pa.DataType:
    if length == 1:
        return pa.bool_()
    return next(
        kind
        for most, kind in ((8, pa.uint8()), (16, pa.uint16()), (32, pa.uint32()), (64, pa.uint64()))
        if length <= most
    )


def _decimal(column: Described) -> pa.DataType:
    """Its length is that of its text: digits, a point, a sign."""
    digits = column.length - (column.scale > 0) - (not column.flags & FLAG.UNSIGNED)
    digits = max(digits, column.scale, 1)
    kind = pa.decimal128 if digits <= 38 else pa.decimal256
    return kind(digits, column.scale)


def schema(columns: Sequence[Read]) -> pa.Schema:
    """What the batches are, with a note of what a text becomes in PostgreSQL."""
    return pa.schema(
        pa.field(column.name, column.type, metadata={SOURCE_TYPE: column.note})
        if column.note
        else pa.field(column.name, column.type)
        for column in columns
    )


@dataclass(frozen=True)
class Exact:
    """Texts of the server → a batch of `schema`. `nulls` counts dates that are read as null."""

    schema: pa.Schema
    zero_dates: ZeroDates
    nulls: Counter[str]

    def batch(self, columns: Sequence[list[bytes | None]]) -> pa.RecordBatch:
        """Raises `BadRow` where a value is none of its type."""
        pairs = zip(columns, self.schema, strict=True)
        arrays = [self._array(values, field) for values, field in pairs]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _array(self, values: list[bytes | None], field: pa.Field) -> pa.Array:
        if pa.types.is_binary(field.type):
            return pa.array(values, pa.binary())
        try:
            texts = pa.array(values, pa.string())
        except pa.ArrowInvalid:
            raise _refused(field, "bytes that are no text", "Take it out of `as_text`") from None
        if pa.types.is_date(field.type) or pa.types.is_timestamp(field.type):
            return self._days(texts, field)
        if pa.types.is_time(field.type):
            return _times(texts, field)
        number = pa.uint8() if pa.types.is_boolean(field.type) else field.type
        return texts.cast(number).cast(field.type)

    def _days(self, texts: pa.Array, field: pa.Field) -> pa.Array:
        found = _moments(texts, field.type)
        if found is not None:
            return found
        wrong = [text for text in texts.to_pylist() if text is not None and not _is_day(text[:10])]
        if self.zero_dates != "as_null":
            shown = "0000-00-00" if wrong[0].startswith("0000-00-00") else "a day"
            raise _refused(
                field,
                f"{shown}, which no calendar has",
                "Say what becomes of such: `zero_dates: as_null` or `as_text`",
            )
        self.nulls[field.name] += len(wrong)
        mask = pa.array([text is not None and _is_day(text[:10]) for text in texts.to_pylist()])
        found = _moments(pc.if_else(mask, texts, None), field.type)
        assert found is not None
        return found


def _times(texts: pa.Array, field: pa.Field) -> pa.Array:
    """As moments of a day: Arrow reads no times."""
    days = pc.binary_join_element_wise("1970-01-01", texts, " ")
    try:
        return days.cast(pa.timestamp("us")).view(pa.int64()).cast(field.type)
    except pa.ArrowInvalid:
        hint = f"Read it as a text: `as_text: [{field.name}]`; PostgreSQL makes an interval of it"
        raise _refused(field, "what is no time of a day", hint) from None


def _moments(texts: pa.Array, kind: pa.DataType) -> pa.Array | None:
    """None: one of them is none, or of a year that only the server has."""
    try:
        if pa.types.is_date(kind):
            found = texts.cast(kind)
        else:  # those with a zone are in UTC, and do not say so
            found = texts.cast(pa.timestamp("us")).cast(kind)
    except pa.ArrowInvalid:
        return None
    first = _FIRST_DAY[str(kind) if pa.types.is_date(kind) else "timestamp"]
    number = pa.int32() if pa.types.is_date(kind) else pa.int64()
    least = pc.min(found.view(number)).as_py()
    return found if least is None or least >= first else None


@lru_cache(1 << 14)
def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _refused(field: pa.Field, what: str, hint: str) -> BadRow:
    return BadRow(f"the column {field.name!r} holds {what}", hint)
