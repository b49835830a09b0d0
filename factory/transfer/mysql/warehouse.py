"""MySQL, as the connection types `mysql` and `mariadb` find it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pymysql

from factory.definitions.warehouses import MYSQL, Capabilities
from factory.transfer.mysql import arrivals, ledger, session, types
from factory.transfer.mysql import table as tables
from factory.transfer.mysql.rows import Rows
from factory.transfer.mysql.session import Address, Connection, ask
from factory.transfer.values.types import Known
from factory.transfer.warehouse.arrivals import Known as KnownFile
from factory.transfer.warehouse.parts import Table
from factory.transfer.warehouse.rows import Subject
from factory.transfer.warehouse.warehouse import Warehouse, not_found


@dataclass(frozen=True)
class Mysql:
    """See `Warehouse`."""

    can: Capabilities = MYSQL
    errors: tuple[type[Exception], ...] = (pymysql.Error,)

    def address(self, login: Any, application: str) -> Address:
        """See `session`."""
        return session.address(login)

    def table(self, name: str) -> Table:
        """A table alone is of the connection's database."""
        return tables.parse(name)

    @contextmanager
    def connected(self, address: Address, seconds: float) -> Iterator[Connection]:
        """A session that can only read."""
        with session.opened(address, seconds) as connection:
            yield connection

    def columns(self, session: Connection, table: Table) -> Sequence[str]:
        """Of a table or a view."""
        query = "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE "
        query += f"{tables.here(table)} ORDER BY ORDINAL_POSITION"
        found = [name for (name,) in ask(session, query)]
        if not found:
            _refuse_missing(session, table)
        return found

    def drop(self, session: Connection, table: Table) -> None:
        """Drop it, and forget its loads: not in the session's transaction, which can only read."""
        for statement in ("ROLLBACK", "SET SESSION TRANSACTION READ WRITE"):
            session.query(statement)
        tables.drop(session, table)
        if ledger.is_there(session, table):
            arrivals.forget(session, table)
            session.commit()

    def files_in(self, session: Connection, table: Table) -> Mapping[str, Mapping[str, KnownFile]]:
        """See `arrivals`."""
        return arrivals.files_in(session, table)

    def known(self, session: Connection, table: Table, policy: str) -> Mapping[str, Known]:
        """See `types`."""
        return types.known(tables.existing(session, table), policy)

    def rows(self, session: Connection, subject: Subject) -> Rows:
        """See `Rows`."""
        return Rows(session, subject)

    def said(self, error: Exception) -> str:
        """Without what quotes contents of rows."""
        return session.said(error, "")[0] if isinstance(error, pymysql.Error) else str(error)


def _refuse_missing(connection: Connection, table: Table) -> None:
    """Raise `Missing` for a table that is not there, with the nearest name."""
    if table.schema and not tables.is_database(connection, table.schema):
        query = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA"
        known = [name for (name,) in ask(connection, query)]
        raise not_found(f"there is no database {table.schema!r} for {table}", table.schema, known)
    whose = tables.here(table).partition(" AND ")[0]
    query = f"SELECT TABLE_NAME FROM information_schema.TABLES WHERE {whose}"
    known = [name for (name,) in ask(connection, query) if not name.startswith("_factory_")]
    raise not_found(f"there is no table or view {table}", table.name, known)


WAREHOUSE: Warehouse[Connection] = Mysql()
