"""Snowflake, as the connection type `snowflake` finds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from factory.definitions.warehouses import SNOWFLAKE, Capabilities
from factory.login import Login
from factory.transfer.snowflake import arrivals, ledger, names, session, types
from factory.transfer.snowflake import table as tables
from factory.transfer.snowflake.names import Table, other_case
from factory.transfer.snowflake.rows import Rows
from factory.transfer.snowflake.session import Account, Connection, Limits, ask
from factory.transfer.values.types import Known
from factory.transfer.warehouse import parts
from factory.transfer.warehouse.arrivals import Known as KnownFile
from factory.transfer.warehouse.rows import Subject
from factory.transfer.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class Snowflake:
    """See `Warehouse`."""

    can: Capabilities = SNOWFLAKE
    errors: tuple[type[Exception], ...] = Rows.errors

    def address(self, login: Login, application: str) -> Account:
        """By a password alone: what else a connection may say, Airflow's hook knows."""
        extra = login.extra_dejson
        plain = {"user": login.login, "password": login.password, "schema": login.schema}
        return session.account(lambda: {**extra, **plain}, application)

    def table(self, name: str) -> Table:
        """What it does not say is the session's."""
        return names.table(name)

    def connected(self, address: Account, seconds: float) -> AbstractContextManager[Connection]:
        """With the settings that are relied on."""
        return session.connected(address, Limits(lock=0, statement=seconds))

    def columns(self, session: Connection, table: parts.Table) -> Sequence[str]:
        """In both spellings: as Snowflake keeps a name, and as people write it."""
        found = tables.columns(session, _own(table))
        return list(dict.fromkeys([*found, *map(other_case, found)]))

    def drop(self, session: Connection, table: parts.Table) -> None:
        """Drop it, and forget its loads."""
        own = _placed(session, table)
        ledger.ensure(session, own)
        ledger.forget(session, own)
        arrivals.forget(session, own)
        for each in (own, ledger.lock_of(own)):
            ask(session, f"DROP TABLE IF EXISTS {names.quoted(each)}")

    def files_in(
        self, session: Connection, table: parts.Table
    ) -> Mapping[str, Mapping[str, KnownFile]]:
        """See `arrivals`."""
        return arrivals.files_in(session, _placed(session, table))

    def known(self, session: Connection, table: parts.Table, policy: str) -> dict[str, Known]:
        """In both spellings, too, of which a load has one: that it lacks neither, it tells."""
        found = tables.existing(session, _own(table), ())
        kinds = {} if found is None else found.columns
        return types.known({other_case(name): kind for name, kind in kinds.items()} | dict(kinds))

    def rows(self, session: Connection, subject: Subject) -> Rows:
        """See `Rows`."""
        return Rows(session, subject)

    def said(self, error: Exception) -> str:
        """Without contents of rows."""
        return session.said(error)


def _own(table: parts.Table) -> Table:
    return table if isinstance(table, Table) else Table(table.schema, table.name)


def _placed(session: Connection, table: parts.Table) -> Table:
    """With the session's database and schema, where it says none."""
    ((database, schema),) = ask(session, "SELECT CURRENT_DATABASE(), CURRENT_SCHEMA()")
    own = _own(table)
    return replace(own, schema=own.schema or schema, database=own.database or database)


WAREHOUSE: Warehouse[Connection] = Snowflake()
