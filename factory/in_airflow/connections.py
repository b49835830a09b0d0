"""Airflow connections as what drivers take."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException  # it moved after 3.1
from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowException

from factory.in_airflow import clients
from factory.in_airflow.hiding import hide_connection

if TYPE_CHECKING:
    from factory.transfer.dbapi.driver import Database
    from factory.transfer.mysql.session import Address
    from factory.transfer.snowflake.session import Account
    from factory.transfer.warehouse.warehouse import Warehouse

NO_LOGIN: Mapping[str, str | None] = {}


def warehouse_of(
    conn_id: str,
    *,
    application: str,
    maximum_bytes_billed: int | None = None,
    login: Mapping[str, str | None] = NO_LOGIN,
) -> tuple[Warehouse[Any], Any]:
    """The warehouse that a connection's type names, and what its driver connects by.

    The address holds the password, so it is never logged or passed on. `login` is what takes the
    place of the connection's: a `warehouse` and a `role`.
    """
    from factory.transfer.warehouse.warehouse import find

    connection = _connection(conn_id)
    # one whose type nobody wrote was always taken for PostgreSQL's
    kind = connection.conn_type or "postgres"
    warehouse = find(kind)
    if maximum_bytes_billed is not None and not warehouse.can.bills_bytes:
        raise AirflowFailException(
            f"`maximum_bytes_billed`: {warehouse.can.name} bills no query for what it reads"
        )
    if kind not in clients.BY_TYPE:
        return warehouse, warehouse.address(connection, application)
    found = clients.of_type(kind, conn_id, {name: given for name, given in login.items() if given})
    limited = maximum_bytes_billed is not None
    return warehouse, replace(found, billed=maximum_bytes_billed) if limited else found


def snowflake_account(
    conn_id: str, *, application: str = "", warehouse: str | None = None, role: str | None = None
) -> Account:
    """Who logs in to Snowflake, by a `warehouse` and a `role` in place of the connection's."""
    from factory.in_airflow.clients.snowflake import account

    return account(conn_id, application, warehouse=warehouse, role=role)


def postgres_conninfo(conn_id: str, *, application: str) -> str:
    """A libpq connection string; it holds the password, so it is never logged or passed on."""
    from factory.transfer.postgres.warehouse import WAREHOUSE

    found: str = WAREHOUSE.address(_connection(conn_id), application)
    return found


def sql_database(conn_id: str) -> Database:
    """What reads from a connection of any type whose hook is one of `common.sql`."""
    from airflow.providers.common.sql.hooks.sql import DbApiHook

    from factory.in_airflow.hooks import databases
    from factory.transfer.dbapi.driver import Database

    hook = databases.hook(conn_id)
    if not isinstance(hook, DbApiHook):
        kind = Connection.get(conn_id).conn_type
        raise AirflowException(
            f"the connection {conn_id!r} is of the type {kind!r}, of which no SQL "
            "is read: expected one of a database, whose provider is installed"
        )
    dialect, reserved = "", set[str]()
    with suppress(Exception):  # a hook without an address for SQLAlchemy fails in any way
        dialect = hook.dialect_name
        reserved = {word.lower() for word in hook.reserved_words}
    return Database(
        connect=hook.get_conn,
        dialect=dialect,
        quotes=hook.escape_word_format,
        reserved=reserved,
        paramstyle="qmark" if hook.placeholder == "?" else "format",
    )


def mysql_address(conn_id: str) -> Address:
    """Where a MySQL or MariaDB server is, and who connects."""
    from factory.transfer.mysql.session import address

    connection = _connection(conn_id)
    if (kind := connection.conn_type) not in (None, "", "mysql", "mariadb"):
        raise AirflowException(
            f"the connection {conn_id!r} is of the type {kind!r}: expected 'mysql'"
        )
    return address(connection)


def _connection(conn_id: str) -> Connection:
    """Refused when a login was typed into the host: it would show wherever the host does."""
    connection: Connection = Connection.get(conn_id)
    host = connection.host or ""
    if "://" in host or "@" in host.lstrip("@"):  # one at the start is libpq's abstract socket
        hide_connection(connection)
        raise AirflowException(
            f"the host of the connection {connection.conn_id!r} is an address with more than a "
            "host in it: put user, password, port and database into their own fields"
        )
    return connection
