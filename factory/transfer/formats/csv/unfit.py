"""What is wrong with a value, and how to declare it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pyarrow as pa

from factory.definitions.warehouses import Holds
from factory.transfer import hints
from factory.transfer.holds import before_all, nul_hint, unheld
from factory.transfer.values import options
from factory.transfer.values.convert import convert
from factory.transfer.values.spelling import Spelling
from factory.transfer.values.types import type_word

SHOWN = 100


@dataclass(frozen=True)
class Column:
    """A column that is wanted."""

    index: int  # in the file, the first is 0
    name: str
    type: pa.DataType
    inferred: bool
    own: Spelling | None = None  # when it is not written as the others
    known: bool = False  # nobody declared it, and the table that the rows are for tells its type

    def how(self, how: Spelling) -> Spelling:
        """How its values may be written."""
        return replace(how, known=True) if self.known else self.own or how


@dataclass(frozen=True)
class Problem:
    """A row that does not fit."""

    line: int  # where it stands
    reason: str
    row: bytes
    hint: str | None = None


def value(text: str, column: Column, how: Spelling, holds: Holds) -> tuple[str, str]:
    """Reason and hint for a value that is not of its column's type."""
    shown = repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")
    reason, hint = _why(text, column, column.how(how), holds)
    return f"column {column.name!r}: {shown} {reason}", hint


def _why(text: str, column: Column, how: Spelling, holds: Holds) -> tuple[str, str]:
    kind, name = column.type, column.name
    declare = f"Declare the column ({hints.columns(name, '%s')})"
    if pa.types.is_string(kind):
        return f"holds a NUL, which no text in {holds.name} can", nul_hint(name, "binary")
    if pa.types.is_null(kind):
        return "is the first value, far from the start; its type is not known", declare % "text"
    if pa.types.is_timestamp(kind):
        stamp = pa.timestamp("us")
        zoned = pa.timestamp("us", "UTC")
        if kind.tz and _fits(text, stamp, how):
            return options.why(text, kind, how, name) or (
                "is not timestamptz: it has no offset",
                f"Say in which zone it is (`timezone: Europe/Berlin`), or declare the column "
                f"({hints.columns(name, 'text')})",
            )
        if not kind.tz and _fits(text, zoned, how):
            return "is not timestamp: it has an offset", declare % "timestamptz"
    missing = f"{declare % 'text'}, or the value as missing (`nulls: ['', …]`)"
    done = convert(_one(text), kind, replace(how, known=False), inferred=False)
    if unheld(done.values, holds) is not None:
        return before_all(holds), missing
    if column.known and done.bad is None:
        said = f"would be changed by the type {type_word(kind)}, which the table has"
        word = type_word(kind)
        meant = declare % (f"'{word}'" if "," in word else word)
        return said, f"{meant} if that is meant, else alter the table: {hints.alter(name, 'text')}"
    if column.known:
        said = f"is not {type_word(kind)}, which the table has"
        return said, hints.of_table(name, "text")
    if column.inferred and done.bad is None:
        return f"would be changed by the type {type_word(kind)}", declare % "text"
    return options.why(text, kind, how, name) or (f"is not {type_word(kind)}", missing)


def _one(text: str) -> pa.Array:
    return pa.array([text], pa.string())


def _fits(text: str, kind: pa.DataType, how: Spelling) -> bool:
    naive = replace(how, zone=None)
    return convert(_one(text), kind, naive, inferred=False).bad is None
