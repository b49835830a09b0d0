"""What the write modes share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from psycopg import sql

from factory.transfer.errors import TransferError
from factory.transfer.postgres import table
from factory.transfer.postgres.table import Connection, Existing, Table
from factory.transfer.warehouse import parts
from factory.transfer.warehouse.parts import Changed, Given
from factory.transfer.warehouse.rows import Guard


@dataclass(frozen=True)
class Staged(parts.Staged):
    """Rows that wait to be published."""

    table: Table
    logged: bool = False  # and so may become the target itself
    bounds: tuple[tuple[str, int], ...] = ()  # texts of which the target takes so many characters
    loose: Mapping[str, str] = field(default_factory=dict)  # as `Existing` has it
    bases: Mapping[str, str] = field(default_factory=dict)  # as `Existing` has them


class Mode(parts.Mode, Protocol):
    """One way to write."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Rights on a target that is there."""

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


__all__ = ["Changed", "Given", "Mode", "Plain", "Staged", "insert", "turned_away", "values"]


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
