"""An `ingest` from a table or a query of MariaDB."""

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest

from factory_embedded.services import mariadb
from factory_embedded.services.postgres import Server

from ..pipelines import Pipelines, Run

SPEC = """
version: 1
start_date: 2024-01-01
schedule: {{cron: "@daily", covers: since_last_run}}
vars: {{least: 2}}
tasks:
  - id: copy
    uses: ingest
    with:
      source: {{type: mysql, conn_id: shop, {source}}}
      target: {target}
      write: {write}
"""


class Tables:
    """A database with a source, and what copies from it."""

    def __init__(
        self, pipelines: Pipelines, shop: mariadb.Server, warehouse: Server, name: str
    ) -> None:
        self.pipelines = pipelines
        self.shop = shop
        self.warehouse = warehouse
        self.name = name
        self.connect()
        pipelines.connect_postgres("warehouse", warehouse)
        self.there(f"DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}")

    def connect(self, **more: Any) -> None:
        given = {**json.loads(self.shop.connection.json), "schema": self.name, **more}
        self.pipelines.connect("shop", **given)

    def run(
        self, source: str, write: str = "{mode: replace}", target: str = "", **more: Any
    ) -> Run:
        target = target or f"{{type: postgres, conn_id: warehouse, table: {self.name}.copied}}"
        text = SPEC.format(source=source, write=write, target=target)
        self.pipelines.write("copies.yaml", text)
        return self.pipelines.run("copies", **more)

    def here(self, *queries: str) -> None:
        connected = self.shop.connect(database=self.name)
        with connected as connection, connection.cursor() as cursor:
            cursor.execute("SET SESSION sql_mode = ''")
            for query in queries:
                cursor.execute(query)

    def there(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.warehouse.uri, autocommit=True) as connection:
            connection.execute(f"SET search_path = {self.name}".encode())
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []


@pytest.fixture
def tables(
    pipelines: Pipelines,
    real_mariadb: mariadb.Server,
    postgres: Server,
    request: pytest.FixtureRequest,
) -> Iterator[Tables]:
    name = f"s{abs(hash(request.node.name)) % 10**9}"
    with real_mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        yield Tables(pipelines, real_mariadb, postgres, name)
        cursor.execute(f"DROP DATABASE {name}")


def test_a_table_comes_with_its_types_and_a_later_run_with_what_changed(tables: Tables) -> None:
    tables.here(
        "CREATE TABLE orders (id INT UNSIGNED, total DECIMAL(12,2), open_for TIME, day DATE)",
        "INSERT INTO orders VALUES (1, 9.5, '26:00:00', '0000-00-00'), (2, NULL, NULL, NULL)",
    )
    source = "table: orders, as_text: [open_for], zero_dates: as_null"
    for total in (None, Decimal("10.00")):
        run = tables.run(source, "{mode: merge, key: [id]}")
        assert run.state == "success", run.log
        assert tables.there("SELECT id, total, open_for::text, day FROM copied ORDER BY 1") == [
            (1, Decimal("9.50"), "26:00:00", None),
            (2, total, None, None),
        ]
        tables.here("UPDATE orders SET total = 10 WHERE id = 2")
    types = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
    types += " WHERE attrelid = 'copied'::regclass AND attnum > 0 ORDER BY attnum"
    assert [kind for (kind,) in tables.there(types)] == [
        *("bigint", "numeric(12,2)", "interval", "date")
    ]
    assert run.xcom("copy.read") == {"path": "rows/00000.parquet", "rows": 2}
    assert "read orders: 2 rows read" in run.log
    assert "1 date of 'day' that no calendar has: null instead" in run.log


@pytest.mark.parametrize("kind", ["DATETIME", "TIMESTAMP NULL"])
def test_each_run_reads_its_interval_and_one_again_adds_nothing(tables: Tables, kind: str) -> None:
    tables.here(
        f"CREATE TABLE orders (id INT, updated_at {kind})",
        "INSERT INTO orders SELECT seq, '2024-01-01' + INTERVAL seq * 12 HOUR FROM seq_0_to_5",
    )
    source = "table: orders, incremental: {column: updated_at, overlap: 12h}"
    for day, ids in ((3, [3, 4, 5]), (2, [1, 2, 3, 4, 5]), (2, [1, 2, 3, 4, 5])):
        moment = datetime(2024, 1, day, tzinfo=timezone.utc)
        run = tables.run(source, "{mode: merge, key: [id]}", logical_date=moment)
        assert run.state == "success", run.log
        assert [n for (n,) in tables.there("SELECT id FROM copied ORDER BY 1")] == ids


def test_a_table_in_parts_is_published_at_once(tables: Tables) -> None:
    tables.here(
        "CREATE TABLE orders AS SELECT seq AS id,"
        " CAST('2024-01-01' AS DATE) + INTERVAL seq % 90 DAY AS day FROM seq_1_to_1000"
    )
    for column in ("id", "day"):
        source = f"table: orders, split: {{column: {column}, parts: 3}}"
        run = tables.run(source)
        assert run.state == "success", run.log
        assert len(run.xcom("copy.split")) == 3
        assert tables.there("SELECT count(*), count(DISTINCT id) FROM copied") == [(1000, 1000)]
    tables.here("UPDATE orders SET day = '0000-00-00' WHERE id = 999")
    run = tables.run(source)
    assert run.states["copy.load"] == "upstream_failed"
    assert tables.there("SELECT count(*) FROM copied") == [(1000,)]


def test_a_table_into_files(tables: Tables, tmp_path: Path) -> None:
    tables.here(
        "CREATE TABLE orders (id INT, total DECIMAL(12,2), photo BLOB)",
        "INSERT INTO orders VALUES (1, 1.5, x'00ff'), (2, NULL, NULL)",
    )
    target = f'{{type: file, path: "{tmp_path.as_uri()}/orders", format: parquet}}'
    run = tables.run("table: orders", target=target)
    assert run.state == "success", run.log
    (file,) = (tmp_path / "orders").rglob("*.parquet")
    assert pq.read_table(file).to_pylist() == [
        {"id": 1, "total": Decimal("1.50"), "photo": b"\x00\xff"},
        {"id": 2, "total": None, "photo": None},
    ]


def test_a_query_of_a_file_knows_the_run_and_the_variables(tables: Tables) -> None:
    tables.pipelines.write(
        "sql/rows.sql",
        "SELECT seq AS id, CAST('{{ interval.day }}' AS DATE) AS day\n"
        "FROM seq_1_to_3 WHERE seq >= ${vars.least} -- those\n;",
    )
    run = tables.run("query: sql/rows.sql")
    assert run.state == "success", run.log
    assert [(n, str(day)) for n, day in tables.there("TABLE copied")] == [
        (2, "2024-01-02"),
        (3, "2024-01-02"),
    ]


def test_a_table_that_changes_between_two_runs(tables: Tables) -> None:
    tables.here("CREATE TABLE orders AS SELECT 1 AS id")
    write = "{mode: merge, key: [id]}"
    assert tables.run("table: orders", write).state == "success"
    tables.here("ALTER TABLE orders ADD total DECIMAL(5,2) DEFAULT 1.5")
    run = tables.run("table: orders", write)
    assert run.states["copy.load"] == "failed"
    assert "has no column 'total' (numeric(5,2))" in run.log
    assert tables.there("TABLE copied") == [(1,)]


def test_what_fails_says_where_and_tells_no_secret(tables: Tables) -> None:
    tables.connect(password="hunter2-and-more")
    run = tables.run("query: SELECT nope")
    assert run.states["copy.read"] == "failed"
    assert "the query can't be read: the server said: " in run.log
    assert "nothing was loaded: the target is as it was" in run.log
    assert "hunter2" not in run.log


def test_extras_of_the_connection(tables: Tables) -> None:
    """As Airflow's own hook has them."""
    tables.here("CREATE TABLE orders AS SELECT 'ä' AS t")
    tables.connect(extra={"charset": "latin1", "ssl_mode": "DISABLED"})
    assert tables.run("table: orders").state == "success"
    assert tables.there("TABLE copied") == [("ä",)]
    for extra, said in (
        ({"ssl_mode": "REQUIRED"}, "SSL is required"),
        ({"ssl_mode": "REQUIRE"}, "Did you mean 'REQUIRED'?"),
        ({"ssl": {"ca": "/nowhere.pem"}}, "a certificate of the connection can't be read"),
        ({"ssl": "{'ca': 1"}, "the extra `ssl` of the connection is not what is known"),
    ):
        tables.connect(extra=extra)
        run = tables.run("table: orders")
        assert run.states["copy.read"] == "failed"
        assert said in run.log


def test_a_connection_to_another_database_is_refused(tables: Tables) -> None:
    tables.connect(conn_type="postgres")
    run = tables.run("table: orders")
    assert run.states["copy.read"] == "failed"
    assert "the connection 'shop' is of the type 'postgres': expected 'mysql'" in run.log
