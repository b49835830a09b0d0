"""Values as drivers give them → columns of Arrow: each as it is, or refused.

Arrow alone would cut without a word: 1.5 to a whole number, a timestamp to a date, a zone off a
time. So the values of each Python type become a column of the type that is theirs, and only casts
that are known to be exact go from there to the type that a column has.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from factory.definitions.formats.types import OWN, element
from factory.transfer.errors import BadRow
from factory.transfer.values import agreement
from factory.transfer.values.cast import can, cast
from factory.transfer.values.spelling import Spelling
from factory.transfer.values.types import arrow_type, said, type_word

_PLAIN = Spelling(decimal_point=".", formats=(), zone=None, nulls=())
_DIGITS = 38
"""Those of a decimal of which nobody says how many it has."""
_UNKNOWN = pa.null()
_NUMBERS = ("a whole number", "a number with a fraction", "a decimal")

Values = Sequence[Any]


class _Unfit(Exception):
    """The value in a place is none that a column can hold."""

    def __init__(self, place: int, what: str) -> None:
        super().__init__(place, what)
        self.place = place
        self.what = what


class Late(Exception):
    """Columns of which no value was known have one: their types."""

    def __init__(self, columns: Mapping[str, Column]) -> None:
        super().__init__(columns)
        self.columns = columns


@dataclass(frozen=True)
class Column:
    """A column, and what its values are."""

    name: str
    type: pa.DataType = _UNKNOWN
    word: str = ""  # the word for it, where Arrow has no type
    declared: bool = False
    digits: tuple[int, int] | None = None  # of its decimals, where the driver tells

    @property
    def field(self) -> pa.Field:
        """As a file has it."""
        schema = pa.schema([pa.field(self.name, self.type)])
        return said(schema, {self.name: self.word}).field(0)


def declared(name: str, word: str) -> Column:
    """A column whose type a person says. Raises `BadOption`."""
    return Column(name, arrow_type(word), word, declared=True)


def batch(
    rows: Sequence[Sequence[Any]], columns: Sequence[Column], before: int, *, first: bool
) -> tuple[pa.RecordBatch, list[Column]]:
    """Rows as a batch, and the columns with the types that the first rows tell.

    `before` rows came before these. Raises `BadRow`, and `Late` where a value comes after the
    first rows of a column of which nothing is said.
    """
    of_each = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    made = [_made(*one, before) for one in zip(columns, of_each, strict=True)]
    found = [column for column, _ in made]
    late = {new.name: new for old, new in zip(columns, found, strict=True) if new.type != old.type}
    if late and not first:
        raise Late(late)
    arrays = [array for _, array in made]
    return pa.record_batch(arrays, schema=pa.schema([one.field for one in found])), found


def _made(column: Column, values: Values, before: int) -> tuple[Column, pa.Array]:
    try:
        kinds = _kinds(values)
        if not kinds:
            return column, pa.nulls(len(values), column.type)
        if column.declared:
            return column, _as_declared(column, kinds, values)
        if pa.types.is_null(column.type):
            column = _told(column, kinds)
        return column, _as_found(column, kinds)
    except _Unfit as error:
        raise BadRow(
            f"row {before + error.place + 1}: the column {column.name!r} {error.what}",
            None if column.declared else _advice(column, values),
        ) from None


def _advice(column: Column, values: Values) -> str:
    """What to declare: a type that takes the column's values, those that it had, too."""
    word = "text"
    try:
        told = _told(Column(column.name), _kinds(values))
        both = agreement.common(pa.field("", column.type), told.field)
        if both is not None and not column.word and not told.word:
            word = type_word(both.type)
    except _Unfit:
        pass
    return f'Declare what it is: `types: {{{column.name}: "{word}"}}`'


# What values are, by their Python types.


def _kinds(values: Values) -> Mapping[str, Values]:
    """The values of each kind, null in the places of others; without the nulls alone."""
    classes = {type(value) for value in values} - {type(None)}
    kinds = {one: _kind(one) for one in classes}
    found: dict[str, Values] = dict.fromkeys(kinds.values(), values)
    if len(found) > 1:
        found = {kind: [_only(value, kinds, kind) for value in values] for kind in found}
    for zoned, plain in (("a time", "a time with a zone"), ("a timestamp", "a moment")):
        if zoned in found:
            found |= _by_zone(found.pop(zoned), zoned, plain)
    return found


def _only(value: Any, kinds: Mapping[type, str], kind: str) -> Any:
    return value if value is not None and kinds[type(value)] == kind else None


def _by_zone(values: Values, plain: str, zoned: str) -> dict[str, Values]:
    own: Values = [
        value if value is not None and value.tzinfo is not None else None for value in values
    ]
    if not any(value is not None for value in own):
        return {plain: values}
    rest: Values = [
        value if value is not None and value.tzinfo is None else None for value in values
    ]
    return {zoned: own} | ({plain: rest} if any(value is not None for value in rest) else {})


def _kind(cls: type) -> str:
    for one in cls.__mro__:
        if one in _OF_PYTHON:
            return _OF_PYTHON[one]
    return f"{cls.__module__}.{cls.__qualname__}"


_OF_PYTHON: Mapping[type, str] = {
    bool: "a boolean",
    int: _NUMBERS[0],
    float: _NUMBERS[1],
    Decimal: _NUMBERS[2],
    str: "a text",
    bytes: "bytes",
    bytearray: "bytes",
    memoryview: "bytes",
    datetime: "a timestamp",
    date: "a date",
    time: "a time",
    timedelta: "a duration",
    UUID: "a UUID",
    dict: "a document",
    list: "a document",
    tuple: "a document",
}


# Values of one kind → a column of the type that is theirs.


def _whole(values: Values) -> pa.Array:
    try:
        return pa.array(values, pa.int64())
    except OverflowError:
        return _decimals([None if value is None else Decimal(value) for value in values])


def _decimals(values: Values) -> pa.Array:
    for place, value in enumerate(values):
        if value is not None and not value.is_finite():
            raise _Unfit(place, f"holds {value}, which no decimal is")
    try:
        return pa.array(values)
    except pa.ArrowInvalid:
        raise _Unfit(_first(values, pa.array), "holds more than 76 digits") from None


def _texts(values: Values) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        place = _first(values, lambda one: pa.array(one, pa.string()))
        raise _Unfit(place, "holds a text that is no Unicode (half a surrogate pair)") from None


def _first(values: Values, make: Callable[[Values], pa.Array]) -> int:
    """The place of the value that alone cannot be made, or else the first."""
    for place, value in enumerate(values):
        try:
            make([value])
        except (pa.ArrowInvalid, UnicodeEncodeError):
            return place
    return 0


def _stamps(zone: str | None) -> Callable[[Values], pa.Array]:
    def make(values: Values) -> pa.Array:
        for place, value in enumerate(values):
            if getattr(value, "nanosecond", 0):
                raise _Unfit(place, "holds nanoseconds, which a timestamp has not")
        return pa.array(values, pa.timestamp("us", zone))

    return make


def _documents(values: Values) -> pa.Array:
    found = []
    for place, value in enumerate(values):
        try:
            found.append(None if value is None else _document(value))
        except (TypeError, ValueError):
            what = f"holds a {type(value).__name__} of more than JSON has: cast it in a `query`"
            raise _Unfit(place, what) from None
    return _texts(found)


def _document(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def length(value: timedelta) -> str:
    """Hours, minutes and seconds, as databases read them: `-30:15:00.5`."""
    total = abs(value)
    seconds = total.days * 86_400 + total.seconds
    fraction = f".{total.microseconds:06}".rstrip("0") if total.microseconds else ""
    sign = "-" if value < timedelta() else ""
    return f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{fraction}"


def _each(make: Callable[[Any], Any], kind: pa.DataType) -> Callable[[Values], pa.Array]:
    return lambda values: pa.array([None if v is None else make(v) for v in values], kind)


@dataclass(frozen=True)
class _Kind:
    """How its values become a column, and each of them a text."""

    make: Callable[[Values], pa.Array]
    text: Callable[[Any], str]
    word: str = ""  # of a type that Arrow has not


_OF_KIND: Mapping[str, _Kind] = {
    "a boolean": _Kind(lambda values: pa.array(values, pa.bool_()), lambda v: str(v).lower()),
    "a whole number": _Kind(_whole, lambda v: str(int(v))),
    "a number with a fraction": _Kind(lambda values: pa.array(values, pa.float64()), repr),
    "a decimal": _Kind(_decimals, lambda v: format(v, "f")),
    "a text": _Kind(_texts, str),
    "bytes": _Kind(_each(bytes, pa.binary()), lambda v: bytes(v).decode()),
    "a timestamp": _Kind(_stamps(None), lambda v: v.isoformat(" ")),
    "a moment": _Kind(_stamps("UTC"), lambda v: v.isoformat(" ")),
    "a date": _Kind(lambda values: pa.array(values, pa.date32()), date.isoformat),
    "a time": _Kind(lambda values: pa.array(values, pa.time64("us")), time.isoformat),
    "a time with a zone": _Kind(_each(time.isoformat, pa.string()), time.isoformat, "timetz"),
    "a duration": _Kind(_each(length, pa.string()), length, "interval"),
    "a UUID": _Kind(_each(str, pa.string()), str, "uuid"),
    "a document": _Kind(_documents, _document, "jsonb"),
}


# From there to the type that the column has.


def _told(column: Column, kinds: Mapping[str, Values]) -> Column:
    """The type that the first values tell."""
    arrays = {kind: _array(kind, values) for kind, values in kinds.items()}
    if len(arrays) > 1 and not all(kind in _NUMBERS for kind in arrays):
        raise _mixed(kinds)
    types = [array.type for array in arrays.values()]
    if len(types) > 1:
        types = [pa.float64() if _NUMBERS[1] in kinds else _widest(types)]
    (kind,) = types
    word = "" if len(arrays) > 1 else _OF_KIND[next(iter(arrays))].word
    return replace(column, type=_wide(kind, column.digits), word=word)


def _widest(types: Sequence[pa.DataType]) -> pa.DataType:
    """Whole numbers among decimals."""
    decimals = [pa.decimal128(19, 0) if pa.types.is_integer(kind) else kind for kind in types]
    field = pa.field("", decimals[0])
    for other in decimals[1:]:
        field = agreement.common(field, pa.field("", other)) or field
    return field.type


def _wide(kind: pa.DataType, digits: tuple[int, int] | None) -> pa.DataType:
    """A decimal of the digits that its column has, or with room for larger ones."""
    if not pa.types.is_decimal(kind):
        return kind
    whole = kind.precision - kind.scale
    if digits is not None and kind.scale <= digits[1] and whole <= digits[0] - digits[1]:
        return arrow_type("decimal({}, {})".format(*digits))
    if max(whole, 20) + kind.scale <= _DIGITS:
        return pa.decimal128(_DIGITS, kind.scale)
    return pa.decimal256(76, kind.scale)


def _mixed(kinds: Mapping[str, Values]) -> _Unfit:
    place = max(next(n for n, v in enumerate(one) if v is not None) for one in kinds.values())
    return _Unfit(place, f"holds {' and '.join(sorted(kinds))}")


def _array(kind: str, values: Values) -> pa.Array:
    if kind not in _OF_KIND:
        place = next(place for place, value in enumerate(values) if value is not None)
        raise _Unfit(place, f"holds values of {kind}, of which nothing is known here: cast it")
    return _OF_KIND[kind].make(values)


def _as_found(column: Column, kinds: Mapping[str, Values]) -> pa.Array:
    """Values in the type that the first ones told: of its kind, or numbers that are the same."""
    parts = []
    for kind, values in kinds.items():
        array = _array(kind, values)
        same = array.type == column.type and _OF_KIND[kind].word == column.word
        if not same and not (_is_number(array.type) and _is_number(column.type)):
            place = next(place for place, value in enumerate(values) if value is not None)
            was = column.word or type_word(column.type)
            raise _Unfit(place, f"was {was} in the rows before, and holds {kind}")
        was = f"was {type_word(column.type)} in the rows before, which it would be changed by"
        parts.append(_exact(array, column.type, was))
    return pc.coalesce(*parts) if len(parts) > 1 else parts[0]


def _is_number(kind: pa.DataType) -> bool:
    t = pa.types
    return bool(t.is_integer(kind) or t.is_floating(kind) or t.is_decimal(kind))


def _exact(array: pa.Array, kind: pa.DataType, otherwise: str) -> pa.Array:
    done = cast(array, kind, _PLAIN)
    if done.bad is not None:
        raise _Unfit(pc.index(done.bad, True).as_py(), otherwise)
    return done.values


def _as_declared(column: Column, kinds: Mapping[str, Values], values: Values) -> pa.Array:
    """Values in the type that a person says, each exactly."""
    inner = element(column.word)
    if inner is not None:
        return _lists(column, inner, values)
    parts = [_of_kind(column, kind, of_kind) for kind, of_kind in kinds.items()]
    return pc.coalesce(*parts) if len(parts) > 1 else parts[0]


def _of_kind(column: Column, kind: str, values: Values) -> pa.Array:
    unfit = f"is declared {column.word}, and holds {kind} that is none"
    if pa.types.is_string(column.type) and kind in _OF_KIND:
        return _written(kind, values, unfit)
    array = _array(kind, values)
    if not can(array.type, column.type, _PLAIN):
        place = next(place for place, value in enumerate(values) if value is not None)
        raise _Unfit(place, unfit)
    return _exact(array, column.type, unfit)


def _written(kind: str, values: Values, unfit: str) -> pa.Array:
    texts = []
    for place, value in enumerate(values):
        try:
            texts.append(None if value is None else _OF_KIND[kind].text(value))
        except (ValueError, TypeError):
            raise _Unfit(place, unfit) from None
    return _texts(texts)


def _lists(column: Column, inner: str, values: Values) -> pa.Array:
    """Arrays, of which each element is as a column's value."""
    offsets, owners = [0], list[int]()
    flat: list[Any] = []
    for place, value in enumerate(map(_array_of, values)):
        if value is not None and not isinstance(value, list | tuple):
            raise _Unfit(place, f"is declared {column.word}, and holds no list")
        flat += value or ()
        owners += [place] * len(value or ())
        offsets.append(len(flat))
    try:
        one = declared(column.name, inner)
        kinds = _kinds(flat)
        elements = _as_declared(one, kinds, flat) if kinds else pa.nulls(len(flat), one.type)
    except _Unfit as error:
        raise _Unfit(owners[error.place], error.what) from None
    mask = pa.array([value is None for value in values])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), elements, mask=mask)


def _array_of(value: Any) -> Any:
    """What a text of JSON holds; any other value as it is."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_float=Decimal)
    except ValueError:
        return value


assert {kind.word for kind in _OF_KIND.values() if kind.word} <= set(OWN)
