"""An `ingest`, from YAML through a real Airflow into a real PostgreSQL."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from factory.embedded.files import serving
from factory.embedded.postgres import Server

from ..pipelines import Pipelines, Run

SPEC = """
version: 1
start_date: 2024-01-01
tasks:
  - id: orders
    uses: ingest
    with:
      source: {source}
      target: {{type: postgres, conn_id: warehouse, table: {schema}.orders}}
      write: {write}
      checks: {checks}
"""
HTTP = "{type: http, conn_id: files, url: '/orders-{{ ds }}.csv.gz', format: csv}"
APPEND = "{mode: append}"
DONE = {
    "orders.download": "success",
    "orders.to_parquet": "success",
    "orders.load": "success",
    "orders.clean_up": "success",
}


class Shop:
    """A folder that is served, a database, and the pipeline between them."""

    def __init__(self, pipelines: Pipelines, server: Server, folder: Path, schema: str) -> None:
        self.pipelines = pipelines
        self.server = server
        self.folder = folder
        self.schema = schema
        self.stage = pipelines.root.parent / "stage"

    def offer(self, text: str, day: str = "2024-01-02") -> None:
        (self.folder / f"orders-{day}.csv.gz").write_bytes(gzip.compress(text.encode()))

    def run(self, *, source: str = HTTP, write: str = APPEND, checks: str = "[]") -> Run:
        spec = SPEC.format(source=source, write=write, checks=checks, schema=self.schema)
        self.pipelines.write("shop.yaml", spec)
        return self.pipelines.run("shop")

    def rows(self) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.server.uri) as connection:
            return connection.execute(
                psycopg.sql.SQL("SELECT * FROM {} ORDER BY 1").format(
                    psycopg.sql.Identifier(self.schema, "orders")
                )
            ).fetchall()

    def tables(self) -> set[str]:
        with psycopg.connect(self.server.uri) as connection:
            found = connection.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = %s",
                (self.schema,),
            )
            return {name for (name,) in found}

    def staged(self) -> list[str]:
        return sorted(file.name for file in self.stage.rglob("*") if file.is_file())


@pytest.fixture
def shop(
    pipelines: Pipelines, postgres: Server, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Shop]:
    folder = tmp_path / "served"
    folder.mkdir()
    schema = f"s{abs(hash(request.node.name)) % 10**9}"
    with serving(folder) as base:
        pipelines.connect_postgres("warehouse", postgres)
        pipelines.connect("files", conn_type="http", host=base)
        yield Shop(pipelines, postgres, folder, schema)
    with psycopg.connect(postgres.uri) as connection:
        connection.execute(
            psycopg.sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(
                psycopg.sql.Identifier(schema)
            )
        )


def test_a_served_file_becomes_rows_and_leaves_nothing_on_the_stage(shop: Shop) -> None:
    shop.offer("OrderID,Total\n1,9.5\n2,7\n")
    run = shop.run(checks="[{type: row_count, min: 2}, {type: not_null, columns: [order_id]}]")
    assert run.states == DONE
    assert shop.rows() == [(1, 9.5), (2, 7.0)]
    assert run.xcom("orders.load") == {
        "table": f"{shop.schema}.orders",
        "rows": 2,
        "published": True,
    }
    assert shop.staged() == []
    assert shop.tables() == {"orders", "_factory_loads"}


def test_a_file_on_disk_is_read_where_it_is(shop: Shop, tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"part-{number}.csv").write_text(f"id;name\n{number};n{number}\n")
    source = (
        f"{{type: file, path: '{tmp_path.as_uri()}/part-*.csv', "
        'format: {type: csv, delimiter: ";"}}'
    )
    run = shop.run(source=source)
    assert run.state == "success"
    assert shop.rows() == [(1, "n1"), (2, "n2")]
    assert (tmp_path / "part-1.csv").exists()


def test_a_failed_check_publishes_nothing_and_keeps_what_was_there(shop: Shop) -> None:
    shop.offer("id,total\n1,1\n")
    assert shop.run().state == "success"
    shop.offer("id,total\n2,\n3,\n")
    run = shop.run(checks="[{type: not_null, columns: [total]}]")
    assert run.state == "failed"
    assert run.states["orders.load"] == "failed"
    assert "total is null in 2 rows" in run.log
    assert shop.rows() == [(1, 1)]


def test_after_a_failure_the_staged_files_stay(shop: Shop) -> None:
    shop.offer("id\n1\n")
    run = shop.run(checks="[{type: row_count, min: 2}]")
    assert run.state == "failed"
    assert run.states["orders.clean_up"] == "success"
    assert shop.staged() == ["orders-2024-01-02.csv.gz", "rows.parquet"]


def test_a_missing_file_fails_the_run_and_says_which(shop: Shop) -> None:
    run = shop.run()
    assert run.state == "failed"
    assert run.states["orders.download"] == "failed"
    assert "/orders-2024-01-02.csv.gz does not exist (HTTP 404)" in run.log


def test_merge_updates_by_key(shop: Shop) -> None:
    merge = "{mode: merge, key: [id]}"
    shop.offer("id,total\n1,1\n2,2\n")
    shop.run(write=merge)
    shop.offer("id,total\n2,20\n3,3\n")
    assert shop.run(write=merge).state == "success"
    assert shop.rows() == [(1, 1), (2, 20), (3, 3)]


def test_replace_leaves_only_the_new_rows(shop: Shop) -> None:
    shop.offer("id\n1\n2\n")
    shop.run(write="{mode: replace}")
    shop.offer("id\n3\n")
    assert shop.run(write="{mode: replace}").state == "success"
    assert shop.rows() == [(3,)]


def test_no_password_reaches_the_log_or_the_rendered_fields(shop: Shop, postgres: Server) -> None:
    shop.pipelines.connect_postgres(
        "warehouse", postgres, password="s3cret-word", schema="no_such_database"
    )
    shop.offer("id\n1\n")
    run = shop.run()
    assert run.states["orders.load"] == "failed"
    assert "no_such_database" in run.log
    assert "s3cret-word" not in run.log
