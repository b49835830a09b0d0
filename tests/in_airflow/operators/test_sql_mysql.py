"""The `sql` kind, `wait` and the source `sql` on MariaDB, without Airflow's provider of MySQL."""

import json
from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq
import pytest

from factory_embedded.services import mariadb

from ..pipelines import Pipelines, Run

STEP = "version: 1\nstart_date: 2024-01-01\ntasks: [{id: query, uses: sql, with: {conn_id: shop, "


class Shop:
    """A database, and a connection to it of the type that is asked for."""

    def __init__(self, pipelines: Pipelines, server: mariadb.Server, kind: str, name: str) -> None:
        self.pipelines, self.server, self.name = pipelines, server, name
        given = json.loads(server.connection.json)
        pipelines.connect("shop", **{**given, "conn_type": kind, "schema": name})

    def query(self, more: str) -> Run:
        self.pipelines.write("query.yaml", f"{STEP}{more}}}}}]\n")
        return self.pipelines.run("query")

    def run(self, *queries: str) -> list[tuple[Any, ...]]:
        with (
            self.server.connect(database=self.name) as connection,
            connection.cursor() as cursor,
        ):
            for query in queries:
                cursor.execute(query)
            return list(cursor.fetchall())


@pytest.fixture(params=["mysql", "mariadb"])
def shop(
    pipelines: Pipelines, real_mariadb: mariadb.Server, request: pytest.FixtureRequest
) -> Iterator[Shop]:
    name = f"s{abs(hash(request.node.nodeid))}"
    with real_mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        found = Shop(pipelines, real_mariadb, request.param, name)
        found.run("CREATE TABLE marks (day date, n int)")
        yield found
        cursor.execute(f"DROP DATABASE {name}")


def test_statements_with_bound_parameters_are_one_transaction(shop: Shop) -> None:
    insert = "INSERT INTO marks VALUES (%(day)s, %(n)s)"
    bound = "parameters: {day: '{{ ds }}', n: 7}"
    run = shop.query(f"sql: '{insert}; INSERT INTO marks VALUES (%(day)s, 8)', {bound}")
    assert run.state == "success", run.log
    assert shop.run("SELECT CAST(day AS CHAR), n FROM marks") == [
        ("2024-01-02", 7),
        ("2024-01-02", 8),
    ]
    run = shop.query(f"sql: '{insert}; INSERT INTO nowhere VALUES (1)', {bound}")
    assert run.state == "failed"
    assert "nowhere' doesn't exist" in run.log
    assert "one that defines tables (CREATE, ALTER, DROP, RENAME, TRUNCATE) commits" in run.log
    assert len(shop.run("SELECT * FROM marks")) == 2


def test_a_wait_for_rows(shop: Shop) -> None:
    wait = (
        "version: 1\nstart_date: 2024-01-01\ntasks: [{id: rows, uses: wait, with: {timeout: 1m, "
        "for: {type: sql, conn_id: shop, sql: 'SELECT count(*) FROM marks'}}}]\n"
    )
    shop.run("INSERT INTO marks VALUES (NULL, 1)")
    shop.pipelines.write("waits.yaml", wait)
    run = shop.pipelines.run("waits")
    assert run.state == "success", run.log


def test_a_source_of_any_database(shop: Shop, tmp_path: Any) -> None:
    shop.run("CREATE TABLE `or``der` (`se lect` int, v decimal(9,2))")
    shop.run("INSERT INTO `or``der` VALUES (1, 0.10), (2, NULL)")
    shop.pipelines.write(
        "copies.yaml",
        "version: 1\nstart_date: 2024-01-01\ntasks: [{id: copy, uses: ingest, with: {"
        "source: {type: sql, conn_id: shop, query: 'SELECT `se lect`, v FROM `or``der`'}, "
        f'target: {{type: file, path: "{tmp_path.as_uri()}/out/", format: parquet}}, '
        "write: {mode: replace}}}]\n",
    )
    run = shop.pipelines.run("copies")
    assert run.state == "success", run.log
    files = [*tmp_path.glob("out/*.parquet")]
    assert pq.read_table(files[0])["se lect"].to_pylist() == [1, 2]
