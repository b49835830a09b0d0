"""A pipeline into BigQuery, through Airflow."""

import itertools
from dataclasses import asdict
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest

from factory.cli.main import main
from factory.in_airflow.probes import look
from factory_embedded.ports import free_port
from factory_embedded.services import bigquery, files

from ...transfer.bigquery.queries import ask
from ..pipelines import Pipelines

SPEC = """
version: 1
start_date: 2024-01-01
schedule: '@daily'
tasks:
  - id: trips
    uses: ingest
    with:
      source: {{type: file, path: '{path}', format: csv}}
      target: {{type: bigquery, conn_id: google, table: {table}, {target}}}
      write: {write}
      checks: [{{type: not_null, columns: [id]}}]
  - id: look
    uses: check
    with:
      conn_id: google
      table: {table}
      checks: [{{type: row_count, min: {least}}}]
    needs: [trips]
"""


@pytest.fixture
def google(pipelines: Pipelines, real_bigquery: bigquery.Server) -> Pipelines:
    given = asdict(real_bigquery.connection).items()
    pipelines.connect("google", **{name: value for name, value in given if value})
    return pipelines


@pytest.mark.parametrize(
    ("write", "target", "rows"),
    [
        ("{mode: append}", "via: 'gs://google@bq-stage/loads/'", [2, 4]),
        ("{mode: replace}", "via: 'gs://google@bq-stage/loads/', cluster_by: [id]", [2, 2]),
    ],
)
def test_a_file_into_a_table(
    google: Pipelines,
    real_bigquery: bigquery.Server,
    tmp_path: Path,
    write: str,
    target: str,
    rows: list[int],
) -> None:
    table = f"demo.trips_{uuid4().hex[:8]}"
    file = tmp_path / "trips.csv"
    file.write_text("id,fare\n1,2.50\n2,\n")
    given = {"path": file.as_uri(), "table": table, "write": write, "target": target}
    google.write("taxi.yaml", SPEC.format(**given, least=2))
    for number in rows:
        run = google.run("taxi")
        assert run.state == "success", run.log
        assert ask(real_bigquery, f"SELECT COUNT(*) FROM {table}") == [(number,)]
    done = run.xcom("trips.load")
    assert (done["table"], done["rows"], done["bytes_billed"]) == (table, 2, 0)
    jobs = real_bigquery.proxy.jobs.values()
    labels = [job["configuration"].get("labels", {}) for job in jobs]
    assert any(each.get("factory_dag") == "taxi" for each in labels)


SQL = """
version: 1
start_date: 2024-01-01
tasks:
  - id: made
    uses: sql
    with:
      conn_id: google
      sql: |
        DECLARE more INT64 DEFAULT 2;
        CREATE TABLE TARGET AS SELECT 1 AS id, DATE '2024-01-02' AS day;
        INSERT INTO TARGET (id, day) SELECT more, DATE '2024-01-02';
  - id: read
    needs: [made]
    uses: sql
    with:
      conn_id: google
      sql: SELECT id, day, @word FROM TARGET WHERE day = @day AND id IN UNNEST(@ids)
      parameters: {day: "{{ ds }}", word: it's so, ids: [2, 3]}
      output: true
  - id: asked
    needs: [made]
    uses: wait
    with: {for: {type: sql, conn_id: google, sql: SELECT COUNT(*) > 1 FROM TARGET}}
  - id: arrived
    needs: [made]
    uses: wait
    with: {for: {type: table, conn_id: google, table: TARGET, at_least: 2}}
  - id: broken
    needs: [asked, arrived]
    uses: sql
    with: {conn_id: google, sql: SELECT nothing FROM TARGET}
"""


def test_sql_runs_there_and_is_waited_for(
    google: Pipelines, real_bigquery: bigquery.Server
) -> None:
    table = f"demo.sql_{uuid4().hex[:8]}"
    google.write("sql.yaml", SQL.replace("TARGET", table))
    run = google.run("sql")
    wanted = dict.fromkeys(("made", "read", "asked", "arrived"), "success")
    assert run.states == {**wanted, "broken": "failed"}, run.log
    assert [list(row) for row in run.xcom("read")] == [[2, date(2024, 1, 2), "it's so"]]
    assert "each statement before the one that failed has been committed" in run.log
    labels = [job["configuration"].get("labels", {}) for job in real_bigquery.proxy.jobs.values()]
    assert any(each.get("factory_task") == "made" for each in labels)


def test_a_wait_goes_on_while_nothing_answers(
    google: Pipelines, real_bigquery: bigquery.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("factory.transfer.bigquery.api.pauses", lambda: itertools.repeat(0.0))
    known = real_bigquery.connection
    extra = {**known.extra, "bigquery_endpoint": f"http://127.0.0.1:{free_port()}"}
    google.connect("nowhere", conn_type=known.conn_type, extra=extra)
    seen = look({"type": "sql", "conn_id": "nowhere", "sql": "SELECT 1"})
    assert seen.state == "not_yet"
    assert "nowhere cannot be asked: BigQuery can't be reached" in seen.detail


EXAMPLE = Path(__file__).parents[3] / "examples" / "bigquery" / "taxi_to_bigquery.yaml"
TRIPS = [
    (1, datetime(2024, 1, 1, 12), Decimal("9.5")),
    (2, datetime(2024, 1, 31, 23), Decimal("0.1")),
]


def test_the_example(google: Pipelines, real_bigquery: bigquery.Server, tmp_path: Path) -> None:
    """Rows of the web arrive by way of the lake; a month that comes again takes its place."""
    lines = [f"{vendor},{at},{amount}" for vendor, at, amount in TRIPS]
    text = "\n".join(["vendor_id,pickup_at,total_amount", *lines, ""])
    (tmp_path / "yellow_tripdata_2024-01.csv").write_text(text)
    real_bigquery.create_bucket("lake")
    real_bigquery.create_dataset("trips")
    google.write("taxi_to_bigquery.yaml", EXAMPLE.read_text())
    assert main(["lint", "--strict", "--configs", str(google.root)]) == 0
    with files.running(tmp_path) as web:
        google.connect("taxi_files", conn_type="http", host=web.host, port=web.port)
        for _ in range(2):
            run = google.run(
                "taxi_to_bigquery", logical_date=datetime(2024, 1, 2, 6, tzinfo=timezone.utc)
            )
            assert run.state == "success", run.log
    query = "SELECT vendor_id, pickup_at, total_amount FROM trips.yellow_taxi ORDER BY vendor_id"
    assert ask(real_bigquery, query) == TRIPS
