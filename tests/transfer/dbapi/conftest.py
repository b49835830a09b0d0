"""Real databases, each by a driver that Airflow has for it."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import psycopg
import psycopg2
import pyarrow.parquet as pq
import pytest

from factory.definitions.reads import Part, Rows
from factory.stores.disk import Disk
from factory.transfer.dbapi.driver import Database
from factory.transfer.dbapi.read import read, split
from factory.transfer.to_parquet import Converted
from factory_embedded.services import mariadb, postgres

RESERVED = frozenset({"order"})


@dataclass(frozen=True)
class Source:
    """A database of a test's own, and what reads it into a file."""

    driver: str
    database: Database
    path: str

    @property
    def dialect(self) -> str:
        return self.database.dialect

    def quoted(self, name: str) -> str:
        quote = "`" if self.dialect == "mysql" else '"'
        return f"{quote}{name.replace(quote, quote * 2)}{quote}"

    def run(self, *texts: str) -> None:
        with closing(self.database.connect()) as connection:
            for text in texts:
                connection.cursor().execute(text)
            connection.commit()

    def insert(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        with closing(self.database.connect()) as connection:
            mark = "?" if self.dialect == "sqlite" else "%s"
            marks = ", ".join([mark] * len(rows[0]))
            connection.cursor().executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
            connection.commit()

    def read(self, query: str = "", **more: Any) -> Converted:
        options = {name: more.pop(name) for name in ("types", "statement_timeout") if name in more}
        table = more.pop("table", None) if query else more.pop("table", "orders")
        rows = Rows(query=query or None, table=table, **more)
        return read(self.database, rows, Disk(), self.path, **options)

    def split(self, column: str, number: int) -> list[Part]:
        return split(self.database, Rows(table="orders"), column, number)

    def rows(self) -> list[tuple[Any, ...]]:
        """What was read."""
        return [tuple(row.values()) for row in pq.read_table(self.path).to_pylist()]

    def types(self) -> list[str]:
        return [str(kind) for kind in pq.read_schema(self.path).types]


@contextmanager
def sqlite(request: pytest.FixtureRequest, path: str) -> Iterator[Source]:
    connect = partial(sqlite3.connect, f"{path}.db")
    yield Source("sqlite", Database(connect, "sqlite", reserved=RESERVED), path)


@contextmanager
def postgresql(request: pytest.FixtureRequest, path: str, module: Any) -> Iterator[Source]:
    server: postgres.Server = request.getfixturevalue("postgres")
    schema = f"s_{uuid4().hex}"
    options = f"-c search_path={schema} -c timezone=Asia/Kolkata"
    connect = partial(module.connect, server.uri, options=options)
    database = Database(connect, "postgresql", reserved=RESERVED)
    source = Source(module.__name__, database, path)
    source.run(f"CREATE SCHEMA {schema}")
    yield source
    source.run(f"DROP SCHEMA {schema} CASCADE")


@contextmanager
def mysql(request: pytest.FixtureRequest, path: str) -> Iterator[Source]:
    server: mariadb.Server = request.getfixturevalue("real_mariadb")
    name = f"d_{uuid4().hex}"
    with closing(server.connect()) as connection:
        connection.cursor().execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    connect = partial(server.connect, database=name, autocommit=False)
    source = Source("pymysql", Database(connect, "mysql", reserved=RESERVED), path)
    yield source
    source.run(f"DROP DATABASE {name}")


OPENED: dict[str, Callable[..., Any]] = {
    "sqlite": sqlite,
    "psycopg": partial(postgresql, module=psycopg),
    "psycopg2": partial(postgresql, module=psycopg2),
    "pymysql": mysql,
}


@pytest.fixture(params=list(OPENED))
def source(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Source]:
    """What all databases and drivers have alike; `only` takes some of them."""
    with OPENED[request.param](request, str(tmp_path / "read.parquet")) as opened:
        yield opened


def only(*drivers: str) -> pytest.MarkDecorator:
    """What these alone have."""
    return pytest.mark.parametrize("source", drivers, indirect=True)
