"""The kind `check`, run by a real Airflow on a real PostgreSQL."""

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from factory import registry
from factory_embedded.services.postgres import Server

from ..pipelines import Pipelines, Run

SPEC = """
version: 1
schedule: "@daily"
start_date: 2024-01-01
params: {{least: 2}}
tasks:
  - id: right
    uses: check
    with:
      conn_id: warehouse
      table: "{table}"
      where: "day = '{{{{ ds }}}}'"
      checks: {checks}
  - id: report
    needs: [right]
    run: "true"
"""


@dataclass(frozen=True)
class Trips:
    """A table with three rows of the run's day and one of another, and a pipeline over it."""

    pipelines: Pipelines
    schema: str

    def run(self, checks: str, table: str = "trips") -> Run:
        spec = SPEC.format(table=f"{self.schema}.{table}", checks=checks)
        self.pipelines.write("trips.yaml", spec)
        return self.pipelines.run("trips")


@pytest.fixture
def trips(pipelines: Pipelines, postgres: Server) -> Iterator[Trips]:
    schema = f"s{uuid.uuid4().hex}"
    pipelines.connect_postgres("warehouse", postgres)
    with psycopg.connect(postgres.uri, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        connection.execute(f"CREATE TABLE {schema}.trips (id int, name text, day date)")
        connection.execute(
            f"INSERT INTO {schema}.trips VALUES (1, 'secret', '2024-01-02'),"
            " (2, null, '2024-01-02'), (2, 'b', '2024-01-02'), (null, 'c', '2023-01-01')"
        )
        yield Trips(pipelines, schema)
        connection.execute(f"DROP SCHEMA {schema} CASCADE")


def test_a_table_that_is_right(trips: Trips) -> None:
    run = trips.run(
        '[{type: row_count, min: "{{ params.least }}", max: 3}, {type: not_null, columns: [id]},'
        ' {type: range, column: day, min: "{{ ds }}"},'
        " {type: freshness, column: day, max_age: 1d},"
        " {type: unique, columns: [id], severity: warn}]"
    )
    assert (run.state, run.states) == ("success", {"right": "success", "report": "success"})
    result: Any = run.xcom("right")
    assert (result["table"], result["rows"]) == (f"{trips.schema}.trips", 3)
    assert [one["passed"] for one in result["checks"]] == [True, True, True, True, False]
    assert result["checks"][4] == {
        "type": "unique",
        "columns": ["id"],
        "severity": "warn",
        "passed": False,
        "measured": {"repeated_values": 1, "rows": 2},
        "message": "id: 1 value in 2 rows are not unique, for example id = 2 in 2 rows",
    }
    assert "check row_count passed: 3 rows" in run.log
    assert "check unique failed: id: 1 value in 2 rows" in run.log


def test_a_table_that_is_not_right_fails_the_run_and_tells_why(trips: Trips) -> None:
    run = trips.run("[{type: not_null, columns: [name]}, {type: row_count, max: 9}]")
    assert (run.state, run.states["right"]) == ("failed", "failed")
    assert run.states["report"] == "upstream_failed"
    assert "1 check failed: not_null: name is null in 1 row" in run.log
    assert "secret" not in run.log
    result: Any = run.xcom("right")
    assert [one["passed"] for one in result["checks"]] == [False, True]


def test_a_table_that_is_not_there(trips: Trips) -> None:
    run = trips.run("[{type: row_count, min: 1}]", table="tirps")
    assert run.state == "failed"
    assert "there is no table or view" in run.log
    assert "Did you mean 'trips'?" in run.log


SQLITE = """
version: 1
tasks:
  - id: x
    uses: check
    with: {conn_id: acme, table: trips, checks: [{type: row_count, min: "{{ 1 + 1 }}"}]}
"""


@pytest.mark.parametrize("conn_type", ["sqlite", "sqlit"])
def test_the_connection_s_type_names_the_warehouse(
    conn_type: str, pipelines: Pipelines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "outside" / "acme_sqlite")
    registry.outside.cache_clear()
    with closing(sqlite3.connect(tmp_path / "acme.db")) as connection:
        connection.execute("CREATE TABLE trips AS SELECT 1 AS id UNION SELECT 2")
        connection.commit()
    pipelines.connect("acme", conn_type=conn_type, host=str(tmp_path / "acme.db"))
    pipelines.write("other.yaml", SQLITE)
    run = pipelines.run("other")
    registry.outside.cache_clear()
    if conn_type == "sqlit":
        assert run.state == "failed"
        assert "type of a warehouse's connection 'sqlit'. Did you mean 'sqlite'?" in run.log
    else:
        assert run.xcom("x")["checks"][0]["message"] == "2 rows"
