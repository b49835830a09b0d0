"""What a load is in any warehouse: plain data, and what a warehouse says of itself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from factory.amounts import counted
from factory.definitions import identifiers
from factory.definitions.tables import LOCK_SECONDS, STATEMENT_SECONDS, Policy
from factory.definitions.warehouses import Capabilities
from factory.definitions.writes import Write
from factory.fields import word_of
from factory.transfer.errors import BadOption


def refuse_mode(can: Capabilities, write: Write) -> None:
    """Raise `BadOption` for a write mode that the warehouse has none of."""
    if word_of(write) not in can.modes:
        raise BadOption(
            f"{can.name} takes no write mode {word_of(write)}", f"Known are: {', '.join(can.modes)}"
        )


@dataclass(frozen=True)
class Table:
    """A name in a warehouse; without a schema, in that of the connection."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name

    def noted(self, name: str, dialect: str) -> str:
        """A table beside it that loads keep, in SQL, as a person may ask for it."""
        from sqlglot import exp

        return exp.table_(name, db=self.schema or None, quoted=True).sql(dialect=dialect)


def split(name: str, can: Capabilities) -> list[str]:
    """The parts of a table's name, as many as it may have: those that it lacks are empty.

    Raises `BadOption`.
    """
    parts = identifiers.parts(name, can)
    if parts is None:
        raise BadOption(f"{name!r} is not a table", f"Write {identifiers.forms(can)}")
    most = can.longest_table or can.longest_name
    for part in parts:
        if identifiers.size(part, can) > most:
            raise BadOption(f"the name {part!r} is longer than {most} {can.unit}")
    return [""] * (max(form.count(".") for form in can.forms) + 1 - len(parts)) + parts


def staging_prefix(target: Table) -> str:
    """What the names of a target's staging tables begin with."""
    return f"_factory_{_hash(str(target), 8)}_"


def staging_name(target: Table, load_id: str) -> str:
    """The name of the staging table of one load, within 34 characters."""
    return staging_prefix(target) + _hash(load_id, 16)


def _hash(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


@dataclass(frozen=True)
class Limits:
    """Seconds to wait for a lock and for a statement; 0: without end."""

    lock: float = LOCK_SECONDS
    statement: float = STATEMENT_SECONDS


@dataclass(frozen=True)
class Column:
    """A column of a load."""

    name: str
    type: str  # as the warehouse writes it
    wire: pa.DataType  # what is sent into `type`
    empty: bool = False  # holds nulls only, and so fits any type
    given: bool = True  # false: only the target has it
    guessed: bool = False  # nothing tells its type
    lineage: bool = False  # where a row came from: that it came again is no change of it
    as_written: bool = False  # inferred, and as text what stands in the file
    sent: str = ""  # the type that rows arrive in, where the warehouse makes `type` of it
    plain: str = ""  # the type by the values alone, where the source told `type`
    needed: bool = False  # the target's takes no null


@dataclass(frozen=True)
class Existing:
    """A target that is there."""

    columns: Mapping[str, str]  # name → type
    optional: frozenset[str]  # filled by the warehouse when a row does not give them
    generated: frozenset[str]  # never given by a row
    required: frozenset[str]  # must be given by a row
    owned: bool  # may it be altered?
    untyped: frozenset[str] = frozenset()  # hold no value since we made them: any type will do
    never_null: frozenset[str] = frozenset()  # take no null from a row, whatever fills them else


class Mode(Protocol):
    """What the order of a load asks of a write mode."""

    @property
    def name(self) -> str:
        """The word for it."""

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that name a row."""

    @property
    def whole(self) -> bool:
        """Whether the rows become the whole table."""

    @property
    def numbered(self) -> bool:
        """Whether the order of the rows matters."""

    @property
    def once(self) -> bool:
        """Whether writing the same rows twice would leave them twice."""


@dataclass(frozen=True)
class Given:
    """What a load has that a write mode is held against."""

    columns: Sequence[Column]
    interval: tuple[datetime, datetime] | None = None


@dataclass(frozen=True)
class Job:
    """What a load is to do."""

    target: Table
    load_id: str
    mode: Mode
    columns: tuple[Column, ...]
    policy: Policy  # of on_schema_change
    key: tuple[str, ...]  # what names a row in messages


@dataclass(frozen=True)
class Staged:
    """Rows that wait to be published."""

    table: Table
    columns: tuple[Column, ...]
    rows: int
    number: str | None = None  # the column that numbers the rows as they came
    keep: bool = True  # false: there is neither a table, nor a row that tells the types of one
    checked: str = ""  # what the checks found, as the ledger keeps it

    @property
    def given(self) -> tuple[Column, ...]:
        """The columns that the load has."""
        return tuple(column for column in self.columns if column.given)


@dataclass(frozen=True)
class Changed:
    """How many rows of the target a publish touched."""

    inserted: int
    updated: int = 0
    deleted: int = 0


@dataclass(frozen=True)
class Noted:
    """What the ledger says of this load, which a try before has published."""

    rows: int
    when: str
    checks: str = ""  # what they found; empty: it does not say
    here: bool = True  # the rows went into the table that there is now

    @property
    def told(self) -> str:
        """For people."""
        return f"{counted(self.rows, 'row')} at {self.when}"


def free_name(columns: Sequence[Column], name: str) -> str:
    """This name, or a longer one that no column has, in whatever case: to many they are one."""
    taken = {column.name.casefold() for column in columns}
    while name.casefold() in taken:
        name += "_"
    return name
