"""Arrow types ↔ PostgreSQL types: exact, or refused."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from importlib.metadata import version

import pyarrow as pa
import pyarrow.compute as pc

from factory.definitions.formats.types import OWN, element
from factory.definitions.warehouses import POSTGRES
from factory.transfer.errors import TransferError
from factory.transfer.values.agreement import SOURCE_TYPE
from factory.transfer.values.types import arrow_type, own_type
from factory.transfer.warehouse import columns as shared
from factory.transfer.warehouse.parts import Column

Mapped = tuple[str, pa.DataType] | tuple[str, pa.DataType, str]
_INTEGERS = {
    pa.int8(): ("smallint", pa.int16()),
    pa.int16(): ("smallint", pa.int16()),
    pa.uint8(): ("smallint", pa.int16()),
    pa.int32(): ("integer", pa.int32()),
    pa.uint16(): ("integer", pa.int32()),
    pa.int64(): ("bigint", pa.int64()),
    pa.uint32(): ("bigint", pa.int64()),
    # Left to itself, ADBC makes a bigint and turns 2⁶⁴-1 into -1.
    pa.uint64(): ("numeric(20,0)", pa.decimal128(20, 0)),
}


def nulls_of(kind: str) -> pa.DataType:
    """What ADBC's COPY writer sends nulls into a column of this type as."""
    return pa.decimal128(1, 0) if parts_of(kind)[0] == "numeric" else pa.string()


def columns(schema: pa.Schema, *, empty: bool = False, nulls: Collection[str] = ()) -> list[Column]:
    """See `columns` of all warehouses. Raises `TransferError` for the unsupported."""
    found = shared.columns(schema, POSTGRES, _mapped, empty=empty, nulls=nulls)
    return [_as_there(column, field) for column, field in zip(found, schema, strict=True)]


_TEXTS = ("character varying", "character", "bpchar", "json")
"""Types that take the bytes of a text as they are."""


def _as_there(column: Column, field: pa.Field) -> Column:
    """The type of a column of another PostgreSQL: of a text that type is made here, once more."""
    noted = (field.metadata or {}).get(SOURCE_TYPE, b"").decode()
    if not noted or noted == column.type:
        return column
    made = column.type == "text" and parts_of(noted)[0] not in _TEXTS
    return replace(column, type=noted, plain=column.type, sent="text" if made else "")


def _mapped(field: pa.Field) -> Mapped:
    kind, t = field.type, pa.types
    if t.is_dictionary(kind):
        return _mapped(field.with_type(kind.value_type))
    if word := own_type(field):
        return _own(word), *_mapped(field.remove_metadata())[1:], "text" + "[]" * t.is_list(kind)
    if kind == pa.uuid():
        return "uuid", pa.binary(), "bytea"
    if t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind):
        return _listed(field)
    if kind in _INTEGERS:
        return _INTEGERS[kind]
    if t.is_decimal(kind):
        return _decimal(kind)
    if t.is_timestamp(kind):
        zone = "with" if kind.tz else "without"
        return f"timestamp {zone} time zone", pa.timestamp("us", "UTC" if kind.tz else None)
    for fits, name, wire in (
        (t.is_boolean, "boolean", pa.bool_()),
        (t.is_float16, "real", pa.float32()),
        (t.is_float32, "real", pa.float32()),
        (t.is_float64, "double precision", pa.float64()),
        (t.is_string, "text", pa.string()),
        (t.is_large_string, "text", pa.large_string()),
        (t.is_string_view, "text", pa.string_view()),
        (t.is_null, "text", pa.string()),
        (t.is_date, "date", pa.date32()),
        (t.is_time, "time without time zone", pa.time64("us")),
        (t.is_binary, "bytea", pa.binary()),
        (t.is_fixed_size_binary, "bytea", pa.binary()),
        (t.is_large_binary, "bytea", pa.large_binary()),
        (t.is_binary_view, "bytea", pa.large_binary()),
    ):
        if fits(kind):
            return name, wire
    raise _unsupported(field)


def _own(word: str) -> str:
    """The type that a word of `columns` means."""
    if (inner := element(word)) is not None:
        return f"{_own(inner)}[]"
    if word in OWN:
        return "time with time zone" if word == "timetz" else word
    return _mapped(pa.field(word, arrow_type(word)))[0]


def _listed(field: pa.Field) -> Mapped:
    """An array of plain values; one of lists would have to be as long as its neighbours."""
    inner = field.type.value_type
    if pa.types.is_nested(inner) or inner == pa.uuid():
        raise _unsupported(field)
    element, wire, *_ = _mapped(field.with_type(inner))
    return f"{element}[]", pa.list_(wire)


def _unsupported(field: pa.Field) -> TransferError:
    return TransferError(
        f"column {field.name!r} has the type {field.type}, which can't be loaded",
        "Turn it into text or into several columns",
    )


def _decimal(kind: pa.DataType) -> tuple[str, pa.DataType]:
    exact = pa.decimal128 if kind.precision <= 38 else pa.decimal256
    return f"numeric({kind.precision},{kind.scale})", exact(kind.precision, kind.scale)


def on_wire(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """`batch` as `schema`, value by value; `BadRow` where a value would change."""
    return shared.turned(batch, schema, lambda column, field: _cast(column, field.type))


def _refuse_negative_zero(column: pa.Array) -> None:
    bits = column.type.bit_width
    number = pa.scalar(-(2 ** (bits - 1)), f"int{bits}")
    if pc.any(pc.equal(column.view(number.type), number)).as_py():
        raise pa.ArrowInvalid("-0 would lose its sign")


# Where PostgreSQL counts from 2000 on, ADBC's writer would go around: the first moments of all
# become `-infinity` and `infinity`. What is earlier than 4713 BC the server refuses.
_EARLIEST = {pa.date32(): -(2**30), pa.timestamp("us"): -(2**62)}


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if column.null_count == len(column):  # there are types that no cast leads to
        return column if column.type == kind else pa.nulls(len(column), kind)
    column = column.storage if isinstance(column.type, pa.BaseExtensionType) else column
    cast = column if column.type == kind else column.cast(kind)
    if pa.types.is_integer(kind) and pa.types.is_floating(column.type):
        _refuse_negative_zero(column)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        _refuse_before_all(cast)
    if pa.types.is_decimal(kind) and DRIVER < CARRIES:
        _refuse_lost_carry(cast)
    return cast


def _refuse_before_all(column: pa.Array) -> None:
    date = pa.types.is_date(column.type)
    numbers = column.view(pa.int32() if date else pa.int64())
    earliest = _EARLIEST[pa.date32() if date else pa.timestamp("us")]
    if pc.min(numbers).as_py() < earliest:
        raise pa.ArrowInvalid("a date is earlier than PostgreSQL's first")


DRIVER = tuple(int(part) for part in version("adbc-driver-postgresql").split(".")[:2])
CARRIES = (1, 13)
"""Before it, the driver's writer of decimals lost the carry when it negated: what is below 0, and
has 64 bits of 0 at its end, came out 2⁶⁴ off."""


def _refuse_lost_carry(column: pa.Array) -> None:
    words = column.type.bit_width // 64
    every = memoryview(column.buffers()[1]).cast("q")
    first, last = column.offset * words, (column.offset + len(column)) * words
    lowest, highest = every[first:last:words], every[first + words - 1 : last : words]
    for row, (low, high) in enumerate(zip(lowest, highest, strict=True)):
        if low == 0 and high < 0 and column[row].is_valid:
            raise pa.ArrowInvalid(
                f"adbc-driver-postgresql {'.'.join(map(str, DRIVER))} would send another number "
                f"for {column[row]}; from 1.13 on, which needs Python 3.11, it does not"
            )


_INTEGER_TYPES = ("smallint", "integer", "bigint")
_EXACT = {
    ("real", "double precision"),
    ("text", "character varying"),  # its length is asked of the rows, see `longest`
    ("date", "timestamp without time zone"),
    *(
        (f"time{stamp} {zone} time zone", f"time{stamp}(6) {zone} time zone")
        for stamp, zone in (("", "without"), ("stamp", "without"), ("stamp", "with"))
    ),
    ("date", "timestamp(6) without time zone"),
}


def fits(staged: str, target: str) -> bool:
    """Does an INSERT keep or refuse every value, never change one?

    PostgreSQL's own assignment casts round numbers, drop times of day, take a time for one of the
    session's zone, and cut what is too long for a `name` or a `"char"`.
    """
    if staged == target:
        return True
    name, digits = parts_of(staged)
    other, room = parts_of(target)
    if name in _INTEGER_TYPES:
        # a negative scale rounds to tens
        return other in _INTEGER_TYPES or (other == "numeric" and (not room or room[1] >= 0))
    if name == "numeric" and other == "numeric":
        return not room or (bool(digits) and digits[1] <= room[1])
    return (name, other) in _EXACT


def longest(staged: str, target: str) -> int | None:
    """How many characters a text may have; None: any number.

    PostgreSQL refuses a longer one, but not when all that is too much is spaces: those it cuts.
    """
    other, room = parts_of(target)
    bounded = other in ("character varying", "character")
    return room[0] if staged == "text" and bounded and room else None


_REASONS = {
    "money": "which depends on the server's locale, and rounds: make it `numeric`",
    "name": "which cuts texts: make it `text`",
    '"char"': "which cuts texts: make it `text`",
}


def reason(target: str) -> str:
    """Why nothing can be loaded into a type, where there is more to say than that it is another."""
    return _REASONS.get(target, "")


def parts_of(kind: str) -> tuple[str, tuple[int, ...]]:
    """`numeric(9,3)` → `numeric`, (9, 3). Types of times and arrays stay whole."""
    if kind.endswith("[]"):
        return kind, ()
    name, _, digits = kind.partition("(")
    numbers: Iterator[str] = iter(digits.rstrip(")").split(",") if digits else [])
    if name.startswith("time"):
        return kind, ()
    return name, tuple(int(number) for number in numbers)
