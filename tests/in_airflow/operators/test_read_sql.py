"""An `ingest` from a table or a query of any database."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from factory_embedded.services.postgres import Server

from ..pipelines import Pipelines, Run

SPEC = """
version: 1
start_date: 2024-01-01
schedule: {{cron: "@daily", covers: since_last_run}}
tasks:
  - id: copy
    uses: ingest
    with:
      source: {{type: sql, conn_id: shop, {source}}}
      target: {{type: postgres, conn_id: warehouse, table: {schema}.copied}}
      write: {write}
"""


class Shop:
    """A database of SQLite, and a schema into which it is copied."""

    def __init__(self, pipelines: Pipelines, server: Server, file: Path) -> None:
        self.pipelines = pipelines
        self.server = server
        self.file = file
        self.schema = f"s{uuid4().hex}"
        pipelines.connect("shop", conn_type="sqlite", host=str(file))
        pipelines.connect_postgres("warehouse", server)

    def sql(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.file)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    def run(self, source: str, write: str = "{mode: replace}", **more: Any) -> Run:
        text = SPEC.format(source=source, schema=self.schema, write=write)
        self.pipelines.write("copies.yaml", text)
        return self.pipelines.run("copies", **more)

    def copied(self, query: str = "SELECT * FROM copied ORDER BY 1") -> list[tuple[Any, ...]]:
        with psycopg.connect(self.server.uri, autocommit=True) as connection:
            connection.execute(f"SET search_path = {self.schema}".encode())
            return connection.execute(query.encode()).fetchall()


@pytest.fixture
def shop(pipelines: Pipelines, postgres: Server, tmp_path: Path) -> Iterator[Shop]:
    made = Shop(pipelines, postgres, tmp_path / "shop.db")
    with psycopg.connect(postgres.uri, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {made.schema}".encode())
        yield made
        connection.execute(f"DROP SCHEMA {made.schema} CASCADE".encode())


TYPES = (
    "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
    " WHERE attrelid = 'copied'::regclass AND attnum > 0 ORDER BY attnum"
)


def test_a_table_comes_with_the_types_that_are_declared(shop: Shop) -> None:
    shop.sql(
        "CREATE TABLE orders (id INTEGER, total TEXT, paid INTEGER, name TEXT, day TEXT)",
        "INSERT INTO orders VALUES (1, '9.50', 1, 'a%s', '2024-01-31'), (2, 8, 0, NULL, NULL)",
    )
    types = 'types: {total: "decimal(12, 2)", paid: boolean, day: date}'
    run = shop.run(f"table: orders, where: id > 0, {types}")
    assert run.state == "success", run.log
    kinds = ["bigint", "numeric(12,2)", "boolean", "text", "date"]
    assert [kind for (kind,) in shop.copied(TYPES)] == kinds
    rows = [tuple(map(str, row)) for row in shop.copied()]
    assert rows == [
        ("1", "9.50", "True", "a%s", "2024-01-31"),
        ("2", "8.00", "False", "None", "None"),
    ]
    assert run.xcom("copy.read") == {"path": "rows/00000.parquet", "rows": 2}
    assert "read orders: 2 rows read" in run.log


def test_each_run_reads_its_interval_and_one_again_adds_nothing(shop: Shop) -> None:
    hours = ", ".join(f"({n}, '2024-01-0{n // 2 + 1} {12 * (n % 2):02}:00:00')" for n in range(6))
    shop.sql("CREATE TABLE orders (id INTEGER, updated_at TEXT)")
    shop.sql(f"INSERT INTO orders VALUES {hours}")
    source = "table: orders, incremental: {column: updated_at, overlap: 12h}"
    source += ", types: {updated_at: timestamp}"
    for day, ids in ((3, [3, 4, 5]), (2, [1, 2, 3, 4, 5]), (2, [1, 2, 3, 4, 5])):
        moment = datetime(2024, 1, day, tzinfo=timezone.utc)
        run = shop.run(source, "{mode: merge, key: [id]}", logical_date=moment)
        assert run.state == "success", run.log
        assert [n for n, _ in shop.copied()] == ids


def test_a_table_in_parts_is_published_at_once(shop: Shop) -> None:
    values = ", ".join(f"({n}, NULL)" for n in range(999))
    shop.sql("CREATE TABLE orders (id INTEGER, note TEXT)", f"INSERT INTO orders VALUES {values}")
    shop.sql("INSERT INTO orders VALUES (999, 'the last part alone tells its type')")
    run = shop.run("table: orders, split: {column: id, parts: 3}")
    assert run.state == "success", run.log
    assert len(run.xcom("copy.split")) == 3
    assert shop.copied("SELECT count(*), count(DISTINCT id), count(note) FROM copied") == [
        (1000, 1000, 1)
    ]


def test_a_query_of_a_file_by_the_hook_of_postgresql(shop: Shop) -> None:
    shop.pipelines.connect_postgres("shop", shop.server)
    shop.pipelines.write(
        "rows.sql",
        "SELECT g AS id, '{{ interval.day }}'::date AS \"Day\", gen_random_uuid() AS key,"
        " '{\"a\": 1}'::jsonb AS more, interval '1 day 2 hours' AS length\n"
        "FROM generate_series(1, 3) g WHERE g::text NOT LIKE '%3' -- those\n; -- all",
    )
    run = shop.run("query: rows.sql")
    assert run.state == "success", run.log
    kinds = ["bigint", "date", "uuid", "jsonb", "interval"]
    assert [kind for (kind,) in shop.copied(TYPES)] == kinds
    found = shop.copied("SELECT id, \"Day\"::text, more->'a', length::text FROM copied ORDER BY 1")
    assert found == [(n, "2024-01-02", 1, "1 day 02:00:00") for n in (1, 2)]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("table: nowhere", "nowhere can't be read: OperationalError: no such table: nowhere"),
        ("query: SELECT 1 AS a UNION SELECT 'x'", "row 2: the column 'a' holds a text and a whole"),
        ("query: SELECT 'x' AS a, types: {a: date}", "the column 'a' is declared date, and holds"),
    ],
)
def test_what_fails_says_where(shop: Shop, source: str, said: str) -> None:
    run = shop.run(source)
    assert run.states["copy.read"] == "failed"
    assert said in run.log
    assert "nothing was loaded: the target is as it was" in run.log


def test_a_connection_of_no_database(shop: Shop) -> None:
    shop.pipelines.connect("shop", conn_type="http", host="http://127.0.0.1")
    run = shop.run("table: orders")
    assert run.states["copy.read"] == "failed"
    assert "the connection 'shop' is of the type 'http', of which no SQL is read" in run.log


def test_secrets_of_the_connection_stay_where_they_are(shop: Shop) -> None:
    shop.pipelines.connect_postgres("shop", shop.server, password="hunter2-and-more")
    run = shop.run("query: SELECT 'hunter2-and-more'::int AS x")
    assert run.states["copy.read"] == "failed"
    assert "a value does not fit what the query makes of it" in run.log
    assert "hunter2" not in run.log.replace("SELECT 'hunter2-and-more'", "")
