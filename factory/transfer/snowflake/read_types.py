"""Snowflake's types → Arrow's: each value is exact, or refused with its column."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from factory.transfer.errors import BadRow, TransferError
from factory.transfer.snowflake.names import other_case, quoted
from factory.transfer.values.types import said

_WORDS = {
    0: "NUMBER",
    1: "FLOAT",
    2: "VARCHAR",
    3: "DATE",
    5: "VARIANT",
    6: "TIMESTAMP_LTZ",
    7: "TIMESTAMP_TZ",
    8: "TIMESTAMP_NTZ",
    9: "OBJECT",
    10: "ARRAY",
    11: "BINARY",
    12: "TIME",
    13: "BOOLEAN",
}
"""The connector's codes of types."""
_JSON = ("VARIANT", "OBJECT", "ARRAY")
_ARROW: Mapping[str, pa.DataType] = {
    "FLOAT": pa.float64(),
    "VARCHAR": pa.string(),
    "DATE": pa.date32(),
    "TIMESTAMP_LTZ": pa.timestamp("us", "UTC"),
    "TIMESTAMP_TZ": pa.timestamp("us", "UTC"),
    "TIMESTAMP_NTZ": pa.timestamp("us"),
    "BINARY": pa.binary(),
    "TIME": pa.time64("us"),
    "BOOLEAN": pa.bool_(),
    **dict.fromkeys(_JSON, pa.string()),
}
KINDS = {
    "DATE": "date",
    "TIMESTAMP_NTZ": "timestamp",
    "TIMESTAMP_TZ": "timestamptz",
    "TIMESTAMP_LTZ": "timestamptz",
}
"""What an interval calls the types of its column."""
_DIGITS = 6  # of a second, that a column of ours has


@dataclass(frozen=True)
class Described:
    """A column of a table or of a query's answer."""

    name: str
    type: str
    precision: int
    scale: int

    @property
    def is_whole(self) -> bool:
        """Is it a number without digits after the point?"""
        return self.type == "NUMBER" and self.scale == 0


@dataclass(frozen=True)
class Read:
    """A column, and how it is read."""

    column: Described
    name: str  # as people write it
    expression: str
    type: pa.DataType
    finer: str = ""  # what of a second a column of ours has no room for, as an expression


def described(column: Sequence[object]) -> Described:
    """Of what the connector says of it."""
    word = _WORDS.get(int(str(column[1])), "")
    return Described(str(column[0]), word, int(str(column[4] or 0)), int(str(column[5] or 0)))


def reads(
    columns: Sequence[Described], as_text: Collection[str], given: Collection[str]
) -> list[Read]:
    """How each is read; `given` are names as the source has them. Raises `TransferError`."""
    own = {column.name for column in columns}
    written = {name if name in own else name.upper(): name for name in given}
    result = []
    for column in columns:
        usual = other_case(column.name)
        name = written.get(column.name, column.name if usual in own else usual)
        result.append(_read(column, name, {name, column.name} & set(as_text) != set()))
    return result


def _read(column: Described, name: str, as_text: bool) -> Read:
    own = quoted(column.name)
    if as_text:
        return Read(column, name, f"{own}::VARCHAR", pa.string())
    if column.type == "NUMBER":
        return Read(column, name, own, pa.decimal128(column.precision or 38, column.scale))
    if column.type not in _ARROW:
        raise TransferError(
            f"the column {name!r} has a type that is not read as it is",
            f"Read it as a text: `as_text: [{name}]`",
        )
    is_json = column.type in _JSON
    fine = column.type.startswith("TIME") and column.scale > _DIGITS
    finer = f"MOD(DATE_PART(NANOSECOND, {own}), 1000)" if fine else ""
    expression = f"TO_JSON({own})" if is_json else own
    return Read(column, name, expression, _ARROW[column.type], finer)


def schema(columns: Sequence[Read]) -> pa.Schema:
    """Of what is read; JSON is a text that is noted as such."""
    plain = pa.schema([(column.name, column.type) for column in columns])
    words = {
        column.name: "jsonb"
        for column in columns
        if column.column.type in _JSON and column.expression.startswith("TO_JSON")
    }
    return said(plain, words)


def exact(
    columns: Sequence[Read], schema: pa.Schema
) -> Callable[[pa.Table], Iterator[pa.RecordBatch]]:
    """What makes batches of the schema of an answer. Raises `BadRow`."""
    finer = [column for column in columns if column.finer]

    def batches(table: pa.Table) -> Iterator[pa.RecordBatch]:
        for batch in table.to_batches():
            for place, column in enumerate(finer, len(columns)):
                if pc.any(pc.not_equal(batch.column(place).cast(pa.int64()), 0)).as_py():
                    raise BadRow(
                        f"the column {column.name!r} holds billionths of a second",
                        f"Round it in a `query`, or read it as a text: `as_text: [{column.name}]`",
                    )
            arrays = [_cast(batch.column(place), column) for place, column in enumerate(columns)]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    return batches


def _cast(array: pa.Array, column: Read) -> pa.Array:
    try:
        return array.cast(column.type)
    except pa.ArrowInvalid as error:
        raise BadRow(f"the column {column.name!r} can't be {column.type}: {error}") from None
