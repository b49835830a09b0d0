"""PostgreSQL, as the connection type `postgres` finds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import psycopg
from psycopg.conninfo import make_conninfo

from factory.definitions.warehouses import POSTGRES, Capabilities
from factory.login import Login
from factory.transfer.postgres import arrivals, ledger, session, turns
from factory.transfer.postgres import table as tables
from factory.transfer.postgres.rows import Rows
from factory.transfer.postgres.table import Connection, Table
from factory.transfer.values.types import Known
from factory.transfer.warehouse import parts
from factory.transfer.warehouse.arrivals import Known as KnownFile
from factory.transfer.warehouse.parts import Limits
from factory.transfer.warehouse.rows import Subject
from factory.transfer.warehouse.warehouse import Warehouse, not_found

# libpq's words that a connection's extras may set; others belong to Airflow's hooks
_LIBPQ = (
    "sslmode",
    "sslcert",
    "sslkey",
    "sslrootcert",
    "sslcrl",
    "options",
    "connect_timeout",
    "target_session_attrs",
    "gssencmode",
    "channel_binding",
)


@dataclass(frozen=True)
class Postgres:
    """See `Warehouse`."""

    can: Capabilities = POSTGRES
    errors: tuple[type[Exception], ...] = Rows.errors

    def address(self, login: Login, application: str) -> str:
        """A libpq connection string; it holds the password, so it is never logged or passed on."""
        extras = login.extra_dejson
        given = {
            "host": login.host,
            "port": login.port,
            "user": login.login,
            "password": login.password,
            "dbname": login.schema,
            "application_name": application[:63],
            "connect_timeout": 10,
            **{word: extras[word] for word in _LIBPQ if word in extras},
        }
        return make_conninfo("", **{word: value for word, value in given.items() if value})

    def table(self, name: str) -> Table:
        """A table alone is in `public`."""
        return tables.parse(name)

    def connected(self, address: str, seconds: float) -> AbstractContextManager[Connection]:
        """With the settings that are relied on."""
        return session.opened(address, Limits(lock=0, statement=seconds))

    def columns(self, session: Connection, table: parts.Table) -> Sequence[str]:
        """Of whatever has rows."""
        rows = session.execute(
            "SELECT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
            " JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
            " AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            (table.schema, table.name),
        ).fetchall()
        if not rows:
            _refuse_missing(session, table)
        return [name for (name,) in rows]

    def drop(self, session: Connection, table: parts.Table) -> None:
        """Drop it, and forget its loads."""
        own = Table(table.schema, table.name)
        with session.transaction():
            tables.drop(session, own)
            if own.schema in ledger.schemas(session):
                ledger.forget(session, own)
            arrivals.forget(session, own)

    def known(self, session: Connection, table: parts.Table, policy: str) -> dict[str, Known]:
        """See `turns`."""
        return turns.known(tables.existing(session, Table(table.schema, table.name)), policy)

    def rows(self, session: Connection, subject: Subject) -> Rows:
        """See `Rows`."""
        return Rows(session, subject)

    def files_in(
        self, session: Connection, table: parts.Table
    ) -> Mapping[str, Mapping[str, KnownFile]]:
        """See `KeepsFiles`."""
        return arrivals.files_in(session, Table(table.schema, table.name))

    def said(self, error: Exception) -> str:
        """Without the details, which quote contents of rows."""
        primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
        return primary or str(error).partition("\n")[0]


def _refuse_missing(connection: Connection, table: parts.Table) -> None:
    """Raise `Missing` for a table that is not there, with the nearest name."""
    schemas = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_'"
    known = [name for (name,) in connection.execute(schemas)]
    if table.schema not in known:
        raise not_found(f"there is no schema {table.schema!r} for {table}", table.schema, known)
    tables = (
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
        " AND NOT starts_with(c.relname, '_factory_')"
    )
    known = [name for (name,) in connection.execute(tables, (table.schema,))]
    raise not_found(f"there is no table or view {table}", table.name, known)


WAREHOUSE: Warehouse[Connection] = Postgres()
