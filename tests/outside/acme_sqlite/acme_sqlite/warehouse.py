"""SQLite, as the connection type `sqlite` finds it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

from factory.definitions.warehouses import Capabilities
from factory.login import Login
from factory.transfer.values.types import Known
from factory.transfer.warehouse.parts import Table, split
from factory.transfer.warehouse.rows import Subject
from factory.transfer.warehouse.warehouse import Warehouse, not_found

from .rows import CAN, Rows, matches


@contextmanager
def connected(address: str) -> Iterator[sqlite3.Connection]:
    """A session in which transactions begin when they are told to."""
    with closing(sqlite3.connect(address, isolation_level=None)) as connection:
        connection.create_function("regexp", 2, matches, deterministic=True)
        yield connection


@dataclass(frozen=True)
class Sqlite:
    """See `Warehouse`."""

    can: Capabilities = CAN
    errors: tuple[type[Exception], ...] = (sqlite3.Error,)

    def address(self, login: Login, application: str) -> str:
        """The file."""
        return login.host or ""

    def table(self, name: str) -> Table:
        """A table alone is in `main`."""
        return Table(*split(name, CAN))

    @contextmanager
    def connected(self, address: str, seconds: float) -> Iterator[sqlite3.Connection]:
        """SQLite knows no time-out for a statement."""
        with connected(address) as connection:
            yield connection

    def columns(self, session: sqlite3.Connection, table: Table) -> Sequence[str]:
        """Of a table or a view."""
        query = "SELECT name FROM pragma_table_info(?)"
        found = [name for (name,) in session.execute(query, (table.name,))]
        if not found:
            known = [name for (name,) in session.execute("SELECT name FROM sqlite_master")]
            raise not_found(f"there is no table or view {table}", table.name, known)
        return found

    def known(self, session: sqlite3.Connection, table: Table, policy: str) -> dict[str, Known]:
        """Files tell their types themselves."""
        return {}

    def rows(self, session: sqlite3.Connection, subject: Subject) -> Rows:
        """See `Rows`."""
        return Rows(session, subject)

    def said(self, error: Exception) -> str:
        """SQLite quotes no values."""
        return str(error)


WAREHOUSE: Warehouse[sqlite3.Connection] = Sqlite()
