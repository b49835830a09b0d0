"""An `ingest` from a table or a query of PostgreSQL."""

from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest

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
      source: {{type: postgres, conn_id: shop, {source}}}
      target: {{type: postgres, conn_id: warehouse, table: {schema}.copied{target}}}
      write: {write}
"""


NAMES = ("copied", "orders")


class Tables:
    """A schema with a source, and what copies from it."""

    def __init__(self, pipelines: Pipelines, server: Server, schema: str) -> None:
        self.pipelines = pipelines
        self.server = server
        self.schema = schema
        pipelines.connect_postgres("shop", server)
        pipelines.connect_postgres("warehouse", server)
        self.sql(f"DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}")

    def run(
        self, source: str, write: str = "{mode: replace}", target: str = "", **more: Any
    ) -> Run:
        text = SPEC.format(source=source, schema=self.schema, write=write, target=target)
        self.pipelines.write("copies.yaml", text)
        return self.pipelines.run("copies", **more)

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.server.uri, autocommit=True) as connection:
            connection.execute(f"SET search_path = {self.schema}".encode())
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []


@pytest.fixture
def tables(pipelines: Pipelines, postgres: Server, request: pytest.FixtureRequest) -> Tables:
    return Tables(pipelines, postgres, f"s{abs(hash(request.node.name)) % 10**9}")


def test_a_table_comes_with_its_types_and_a_later_run_with_what_changed(tables: Tables) -> None:
    tables.sql("CREATE TABLE orders (id int, total numeric(12,2), more jsonb, until date)")
    tables.sql("INSERT INTO orders VALUES (1, 9.5, '[1]', 'infinity'), (2, null, null, null)")
    source = f"table: {tables.schema}.orders, as_text: [until]"
    for _ in range(2):
        run = tables.run(source, "{mode: merge, key: [id]}")
        assert run.state == "success", run.log
        copied, orders = (f"SELECT t::text FROM {name} t ORDER BY 1" for name in NAMES)
        assert tables.sql(copied) == tables.sql(orders)
        tables.sql("UPDATE orders SET total = 10 WHERE id = 2")
    types = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
    types += " WHERE attrelid = 'copied'::regclass AND attnum > 0 ORDER BY attnum"
    assert [kind for (kind,) in tables.sql(types)] == ["integer", "numeric(12,2)", "jsonb", "date"]
    assert run.xcom("copy.read") == {"path": "rows/00000.parquet", "rows": 2}
    assert f"read {tables.schema}.orders: 2 rows read" in run.log


def test_each_run_reads_its_interval_and_one_again_adds_nothing(tables: Tables) -> None:
    tables.sql("CREATE TABLE orders (id int, updated_at timestamp)")
    tables.sql(
        "INSERT INTO orders SELECT n, '2024-01-01'::date + n * '12h'::interval"
        " FROM generate_series(0, 5) n"
    )
    source = f"table: {tables.schema}.orders, incremental: {{column: updated_at, overlap: 12h}}"
    for day, ids in ((3, [3, 4, 5]), (2, [1, 2, 3, 4, 5]), (2, [1, 2, 3, 4, 5])):
        moment = datetime(2024, 1, day, tzinfo=timezone.utc)
        run = tables.run(source, "{mode: merge, key: [id]}", logical_date=moment)
        assert run.state == "success", run.log
        assert [n for (n,) in tables.sql("SELECT id FROM copied ORDER BY 1")] == ids


def test_a_table_in_parts_is_published_at_once(tables: Tables) -> None:
    tables.sql(
        "CREATE TABLE orders AS SELECT n AS id, '2024-01-01'::date + n % 90 AS day"
        " FROM generate_series(1, 1000) n"
    )
    for column in ("id", "day"):
        source = f"table: {tables.schema}.orders, split: {{column: {column}, parts: 3}}"
        run = tables.run(source)
        assert run.state == "success", run.log
        assert len(run.xcom("copy.split")) == 3
        assert tables.sql("SELECT count(*), count(DISTINCT id) FROM copied") == [(1000, 1000)]
    (before,) = tables.sql("SELECT count(*) FROM copied")
    tables.sql("ALTER TABLE orders ADD bad numeric(3)")
    tables.sql("UPDATE orders SET bad = 'NaN' WHERE id = 999")
    run = tables.run(source)
    assert run.states["copy.load"] == "upstream_failed"
    assert tables.sql("SELECT count(*) FROM copied") == [before]


def test_a_table_into_files(tables: Tables, tmp_path: Path) -> None:
    tables.sql("CREATE TABLE orders (id int, total numeric(12,2), tags text[])")
    tables.sql("INSERT INTO orders VALUES (1, 1.5, '{a,NULL}'), (2, null, null)")
    text = f"""
version: 1
tasks:
  - id: copy
    uses: ingest
    with:
      source: {{type: postgres, conn_id: shop, table: {tables.schema}.orders}}
      target: {{type: file, path: "{tmp_path.as_uri()}/orders", format: parquet}}
      write: {{mode: replace}}
"""
    tables.pipelines.write("files.yaml", text)
    run = tables.pipelines.run("files")
    assert run.state == "success", run.log
    (file,) = (tmp_path / "orders").rglob("*.parquet")
    assert pq.read_table(file).to_pylist() == [
        {"id": 1, "total": Decimal("1.50"), "tags": "{a,NULL}"},
        {"id": 2, "total": None, "tags": None},
    ]


def test_a_query_of_a_file_knows_the_run_and_the_variables(tables: Tables) -> None:
    tables.pipelines.write(
        "sql/rows.sql",
        "SELECT g AS id, '{{ interval.day }}'::date AS day\n"
        "FROM generate_series(1, 3) g WHERE g >= ${vars.least} -- those\n;",
    )
    run = tables.run("query: sql/rows.sql")
    assert run.state == "success", run.log
    assert [(n, str(day)) for n, day in tables.sql("TABLE copied")] == [
        (2, "2024-01-02"),
        (3, "2024-01-02"),
    ]


def test_a_table_that_changes_between_two_runs(tables: Tables) -> None:
    tables.sql("CREATE TABLE orders AS SELECT 1 AS id")
    source, write = f"table: {tables.schema}.orders", "{mode: merge, key: [id]}"
    assert tables.run(source, write).state == "success"
    tables.sql("ALTER TABLE orders ADD total numeric(5,2) DEFAULT 1.5")
    run = tables.run(source, write)
    assert run.states["copy.load"] == "failed"
    assert "has no column 'total' (numeric(5,2))" in run.log
    assert tables.sql("TABLE copied") == [(1,)]
    run = tables.run(source, write, ", on_schema_change: add_columns")
    assert run.state == "success", run.log
    assert [(n, str(total)) for n, total in tables.sql("TABLE copied")] == [(1, "1.50")]


def test_what_fails_says_where_and_tells_no_secret(tables: Tables) -> None:
    tables.pipelines.connect_postgres("shop", tables.server, password="hunter2-and-more")
    run = tables.run("query: SELECT 1 / 0 AS x")
    assert run.states["copy.read"] == "failed"
    assert "the query can't be read: PostgreSQL said: division by zero" in run.log
    assert "nothing was loaded: the target is as it was" in run.log
    assert "hunter2" not in run.log


def test_a_table_whose_name_looks_like_a_file(tables: Tables) -> None:
    tables.sql("CREATE TABLE sql AS SELECT 1 AS id")
    run = tables.run(f"table: {tables.schema}.sql, where: id < 2 OR 'a' = 'b.sql'")
    assert run.state == "success", run.log
