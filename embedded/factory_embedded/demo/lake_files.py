"""The demo's third example: a shop's tables into an S3 server as Parquet, then into PostgreSQL.

The tables are written anew each time; what an earlier demo left in the lake and in the warehouse
stays, and the same days over again leave the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timezone
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from factory.amounts import counted
from factory_embedded.airflow_api import AirflowApi, DagRun
from factory_embedded.demo.example import Example
from factory_embedded.demo.results import Table
from factory_embedded.demo.screen import Screen, format_table
from factory_embedded.service import Connection
from factory_embedded.services import postgres, s3
from factory_embedded.stop import Stop

PIPELINE = "shop_to_lake"
DAYS = (date(2024, 1, 1), date(2024, 1, 2))
BUCKET = "lake"
FOLDER = "shop"

ROWS_A_DAY = 10_000
CUSTOMERS = 1_000
_ROWS = len(DAYS) * ROWS_A_DAY
_FIRST = f"timestamptz '{DAYS[0]}T00:00:00Z'"
_STEP = f"interval '{len(DAYS)} days' / {_ROWS}"
BY_DAY = ("orders", "payments")
TABLES = (*BY_DAY, "customers")
_FILL = f"""
    DROP TABLE IF EXISTS shop.orders, shop.payments, shop.customers;
    CREATE SCHEMA IF NOT EXISTS shop;
    CREATE TABLE shop.orders AS
    SELECT n AS id, n % {CUSTOMERS} AS customer, (n % 9973 / 100.0)::numeric(12, 2) AS amount,
           CASE WHEN n % 3 = 0 THEN E'leave it "at the door",\\nplease' END AS note,
           {_FIRST} + n * {_STEP} AS updated_at
    FROM generate_series(0, {_ROWS} - 1) AS n;
    CREATE TABLE shop.payments AS
    SELECT id, (array['card', 'cash', 'transfer'])[1 + id % 3] AS method, amount, updated_at
    FROM shop.orders;
    CREATE TABLE shop.customers AS
    SELECT n AS id, 'customer ' || n AS name, date '1960-01-01' + n * 11 AS born
    FROM generate_series(0, {CUSTOMERS} - 1) AS n;
"""

Rows = set[tuple[Any, ...]]


@dataclass(frozen=True)
class Shop:
    """The database, which is the warehouse, too, and the S3 server."""

    database: postgres.Server
    lake: s3.Server

    @property
    def connections(self) -> Mapping[str, Connection]:
        """One for the shop, the lake, the warehouse."""
        there = self.database.connection
        return {"shop": there, "lake": self.lake.connection, "warehouse": there}

    @property
    def addresses(self) -> Sequence[tuple[str, str]]:
        """What may be asked by hand."""
        return [("the database", self.database.uri), ("the S3 server", self.lake.endpoint)]

    def start(self, api: AirflowApi) -> None:
        """Run the days; once more, when an Airflow that was kept has run them."""
        api.pause(PIPELINE, False)
        before = api.dag_runs(PIPELINE)
        for run in before:
            api.clear(PIPELINE, run.dag_run_id)
        done = {_label(run) for run in before}
        for day in DAYS:
            if str(day) not in done:
                api.trigger(PIPELINE, logical_date=datetime.combine(day, time(), timezone.utc))

    def problems(self, show: Screen) -> list[str]:
        """Each table at its three places: the lake by its counts, the warehouse row by row."""
        counts, found = [], []
        for table in TABLES:
            there, warehouse = self._table("shop", table), self._table("raw", table)
            files, lake = self._lake(table)
            counts.append((table, len(there), files, lake, len(warehouse)))
            wanted = len(there) * (1 if table in BY_DAY else len(DAYS))
            if lake != wanted:
                found.append(f"{table}: the lake has {lake:,} rows, not {wanted:,}")
            if lacks := len(there - warehouse):
                found.append(f"{table}: the warehouse lacks {counted(lacks, 'row')} of the shop")
            if more := len(warehouse - there):
                found.append(f"{table}: the warehouse has {counted(more, 'row')} of its own")
        columns = ("table", "rows in the shop", "files", "rows in them", "rows in the warehouse")
        show.say("\n".join(["", *format_table(Table(columns, counts)), ""]))
        return found

    def _table(self, schema: str, table: str) -> Rows:
        with psycopg.connect(self.database.uri) as connection:
            connection.execute("SET timezone = 'UTC'")
            name = sql.Identifier(schema, table)
            there = connection.execute("SELECT to_regclass(%s)", [f"{schema}.{table}"]).fetchone()
            if there in (None, (None,)):
                return set()
            return set(connection.execute(sql.SQL("SELECT * FROM {}").format(name)).fetchall())

    def _lake(self, table: str) -> tuple[int, int]:
        """The files of all days, and their rows: what was published last says so."""
        client, files, rows = self.lake.client(), 0, 0
        for day in DAYS:
            key = f"{FOLDER}/{table}/day={day}/_SUCCESS"
            if client.list_objects_v2(Bucket=BUCKET, Prefix=key).get("Contents"):
                told = json.load(client.get_object(Bucket=BUCKET, Key=key)["Body"])
                files, rows = files + told["files"], rows + told["rows"]
        return files, rows


@contextmanager
def services(project: Path, home: Path, show: Screen, stop: Stop) -> Iterator[Shop]:
    """A database with a shop's tables, and an S3 server."""
    with (
        postgres.running(
            home / "postgres", log=home / "postgres.log", cancelled=stop.received
        ) as database,
        s3.running(home / "s3", cancelled=stop.received) as lake,
    ):
        with psycopg.connect(database.uri) as connection:
            fill(connection)
        show.say(f"PostgreSQL is ready on {database.host}:{database.port}", since=True)
        text = f"the shop has {_ROWS:,} orders and payments of {len(DAYS)} days"
        show.say(f"{text}, and {CUSTOMERS:,} customers", since=True)
        lake.create_bucket(BUCKET)
        show.say(f"the S3 server is ready on {lake.endpoint}", since=True)
        stop.obey()
        yield Shop(database, lake)


def fill(connection: psycopg.Connection) -> None:
    """Write the shop's tables anew."""
    connection.execute(_FILL)


def _label(run: DagRun) -> str:
    return f"{run.logical_date or run.run_after:%Y-%m-%d}"


EXAMPLE = Example(PIPELINE, len(DAYS), _label, services)
