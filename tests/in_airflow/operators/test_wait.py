"""The `wait` kind, from YAML through a real Airflow; deferred tasks wait in this process."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from factory.stores import open_uri
from factory_embedded.services.postgres import Server
from tests.web import Web

from ...stores.contract import put
from ..pipelines import DAY, Pipelines, Run

SPEC = """
version: 1
timezone: Europe/Berlin
start_date: 2024-01-01
schedule: "@daily"
tasks:
  - id: wait
    uses: wait
    retries: 3
    retry_delay: 1s
    with: {{for: {what}, poll_interval: 0.1s, {more}}}
  - {{id: after, needs: [wait], run: "true"}}
"""
DONE = {"wait": "success", "after": "success"}
SKIPPED = {"wait": "skipped", "after": "skipped"}
FAILED = {"wait": "failed", "after": "upstream_failed"}


def wait(pipelines: Pipelines, what: str, more: str = "timeout: 20s") -> Run:
    pipelines.write("team/waits.yaml", SPEC.format(what=what, more=more))
    return pipelines.run("waits")


@pytest.fixture
def warehouse(pipelines: Pipelines, postgres: Server) -> None:
    pipelines.connect_postgres("warehouse", postgres)


@pytest.fixture
def api(pipelines: Pipelines, web: Web) -> Web:
    pipelines.connect("api", conn_type="http", host=f"http://127.0.0.1:{web.port}")
    return web


def test_a_file_that_is_there(pipelines: Pipelines, tmp_path: Path) -> None:
    (tmp_path / "2024-01-02").mkdir()
    (tmp_path / "2024-01-02" / "x.csv").touch()
    run = wait(pipelines, f"{{type: file, path: '{tmp_path.as_uri()}/{{{{ ds }}}}/*.csv'}}")
    assert run.states == DONE
    assert "Trigger completed" not in run.log


def test_a_file_in_a_store_of_another_package(pipelines: Pipelines, acme: None) -> None:
    what = "{type: file, path: 'acme://box/{{ ds }}/**/*.csv'}"
    run = wait(pipelines, what, "timeout: 0.3s")
    assert "there is no file acme://box/2024-01-02/**/*.csv" in run.log
    put(open_uri("acme://box/2024-01-02/a/b/x.csv"))
    assert wait(pipelines, what).states == DONE


def test_so_many_files_of_a_folder(pipelines: Pipelines, tmp_path: Path) -> None:
    for name in ("in/a", "in/b/c", "in/.d"):
        put(open_uri(f"{tmp_path.as_uri()}/{name}"))
    what = f"{{type: file, path: '{tmp_path.as_uri()}/in/', at_least: %d}}"
    assert wait(pipelines, what % 2).states == DONE
    run = wait(pipelines, what % 3, "timeout: 0.3s")
    assert f"of 3 files {tmp_path.as_uri()}/in/ there are 2" in run.log


def test_a_folder_is_no_file_and_a_time_out_is_not_retried(
    pipelines: Pipelines, tmp_path: Path
) -> None:
    what = f"{{type: file, path: '{tmp_path.as_uri()}'}}"
    run = wait(pipelines, what, "timeout: 0.3s")
    assert run.states == FAILED
    assert f"the last look: there is no file {tmp_path.as_uri()}" in run.log


def test_a_time_out_may_skip(pipelines: Pipelines, tmp_path: Path) -> None:
    what = f"{{type: file, path: '{tmp_path.as_uri()}/none'}}"
    assert wait(pipelines, what, "timeout: 0.3s, on_timeout: skip").states == SKIPPED


def test_an_answer_that_comes_later(pipelines: Pipelines, api: Web) -> None:
    api.answers = [(503, b"no"), (200, b'{"state": "busy"}'), (200, b'{"state": "done"}')]
    what = "{type: http, conn_id: api, endpoint: '/{{ ds }}', expect: {json: {state: done}}}"
    run = wait(pipelines, what)
    assert run.states == DONE
    assert [asked.path for asked in api.asked] == ["/2024-01-02"] * 3
    assert "not yet: GET http://127.0.0.1" in run.log
    assert "answered 503: no" in run.log


def test_no_answer_means_to_wait_on(pipelines: Pipelines, web: Web) -> None:
    pipelines.connect("api", conn_type="http", host="http://127.0.0.1:1")
    run = wait(pipelines, "{type: http, conn_id: api}", "timeout: 0.3s")
    assert run.states == FAILED
    assert "GET http://127.0.0.1:1 got no answer: ConnectionError" in run.log


def test_a_query_that_becomes_true(pipelines: Pipelines, warehouse: None) -> None:
    pipelines.write("team/ready.sql", "SELECT clock_timestamp() > %(moment)s")
    what = "{type: sql, conn_id: warehouse, sql: ready.sql, parameters: {moment: 2024-01-01}}"
    assert wait(pipelines, what.replace("2024-01-01", "'{{ ds }}'")).states == DONE


def test_vars_in_the_file_of_a_query(pipelines: Pipelines, warehouse: None) -> None:
    pipelines.write("team/ready.sql", "SELECT '${dag_id} in ${environment}' LIKE '% in dev'")
    assert wait(pipelines, "{type: sql, conn_id: warehouse, sql: ready.sql}").states == DONE


def test_a_query_that_becomes_true_while_it_waits(
    pipelines: Pipelines, warehouse: None, postgres: Server
) -> None:
    with psycopg.connect(postgres.uri) as connection:
        connection.execute("DROP SEQUENCE IF EXISTS looks; CREATE SEQUENCE looks")
    what = "{type: sql, conn_id: warehouse, sql: \"SELECT nextval('looks') > 2\"}"
    run = wait(pipelines, what)
    assert run.states == DONE
    assert "the query gives True" in run.log
    with psycopg.connect(postgres.uri) as connection:
        assert connection.execute("SELECT nextval('looks')").fetchone() == (4,)


@pytest.mark.parametrize(
    ("sql", "seen"),
    [
        ("SELECT 0", "the query gives 0"),
        ("SELECT false", "the query gives False"),
        ("SELECT NULL", "the query gives None"),
        ("SELECT 1 WHERE false", "the query gives no row"),
    ],
)
def test_what_is_not_true(pipelines: Pipelines, warehouse: None, sql: str, seen: str) -> None:
    what = f"{{type: sql, conn_id: warehouse, sql: '{sql}'}}"
    run = wait(pipelines, what, "timeout: 0.3s, on_timeout: skip")
    assert run.states == SKIPPED
    assert seen in run.log


def test_a_wrong_query_fails_at_once(pipelines: Pipelines, warehouse: None) -> None:
    run = wait(pipelines, "{type: sql, conn_id: warehouse, sql: 'SELECT 1 FROM nowhere'}", "")
    assert run.states["wait"] == "failed"
    assert 'relation "nowhere" does not exist' in run.log


def test_a_database_that_is_away_means_to_wait_on(pipelines: Pipelines) -> None:
    pipelines.connect("warehouse", conn_type="postgres", host="127.0.0.1", port=1)
    run = wait(pipelines, "{type: sql, conn_id: warehouse, sql: 'SELECT 1'}", "timeout: 0.3s")
    assert run.states == FAILED
    assert "warehouse cannot be asked" in run.log


@pytest.mark.parametrize(
    ("kind", "inside", "outside"),
    [
        ("date", "2024-01-02", "2024-01-03"),  # a day as Berlin has it
        ("timestamptz", "2024-01-01 23:30Z", "2024-01-02 23:30Z"),
        ("timestamp", "2024-01-01 23:30", "2024-01-02 23:30"),
    ],
)
def test_rows_of_the_runs_interval(
    pipelines: Pipelines, warehouse: None, postgres: Server, kind: str, inside: str, outside: str
) -> None:
    what = '{type: table, conn_id: warehouse, table: "wait.Rows", column: at, where: "id < 9"}'
    with psycopg.connect(postgres.uri, autocommit=True) as database:
        database.execute("DROP SCHEMA IF EXISTS wait CASCADE; CREATE SCHEMA wait")
        run = wait(pipelines, what, "timeout: 0.3s")
        assert run.states == FAILED
        assert "the last look: there is no table or view wait.Rows" in run.log
        database.execute(f'CREATE TABLE wait."Rows" (id int, at {kind})')
        database.execute('INSERT INTO wait."Rows" VALUES (1, %s), (2, %s)', (outside, None))
        database.execute('INSERT INTO wait."Rows" VALUES (9, %s)', (inside,))
        run = wait(pipelines, what, "timeout: 0.3s")
        assert "the last look: there is no row in wait.Rows, at in 2024-01-02T00:00:00" in run.log
        database.execute('INSERT INTO wait."Rows" VALUES (3, %s)', (inside,))
        assert wait(pipelines, what).states == DONE
        run = wait(pipelines, what.replace("column", "at_least: 2, column"), "timeout: 0.3s")
        assert "of 2 rows there are 1 in wait.Rows" in run.log
        run = wait(pipelines, what.replace("column: at", "column: att"))
        assert run.states["wait"] == "failed"
        assert "unknown column of wait.Rows 'att'. Did you mean 'at'?" in run.log


@pytest.mark.parametrize(
    ("inside", "outside"),
    [("2024-01-02", "2024-01-03"), ("2024-01-01T23:30:00", "2024-01-02 23:30:00")],
)
def test_rows_of_any_database(
    pipelines: Pipelines, tmp_path: Path, inside: str, outside: str
) -> None:
    file = tmp_path / "ledger.db"
    pipelines.connect("ledger", conn_type="sqlite", host=str(file))
    what = "{type: table, conn_id: ledger, table: orders, column: at}"
    run = wait(pipelines, what, "timeout: 0.3s")
    assert "orders can't be read: OperationalError: no such table: orders" in run.log
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE orders (id int, at text)")
        database.commit()
        run = wait(pipelines, what, "timeout: 0.3s")
        assert "the last look: there is no row in orders" in run.log
        run = wait(pipelines, what.replace("column: at", 'where: "nme = 1"'))
        assert run.states["wait"] == "failed"
        assert "orders can't be read: OperationalError: no such column: nme" in run.log
        there = what.replace("column: at", "at_least: 0")
        assert wait(pipelines, there).states == DONE
        database.execute("INSERT INTO orders VALUES (1, ?)", (inside,))
        database.commit()
        assert wait(pipelines, what).states == DONE
        database.execute("UPDATE orders SET at = ?", (outside.replace(" ", inside[10:11]),))
        database.commit()
        assert wait(pipelines, what, "timeout: 0.3s").states == FAILED


OTHER = """
version: 1
start_date: 2024-01-01
schedule: "@daily"
tasks:
  - {id: good, run: "true"}
  - {id: bad, needs: [good], run: "exit 1"}
  - {id: skipped, needs: [good], run: "exit 99"}
"""


def test_another_pipelines_task_and_run(pipelines: Pipelines) -> None:
    pipelines.write("other.yaml", OTHER)
    pipelines.run("other")
    good = wait(pipelines, "{type: pipeline, pipeline: other, task: good}")
    assert good.states == DONE
    assert wait(pipelines, "{type: pipeline, pipeline: other, task: skipped}").states == SKIPPED
    bad = wait(pipelines, "{type: pipeline, pipeline: other, task: bad}")
    assert bad.states["wait"] == "failed"
    run = wait(pipelines, "{type: pipeline, pipeline: other}", "on_timeout: skip")
    assert run.states["wait"] == "failed"
    assert (
        "the run of other for 2024-01-02T00:00:00+00:00 or 2024-01-02T00:00:00+01:00 failed"
        in run.log
    )


def test_another_pipelines_earlier_run(pipelines: Pipelines) -> None:
    pipelines.write("early.yaml", "version: 1\ntasks: [{id: good, run: 'true'}]")
    pipelines.run("early", logical_date=DAY - timedelta(days=1))
    what = "{type: pipeline, pipeline: early, offset: 1d}"
    assert wait(pipelines, what).states == DONE
    run = wait(pipelines, "{type: pipeline, pipeline: early}", "timeout: 0.3s")
    assert run.states == FAILED
    assert (
        "there is no run of early for 2024-01-02T00:00:00+00:00 or 2024-01-02T00:00:00+01:00 yet"
        in run.log
    )


def test_a_run_without_a_date_cannot_wait_for_the_same_date(pipelines: Pipelines) -> None:
    pipelines.write(
        "undated.yaml",
        "version: 1\ntasks: [{id: wait, uses: wait, with: {for: {type: pipeline, pipeline: x}}}]",
    )
    run = pipelines.run("undated", logical_date=None)
    assert run.state == "failed"
    assert "this run has no logical date" in run.log


@pytest.mark.parametrize(
    "what",
    [
        "{type: time, after: 10m}",
        "{type: time, until: '{{ ds }}T23:00'}",
        "{type: time, until: 2024-01-02}",
    ],
)
def test_a_moment_that_has_come(pipelines: Pipelines, what: str) -> None:
    assert wait(pipelines, what).states == DONE


def test_a_moment_in_the_pipelines_zone(pipelines: Pipelines) -> None:
    run = wait(pipelines, "{type: time, until: '2024-01-02T12:00'}")
    assert "2024-01-02 12:00:00+01:00 has come" in run.log


def test_a_moment_that_comes(pipelines: Pipelines) -> None:
    soon = "{{ (macros.datetime.utcnow() + macros.timedelta(seconds=1)).isoformat() }}Z"
    run = wait(pipelines, f"{{type: time, until: '{soon}'}}")
    assert run.states == DONE
    assert "Trigger completed" in run.log


def test_a_moment_that_is_too_far(pipelines: Pipelines) -> None:
    run = wait(pipelines, "{type: time, until: 2999-01-01}")
    assert run.states == FAILED
    assert "this waits 0:00:20 at most; the last look: 2999-01-01" in run.log


def test_what_is_no_moment(pipelines: Pipelines) -> None:
    run = wait(pipelines, "{type: time, until: tomorrow}")
    assert run.states == FAILED
    assert "'tomorrow' is no moment" in run.log
