"""What the write modes share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from psycopg import sql

from factory.transfer.errors import TransferError
from factory.transfer.postgres import table
from factory.transfer.postgres.columns import Column
from factory.transfer.postgres.table import Connection, Existing, Table
from factory.transfer.warehouse.rows import Guard


@dataclass(frozen=True)
class Given:
    """What a load has that a mode is held against."""

    columns: Sequence[Column]
    interval: tuple[datetime, datetime] | None = None


@dataclass(frozen=True)
class Staged:
    """Rows that wait to be published."""

    table: Table
    columns: tuple[Column, ...]
    rows: int
    logged: bool = False  # and so may become the target itself
    number: str | None = None  # the column that numbers the rows as they came
    keep: bool = True  # false: there is neither a table, nor a row that tells the types of one
    bounds: tuple[tuple[str, int], ...] = ()  # texts of which the target takes so many characters
    loose: Mapping[str, str] = field(default_factory=dict)  # as `Existing` has it

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


class Mode(Protocol):
    """One way to write."""

    @property
    def name(self) -> str:
        """The word for it."""

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that name a row."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Rights on a target that is there."""

    @property
    def whole(self) -> bool:
        """Whether the rows become the whole table."""

    @property
    def numbered(self) -> bool:
        """Whether the order of the rows matters."""

    @property
    def once(self) -> bool:
        """Whether writing the same rows twice would leave them twice."""

    def verify(self, target: Existing) -> None:
        """Before any row is moved: does the target suit? Raises `BadOption`."""

    def updates(self, existing: Existing, staged: Staged) -> frozenset[str]:
        """Columns that it sets in rows that are there."""

    def tidy(self, connection: Connection, staged: Staged) -> int:
        """Remove staged rows that are not to be published: how many? Raises `BadRow`."""

    def guard(self, staged: Staged) -> Guard[Connection] | None:
        """What the audit must refuse before anything is published."""

    def write(
        self, connection: Connection, target: Table, existing: Existing, staged: Staged
    ) -> Changed:
        """Write into a target that is there, within the caller's transaction."""

    def arrived(
        self, connection: Connection, target: Table, existing: Existing, staged: Staged
    ) -> None:
        """Are the rows there that were written, whatever triggers did?

        Raises `TransferError`.
        """


class Plain:
    """What most modes are, and do nothing about."""

    key: tuple[str, ...] = ()
    whole: bool = False
    numbered: bool = False
    once: bool = False

    def verify(self, target: Existing) -> None:
        """Any table will do."""

    def updates(self, existing: Existing, staged: Staged) -> frozenset[str]:
        """No row that is there is changed."""
        return frozenset()

    def tidy(self, connection: Connection, staged: Staged) -> int:
        """Every row is written."""
        return 0

    def guard(self, staged: Staged) -> Guard[Connection] | None:
        """Any rows will do."""
        return None

    def arrived(
        self, connection: Connection, target: Table, existing: Existing, staged: Staged
    ) -> None:
        """There is nothing to tell them from the others by."""


def insert(connection: Connection, target: Table, existing: Existing | None, staged: Staged) -> int:
    """Insert every staged row. Raises `TransferError` when the table took another number."""
    found = values(staged, existing)
    cursor = connection.execute(
        sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} s").format(
            target.identifier,
            table.names(list(found)),
            sql.SQL(", ").join(found.values()),
            staged.table.identifier,
        )
    )
    if cursor.rowcount != staged.rows:
        raise turned_away(target, cursor.rowcount, staged.rows)
    return cursor.rowcount


def turned_away(target: Table, took: int, rows: int) -> TransferError:
    """Build the error for rows that are not there after they were written."""
    return TransferError(
        f"{target} took {took} of {rows} rows", "A trigger or a rule of the table turns rows away"
    )


def values(staged: Staged, existing: Existing | None) -> dict[str, sql.Composable]:
    """Column → its staged value; a column of nulls alone is given the target's type."""
    found: dict[str, sql.Composable] = {}
    for column in staged.given:
        value: sql.Composable = sql.Identifier("s", column.name)
        if column.empty and existing is not None:
            kind = table.type_sql(existing.columns[column.name])
            value = sql.SQL("CAST({} AS {})").format(value, kind)
        found[column.name] = value
    return found
