"""An `ingest` into Snowflake and out of it, and a `check` there, on what stands in for it."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from factory.in_airflow.connections import snowflake_account
from factory.in_airflow.hooks.databases import Left
from factory.in_airflow.hooks.snowflake import Snowflake
from factory.in_airflow.triggers import snowflake as triggers
from factory.transfer.snowflake import session
from factory.transfer.snowflake.session import Limits
from factory_embedded.services import gcs, snowflake
from factory_embedded.services.postgres import Server

from ..pipelines import Pipelines

INTO = """
version: 1
start_date: 2024-01-01
schedule: {{cron: "@daily", covers: since_last_run}}
tasks:
  - id: orders
    uses: ingest
    with:
      source: {{type: file, path: '{path}', format: csv}}
      target: {{type: snowflake, conn_id: sf, table: {schema}.orders, cluster_by: [order_id]}}
      write: {write}
      checks: [{{type: unique, columns: [order_id]}}, {{type: sql, condition: "total >= 0"}}]
  - id: look
    needs: [orders]
    uses: check
    with:
      conn_id: sf
      table: {schema}.orders
      checks: [{{type: not_null, columns: [order_id]}}, {{type: row_count, min: 3}}]
"""
OUT = """
version: 1
start_date: 2024-01-01
schedule: {{cron: "@daily", covers: since_last_run}}
tasks:
  - id: copy
    uses: ingest
    with:
      source: {{type: snowflake, conn_id: sf, {source}}}
      target: {{type: postgres, conn_id: warehouse, table: {schema}.copied}}
      write: {{mode: merge, key: [order_id]}}
"""
CSV = "order_id,total,at\n1,9.50,2024-01-01T10:00:00Z\n2,,2024-01-02T10:00:00Z\n3,0,\n"


class Orders:
    """A schema in Snowflake's stand-in, and one of the same name in PostgreSQL."""

    def __init__(
        self,
        pipelines: Pipelines,
        server: snowflake.Server,
        warehouse: Server,
        name: str,
        folder: Path,
    ) -> None:
        self.pipelines = pipelines
        self.warehouse = warehouse
        self.server = server
        self.name = name
        self.file = folder / "orders.csv"
        self.file.write_text(CSV)
        pipelines.connect_postgres("warehouse", warehouse)

    def into(self, write: str) -> Any:
        text = INTO.format(path=self.file.as_uri(), schema=self.name, write=write)
        self.pipelines.write("into.yaml", text)
        return self.pipelines.run("into")

    def here(self, query: str) -> list[Any]:
        account = snowflake_account("sf", application="a test")
        with session.connected(account, Limits()) as connection:
            return [tuple(row) for row in session.ask(connection, query)]

    def there(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.warehouse.uri, autocommit=True) as connection:
            return connection.execute(query.encode()).fetchall()


@pytest.fixture
def orders(
    pipelines: Pipelines,
    real_snowflake: snowflake.Server,
    postgres: Server,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Orders]:
    name = f"s{abs(hash(request.node.name)) % 10**9}"
    pipelines.connect("sf", **json.loads(real_snowflake.connection.json))
    made = Orders(pipelines, real_snowflake, postgres, name, tmp_path)
    yield made
    made.here(f"DROP SCHEMA IF EXISTS {name} CASCADE")


def test_a_file_comes_with_its_types_and_is_checked(orders: Orders) -> None:
    for write in ("{mode: replace}", "{mode: replace}", "{mode: merge, key: [order_id]}"):
        run = orders.into(write)
        assert run.state == "success", run.log
        assert orders.here(f"SELECT ORDER_ID, TOTAL FROM {orders.name}.ORDERS ORDER BY 1") == [
            (1, 9.5),
            (2, None),
            (3, 0.0),
        ]
    assert run.xcom("orders.load")["published"] is True
    assert "order_id is unique" in run.log
    orders.file.write_text(CSV + "1,2,\n")
    run = orders.into("{mode: append}")
    assert run.states["orders.load"] == "failed"
    assert "the target is as it was" in run.log
    assert orders.here(f"SELECT COUNT(*) FROM {orders.name}.ORDERS") == [(3,)]


def test_what_was_read_of_an_interval_is_of_small_letters(orders: Orders) -> None:
    assert orders.into("{mode: append}").state == "success"
    source = f"table: {orders.name}.orders, incremental: {{column: at, overlap: 1d}}"
    for more, ids in (("", [2]), (", split: {column: order_id, parts: 2}", [2])):
        text = OUT.format(source=source + more, schema=orders.name)
        orders.pipelines.write("out.yaml", text)
        moment = datetime(2024, 1, 3, tzinfo=timezone.utc)
        run = orders.pipelines.run("out", logical_date=moment)
        assert run.state == "success", run.log
        found = orders.there(f"SELECT order_id FROM {orders.name}.copied ORDER BY 1")
        assert [number for (number,) in found] == [Decimal(n) for n in ids]


SQL = """
version: 1
start_date: 2024-01-01
tasks:
  - id: arrived
    uses: wait
    with: {for: {type: table, conn_id: sf, table: SCHEMA.orders, at_least: 3}}
  - id: asked
    needs: [arrived]
    uses: wait
    with: {for: {type: sql, conn_id: sf, sql: SELECT MAX(ORDER_ID) FROM SCHEMA.orders}}
  - id: total
    needs: [asked]
    uses: sql
    with:
      conn_id: sf
      sql: |
        INSERT INTO SCHEMA.orders (ORDER_ID, TOTAL) VALUES (4, %(total)s);
        SELECT SUM(TOTAL), %(total)s FROM SCHEMA.orders
      parameters: {total: 2.5}
      output: true
  - id: broken
    needs: [total]
    uses: sql
    with: {conn_id: sf, sql: DELETE FROM SCHEMA.orders; SELECT nothing}
"""


def test_sql_runs_there_and_is_waited_for(orders: Orders) -> None:
    assert orders.into("{mode: replace}").state == "success"
    orders.pipelines.write("sql.yaml", SQL.replace("SCHEMA", orders.name))
    run = orders.pipelines.run("sql")
    assert run.states == {
        "arrived": "success",
        "asked": "success",
        "total": "success",
        "broken": "failed",
    }, run.log
    assert [tuple(map(float, row)) for row in run.xcom("total")] == [(12.0, 2.5)]
    assert orders.here(f"SELECT COUNT(*) FROM {orders.name}.ORDERS") == [(4,)]


LONG = """
version: 1
start_date: 2024-01-01
tasks:
  - id: total
    uses: sql
    with:
      conn_id: sf
      sql: INSERT INTO SCHEMA.orders (ORDER_ID, TOTAL) SELECT %(id)s, 2.5
      parameters: {id: 9}
  - id: asked
    needs: [total]
    uses: sql
    with: {conn_id: sf, sql: SELECT COUNT(*) FROM SCHEMA.orders, output: true}
  - id: broken
    needs: [asked]
    uses: sql
    with: {conn_id: sf, sql: DELETE FROM SCHEMA.nothing}
"""


def test_a_long_statement_gives_the_worker_back(
    orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is begun once, and its answer taken, or its error told, when it has ended."""
    assert orders.into("{mode: replace}").state == "success"
    monkeypatch.setattr("factory.in_airflow.operators.sql.PATIENCE", 0.0)
    monkeypatch.setattr(triggers, "POLL", 0.1)
    looks = triggers.QueryEnded._state

    def release(self: triggers.QueryEnded) -> str:
        orders.server.fail("", "release")
        return looks(self)

    monkeypatch.setattr(triggers.QueryEnded, "_state", release)
    own = json.loads(orders.server.connection.json)
    own["extra"]["session_parameters"] = {"AUTOCOMMIT": False}  # nobody would commit
    orders.pipelines.connect("sf", **own)
    orders.pipelines.write("long.yaml", LONG.replace("SCHEMA", orders.name))
    orders.server.fail("INSERT INTO .*2.5", "hold")
    run = orders.pipelines.run("long")
    assert run.states == {"total": "success", "asked": "success", "broken": "failed"}, run.log
    assert "runs on: this goes on when it has ended" in run.log
    assert [int(number) for (number,) in run.xcom("asked")] == [4]
    assert "NOTHING" in run.log


@pytest.mark.parametrize(
    ("again", "begun"),
    [
        ({}, 1),
        ({"parameters": {"id": 8}}, 2),  # another statement, in a sense
        ({"first": True}, 2),  # of a run that was made anew
    ],
)
def test_a_try_after_one_that_was_killed_finds_its_statement(
    orders: Orders, again: dict[str, Any], begun: int
) -> None:
    assert orders.into("{mode: replace}").state == "success"
    orders.server.fail("INSERT INTO .*7.5", "hold")
    sql = f"INSERT INTO {orders.name}.orders (ORDER_ID, TOTAL) SELECT %(id)s, 7.5"

    def tried(name: str, *, first: bool, parameters: dict[str, int]) -> Snowflake:
        hook = Snowflake("sf")
        hook.patience, hook.task = 0, ((orders.name, 1), name, first)
        with suppress(Left):
            hook.run(sql, parameters=parameters)
        return hook

    one = tried("a", first=True, parameters={"id": 9})
    two = tried("b", **{"first": False, "parameters": {"id": 9}, **again})
    orders.server.fail("", "release")
    for hook in (one, two):
        hook.patience = 60
        hook.run(sql)
    assert len({one.begun, two.begun}) == begun
    counted = f"SELECT COUNT(*) FROM {orders.name}.ORDERS WHERE TOTAL = 7.5"
    assert orders.here(counted) == [(begun,)]
    # it has ended: who clears the task wants another
    three = Snowflake("sf")
    three.patience, three.task = 60, ((orders.name, 1), "c", False)
    three.run(sql, parameters={"id": 9})
    assert orders.here(counted) == [(begun + 1,)]


def test_where_statements_that_run_are_not_to_be_looked_for_another_begins(
    orders: Orders, caplog: pytest.LogCaptureFixture
) -> None:
    """As a role, or a connection without a database, may not."""
    orders.server.fail("QUERY_HISTORY_BY_USER", "refuse")
    hook = Snowflake("sf")
    hook.patience, hook.task = 60, (("nobody",), "b", False)
    assert hook.run("SELECT 3", handler=lambda cursor: cursor.fetchall()) == [(3,)]
    assert "nobody can tell whether a try before this one has left" in caplog.text


TAGGED = """
version: 1
start_date: 2024-01-01
tasks:
  - id: tag
    uses: sql
    with: {conn_id: sf, sql: SHOW PARAMETERS LIKE 'QUERY_TAG', output: true}
"""


def test_queries_of_sql_are_known_by_run_and_step(orders: Orders) -> None:
    orders.pipelines.write("tagged.yaml", TAGGED)
    run = orders.pipelines.run("tagged")
    assert run.xcom("tag")[0][1] == f"factory tagged/tag/{run.run_id}", run.log
    own = json.loads(orders.server.connection.json)
    own["extra"]["session_parameters"] = {"query_tag": "mine"}
    orders.pipelines.connect("sf", **own)
    assert orders.pipelines.run("tagged").xcom("tag")[0][1] == "mine"


BUCKET = """
version: 1
start_date: 2024-01-01
tasks:
  - id: orders
    uses: ingest
    with:
      source: {{type: file, path: '{path}', format: csv}}
      target:
        type: snowflake
        conn_id: sf
        table: {schema}.orders
        external_stage: {schema}.landing
        via: gs://lake@{bucket}/loads
        warehouse: LOADING
        role: LOADER
      write: {{mode: append}}
"""


def test_files_go_through_a_bucket(orders: Orders, real_gcs: gcs.Server) -> None:
    bucket = f"b-{orders.name}"
    real_gcs.create_bucket(bucket)
    orders.pipelines.connect("lake", **json.loads(real_gcs.connection.json))
    orders.server.read_buckets("gcs://", real_gcs.data)
    orders.here(f"CREATE SCHEMA {orders.name}")
    orders.here(f"CREATE STAGE {orders.name}.landing URL = 'gcs://{bucket}/'")
    text = BUCKET.format(path=orders.file.as_uri(), schema=orders.name, bucket=bucket)
    orders.pipelines.write("bucket.yaml", text)
    for _ in range(2):
        run = orders.pipelines.run("bucket")
        assert run.state == "success", run.log
    assert orders.here(f"SELECT COUNT(*) FROM {orders.name}.ORDERS") == [(6,)]
    assert not list((real_gcs.data / bucket).rglob("*.parquet"))
    orders.pipelines.write("bucket.yaml", text.replace("/loads", "-2/loads"))
    run = orders.pipelines.run("bucket")
    assert run.states["orders.load"] == "failed"
    assert f"Let `via` be gs://{bucket}/" in run.log


ONCE = """
version: 1
start_date: 2024-01-01
tasks:
  - id: orders
    uses: ingest
    with:
      source: {{type: file, path: '{path}', format: csv, only_new: true}}
      target: {{type: snowflake, conn_id: sf, table: {schema}.once, role: LOADER}}
      write: {{mode: append}}
"""


def test_each_file_is_loaded_once_into_snowflake(orders: Orders) -> None:
    folder = orders.file.parent
    pattern = f"{folder.as_uri()}/orders*.csv"
    orders.pipelines.write("once.yaml", ONCE.format(path=pattern, schema=orders.name))
    run = orders.pipelines.run("once")
    assert run.state == "success", run.log
    (folder / "orders2.csv").write_text("order_id,total,at\n4,1,\n")
    run = orders.pipelines.run("once", logical_date=datetime(2024, 1, 3, tzinfo=timezone.utc))
    assert run.state == "success", run.log
    assert "1 of 2 files" in run.log
    run = orders.pipelines.run("once", logical_date=datetime(2024, 1, 4, tzinfo=timezone.utc))
    assert run.states["orders.list_files"] == run.states["orders.load"] == "skipped"
    found = orders.here(f"SELECT ORDER_ID FROM {orders.name}.ONCE ORDER BY 1")
    assert [int(number) for (number,) in found] == [1, 2, 3, 4]
