"""The demo's third example: two shops' tables into an S3 server as Parquet, then into PostgreSQL.

One shop is in PostgreSQL, one in MariaDB. Their tables are written anew each time; what an earlier
demo left in the lake and in the warehouse stays, and the same days over again leave the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from factory.amounts import counted, size
from factory_embedded.airflow_api import AirflowApi
from factory_embedded.demo.days import DAYS, day_of, run_days
from factory_embedded.demo.example import Example
from factory_embedded.demo.results import Table
from factory_embedded.demo.screen import Screen, format_table
from factory_embedded.service import Connection
from factory_embedded.services import mariadb, postgres, s3
from factory_embedded.stop import Stop

PIPELINE = "shop_to_lake"
BUCKET = "lake"
FOLDER = "shop"

ORDERS = 10_000  # a day
CUSTOMERS = 1_000
_NOTE = 'leave it "at the door",\nplease – 😀'
_COLUMNS = {
    "orders": "id bigint PRIMARY KEY, customer integer, amount decimal(12, 2), note text,"
    " updated_at {timestamp}",
    "customers": "id integer PRIMARY KEY, name text, born date",
}
_TIMESTAMP = {"postgres": "timestamp", "mysql": "datetime(6)"}
BY_DAY = ("orders",)

Rows = list[tuple[Any, ...]]


def sample(table: str) -> Rows:
    """What both shops have in a table, in the order of its first column."""
    if table == "customers":
        return [
            (n, f"customer {n}", date(1960, 1, 1) + timedelta(11 * n) if n % 7 else None)
            for n in range(CUSTOMERS)
        ]
    first = datetime.combine(DAYS[0], time())
    apart = timedelta(days=1) / ORDERS
    return [
        (n, n % CUSTOMERS, Decimal(n % 9973) / 100, None if n % 3 else _NOTE, first + n * apart)
        for n in range(ORDERS * len(DAYS))
    ]


class Part(NamedTuple):
    """A table of one shop."""

    shop: str
    table: str


PARTS = [Part(shop, table) for shop in _TIMESTAMP for table in _COLUMNS]


@dataclass(frozen=True)
class Shops:
    """PostgreSQL, which is the warehouse, too, MariaDB, and the S3 server."""

    database: postgres.Server
    other: mariadb.Server
    lake: s3.Server

    @property
    def connections(self) -> Mapping[str, Connection]:
        """One for each shop, the lake, the warehouse."""
        there = self.database.connection
        shops = {"shop_postgres": there, "shop_mysql": self.other.connection}
        return {**shops, "lake": self.lake.connection, "warehouse": there}

    @property
    def addresses(self) -> Sequence[tuple[str, str]]:
        """What may be asked by hand."""
        return [
            ("PostgreSQL", self.database.uri),
            ("MariaDB", self.other.look),
            ("the S3 server", self.lake.endpoint),
        ]

    def start(self, api: AirflowApi) -> None:
        """A run of each day."""
        run_days(api, PIPELINE)

    def problems(self, show: Screen) -> list[str]:
        """Each table at its three places: the lake by its counts, the warehouse row by row."""
        counts, found = [], []
        for part in PARTS:
            there, warehouse = sample(part.table), self._warehouse(part)
            files, lake = self._lake(part)
            name = f"{part.shop}.{part.table}"
            counts.append((name, len(there), files, lake, len(warehouse)))
            wanted = len(there) * (1 if part.table in BY_DAY else len(DAYS))
            if lake != wanted:
                found.append(f"{name}: the lake has {lake:,} rows, not {wanted:,}")
            if lacks := len({*there} - {*warehouse}):
                found.append(f"{name}: the warehouse lacks {counted(lacks, 'row')} of the shop")
            if more := len(warehouse) - len({*warehouse} & {*there}):
                found.append(f"{name}: the warehouse has {counted(more, 'row')} of its own")
        columns = ("table", "rows in the shop", "files", "rows in them", "rows in the warehouse")
        show.say("\n".join(["", *format_table(Table(columns, counts)), ""]))
        return found

    def _warehouse(self, part: Part) -> Rows:
        name = f"raw_{part.shop}", part.table
        with psycopg.connect(self.database.uri) as connection:
            there = connection.execute("SELECT to_regclass(%s)", [".".join(name)]).fetchone()
            if there in (None, (None,)):
                return []
            query = sql.SQL("SELECT * FROM {}").format(sql.Identifier(*name))
            return connection.execute(query).fetchall()

    def _lake(self, part: Part) -> tuple[int, int]:
        """The files of all days, and their rows: what was published last says so."""
        client, files, rows = self.lake.client(), 0, 0
        for day in DAYS:
            key = f"{FOLDER}/{part.shop}/{part.table}/day={day}/_SUCCESS"
            if client.list_objects_v2(Bucket=BUCKET, Prefix=key).get("Contents"):
                told = json.load(client.get_object(Bucket=BUCKET, Key=key)["Body"])
                files, rows = files + told["files"], rows + told["rows"]
        return files, rows


@contextmanager
def services(project: Path, home: Path, show: Screen, stop: Stop) -> Iterator[Shops]:
    """Two databases with a shop's tables in each, and an S3 server."""
    if not mariadb.is_at_hand():
        whole = size(mariadb.DOWNLOAD)
        with show.waiting(f"MariaDB is downloaded, this first time: {whole}"):
            mariadb.distribution(stop.received)
    with (
        postgres.running(
            home / "postgres", log=home / "postgres.log", cancelled=stop.received
        ) as database,
        mariadb.running(
            home / "mariadb", log=home / "mariadb.log", cancelled=stop.received
        ) as other,
        s3.running(home / "s3", cancelled=stop.received) as lake,
    ):
        fill_postgres(database)
        show.say(f"PostgreSQL is ready on {database.host}:{database.port}", since=True)
        fill_mariadb(other)
        show.say(f"MariaDB is ready on {other.host}:{other.port}", since=True)
        text = f"each has {ORDERS * len(DAYS):,} orders of {len(DAYS)} days"
        show.say(f"{text}, and {CUSTOMERS:,} customers", since=True)
        lake.create_bucket(BUCKET)
        show.say(f"the S3 server is ready on {lake.endpoint}", since=True)
        stop.obey()
        yield Shops(database, other, lake)


def fill_postgres(server: postgres.Server) -> None:
    """Write the shop's tables anew."""
    with psycopg.connect(server.uri) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS shop")
        for table in _COLUMNS:
            name = sql.Identifier("shop", table)
            cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(name))
            columns = sql.SQL(_columns("postgres", table))
            cursor.execute(sql.SQL("CREATE TABLE {} ({})").format(name, columns))
            with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(name)) as copy:
                for row in sample(table):
                    copy.write_row(row)


def fill_mariadb(server: mariadb.Server) -> None:
    """Write the shop's tables anew."""
    with server.connect(charset="utf8mb4", autocommit=False) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE DATABASE IF NOT EXISTS shop CHARACTER SET utf8mb4")
        for table in _COLUMNS:
            cursor.execute(f"DROP TABLE IF EXISTS shop.{table}")
            cursor.execute(f"CREATE TABLE shop.{table} ({_columns('mysql', table)})")
            rows = sample(table)
            places = ", ".join(["%s"] * len(rows[0]))
            cursor.executemany(f"INSERT INTO shop.{table} VALUES ({places})", rows)
        connection.commit()


def _columns(shop: str, table: str) -> str:
    return _COLUMNS[table].format(timestamp=_TIMESTAMP[shop])


EXAMPLE = Example(PIPELINE, len(DAYS), day_of, services)
