"""What a wait for rows learns from a driver's error: not yet, not now, or never."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any
from uuid import uuid4

import psycopg
import psycopg2
import pymysql
import pytest

from factory.transfer.dbapi.arrived import rows_in
from factory.transfer.dbapi.driver import Database
from factory.transfer.errors import Missing, TransferError, Unavailable
from factory_embedded.services import mariadb, postgres

from .conftest import Source, only


def arrived(database: Database, table: str = "orders", **more: Any) -> int:
    return rows_in(database, table, most=1, seconds=60, **more)


@pytest.fixture
def orders(source: Source) -> Source:
    source.run("CREATE TABLE orders (id INTEGER)", "INSERT INTO orders VALUES (1)")
    return source


@pytest.mark.parametrize("table", ["nowhere", "nowhere.orders"])
def test_no_table_is_not_yet(orders: Source, table: str) -> None:
    assert arrived(orders.database) == 1
    with pytest.raises(Missing, match="nowhere"):
        arrived(orders.database, table)


@pytest.mark.parametrize("where", ["nme = 1", "id = = 1"])
def test_wrong_sql_is_told(orders: Source, where: str) -> None:
    with pytest.raises(TransferError) as told:
        arrived(orders.database, where=where)
    assert type(told.value) is TransferError


def stranger(source: Source, request: pytest.FixtureRequest, *, password: str) -> Database:
    """One who may log in with the password `right`, and may read nothing."""
    user = f"u_{uuid4().hex[:12]}"
    if source.dialect == "mysql":
        server: mariadb.Server = request.getfixturevalue("real_mariadb")
        source.run(f"CREATE USER {user} IDENTIFIED BY 'right'")
        at = {"host": server.host, "port": server.port, "user": user, "password": password}
        return Database(partial(pymysql.connect, **at), "mysql")
    own: postgres.Server = request.getfixturevalue("postgres")
    source.run(f"CREATE ROLE {user} {'LOGIN' if password == 'right' else ''}")
    module = {"psycopg": psycopg, "psycopg2": psycopg2}[source.driver]
    return Database(partial(module.connect, own.uri, user=user), "postgresql")


@only("psycopg", "psycopg2", "pymysql")
@pytest.mark.parametrize(
    ("password", "said"), [("wrong", "(?i)denied|not permitted"), ("right", "(?i)denied")]
)
def test_who_may_not_is_told(
    orders: Source, request: pytest.FixtureRequest, password: str, said: str
) -> None:
    with closing(orders.database.connect()) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT DATABASE()" if orders.dialect == "mysql" else "SELECT current_schema()"
        )
        ((where,),) = cursor.fetchall()
    with pytest.raises(TransferError, match=said) as told:
        arrived(stranger(orders, request, password=password), f"{where}.orders")
    assert type(told.value) is TransferError


def held(path: Any, request: pytest.FixtureRequest) -> Any:
    """A file that somebody writes."""
    holder = sqlite3.connect(path)
    request.addfinalizer(holder.close)
    holder.execute("CREATE TABLE orders (id INTEGER)")
    holder.execute("BEGIN EXCLUSIVE")
    return sqlite3.connect(path, timeout=0)


@pytest.mark.parametrize(
    "connect",
    [
        partial(psycopg.connect, "host=127.0.0.1 port=1"),
        partial(psycopg2.connect, "host=127.0.0.1 port=1"),
        partial(pymysql.connect, host="127.0.0.1", port=1),
        None,
    ],
)
def test_a_database_that_cannot_be_asked_may_be_later(
    connect: Callable[[], Any] | None, tmp_path: Any, request: pytest.FixtureRequest
) -> None:
    with pytest.raises(Unavailable):
        arrived(Database(connect or partial(held, tmp_path / "x.db", request), "sqlite"))
