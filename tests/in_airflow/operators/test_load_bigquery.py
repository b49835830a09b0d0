"""A pipeline into BigQuery, through Airflow."""

import itertools
import json
from dataclasses import asdict
from datetime import date, datetime, timezone
from pathlib import Path
from uuid import uuid4

import pytest

from factory.cli.main import main
from factory.in_airflow.hooks import bigquery as hooks
from factory.in_airflow.operators import sql
from factory.in_airflow.operators.ingest import load_bigquery
from factory.in_airflow.probes import look
from factory.in_airflow.triggers import bigquery as triggers
from factory.transfer.bigquery.staging import digest
from factory_embedded.bigquery_proxy import Answer, Lost, Request
from factory_embedded.demo import bigquery as demo
from factory_embedded.demo.screen import LineScreen
from factory_embedded.ports import free_port
from factory_embedded.services import bigquery
from factory_embedded.stop import Stop

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
      maximum_bytes_billed: 3GB
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
    counts = [job["configuration"].get("query", {}) for job in jobs]
    limits = {each.get("maximumBytesBilled") for each in counts if "NULL FROM" in str(each)}
    assert "3000000000" in limits


EXTERNAL = """
version: 1
start_date: 2024-01-01
tasks:
  - id: trips
    uses: ingest
    with:
      source: {{type: file, path: '{path}', format: csv}}
      target:
        type: bigquery_external
        conn_id: google
        table: {table}
        path: 'gs://google@bq-stage/{folder}'
      write: {{mode: replace}}
"""


def test_an_external_table_over_files(
    google: Pipelines, real_bigquery: bigquery.Server, tmp_path: Path
) -> None:
    name, file = f"trips_{uuid4().hex[:8]}", tmp_path / "trips.csv"
    google.write("far.yaml", EXTERNAL.format(path=file.as_uri(), table=f"demo.{name}", folder=name))
    for rows in (2, 3):
        file.write_text("id,fare\n" + "1,2.50\n" * rows)
        run = google.run("far")
        assert run.state == "success", run.log
        assert ask(real_bigquery, f"SELECT COUNT(*) FROM demo.{name}") == [(rows,)]
    assert run.xcom("trips.load")["rows"] == 3
    uris = next(uris for path, uris in real_bigquery.proxy.external.items() if name in path)
    assert [uri.rpartition("/")[0] for uri in uris] == [f"gs://bq-stage/{name}"]


ONCE = """
version: 1
start_date: 2024-01-01
tasks:
  - id: trips
    uses: ingest
    with:
      source: {{type: file, path: '{path}/*.csv', format: csv, only_new: true}}
      target:
        type: bigquery
        conn_id: google
        table: {table}
        via: 'gs://google@bq-stage/loads/'
      write: {{mode: append}}
"""


def test_each_file_is_loaded_once(
    google: Pipelines, real_bigquery: bigquery.Server, tmp_path: Path
) -> None:
    table, folder = f"demo.trips_{uuid4().hex[:8]}", tmp_path / "in"
    folder.mkdir()
    google.write("once.yaml", ONCE.format(path=folder.as_uri(), table=table))
    count = f"SELECT COUNT(*) FROM {table}"
    for name, rows in (("a", 2), ("b", 4)):
        (folder / f"{name}.csv").write_text("id,fare\n1,2.50\n2,\n")
        run = google.run("once")
        assert run.state == "success", run.log
        assert ask(real_bigquery, count) == [(rows,)]
    run = google.run("once")
    assert "no file is new: this step is skipped" in run.log
    assert ask(real_bigquery, count) == [(4,)]


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


LONG = """
version: 1
start_date: 2024-01-01
tasks:
  - id: long
    uses: sql
    with: {{conn_id: google, sql: "{sql}", output: true}}
"""


def test_long_sql_is_waited_for_by_the_triggerer(
    google: Pipelines, real_bigquery: bigquery.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "PATIENCE", 0)
    monkeypatch.setattr(triggers, "POLL", 0.01)
    begun: list[str] = []
    looks: list[str] = []

    def slow(request: Request) -> Answer | None:
        """The job is begun, and the answer lost; then it runs for a while."""
        name = request.job.get("jobReference", {}).get("jobId", "")
        if "_sql_" in name:
            begun.append(name)
            if len(begun) == 1:
                raise Lost(after=True)
        is_look = request.method == "GET" and "_sql_" in request.path
        if not begun or not is_look or len(looks) > 3:
            return None
        looks.append(request.path)
        where = {"jobId": begun[0], "location": "US"}
        job = {"jobReference": where, "status": {"state": "RUNNING"}}
        return Answer(200, json.dumps(job).encode())

    google.write("long.yaml", LONG.format(sql="SELECT 6 * 7 AS answer"))
    real_bigquery.proxy.faults.append(slow)
    try:
        run = google.run("long")
    finally:
        real_bigquery.proxy.faults.clear()
    assert run.state == "success", run.log
    assert "this goes on when it has ended" in run.log
    assert [list(row) for row in run.xcom("long")] == [[42]]
    assert len(set(begun)) == 1


@pytest.mark.parametrize("is_there", [True, False])
def test_a_try_after_one_that_was_killed_finds_its_sql(
    google: Pipelines, real_bigquery: bigquery.Server, is_there: bool
) -> None:
    """While that runs still; of one that has ended, who clears the task wants another."""
    task = uuid4().hex
    left = f"factory_{digest(task, 'SELECT 1', {})}_sql_of_before"
    begun: list[dict[str, str]] = []

    def there(request: Request) -> Answer | None:
        reference = request.job.get("jobReference", {})
        if "_sql_" in reference.get("jobId", ""):
            begun.append(reference)
        if "stateFilter=running" not in request.path:
            return None
        names = ["another", *([left] if is_there else [])]
        jobs = [{"jobReference": {"jobId": name, "location": "US"}} for name in names]
        return Answer(200, json.dumps({"jobs": jobs}).encode())

    real_bigquery.proxy.faults.append(there)
    try:
        hook = hooks.BigQuery("google")
        hook.patience, hook.task = 60, ((task,), uuid4().hex, False)
        hook.run("SELECT 1")
    finally:
        real_bigquery.proxy.faults.clear()
    (reference,) = begun
    assert (reference["jobId"] == left) == is_there
    assert reference.get("location") == ("US" if is_there else None)


def test_the_same_sql_of_another_run_of_the_name_runs(
    google: Pipelines, real_bigquery: bigquery.Server
) -> None:
    """As `factory run` twice for a day, or a run that was deleted and made anew."""
    table = f"demo.again_{uuid4().hex[:8]}"
    ask(real_bigquery, f"CREATE TABLE {table} (id INT64)")
    for number in (1, 2):
        hook = hooks.BigQuery("google")
        hook.patience, hook.task = 60, ((table,), f"try {number}", True)
        hook.run(f"INSERT INTO {table} VALUES (1)")
    assert ask(real_bigquery, f"SELECT COUNT(*) FROM {table}") == [(2,)]


def test_sql_of_a_task_that_somebody_ends_is_ended(
    google: Pipelines, real_bigquery: bigquery.Server
) -> None:
    before = len(real_bigquery.proxy.asked)
    hook = hooks.BigQuery("google")
    hook.begun = "US:job_1"
    hook.cancel()  # and that there is none is no error
    (path,) = [one.path for one in real_bigquery.proxy.asked[before:] if "cancel" in one.path]
    assert path.endswith("/jobs/job_1/cancel?location=US")


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


@pytest.mark.parametrize("step", ["load", "publish"])
def test_a_long_job_is_waited_for_by_the_triggerer(
    google: Pipelines,
    real_bigquery: bigquery.Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    """The worker is given back; after that, the same load finds the job, and no other is begun."""
    monkeypatch.setattr(load_bigquery, "PATIENCE", 0)
    monkeypatch.setattr(triggers, "POLL", 0.01)
    begun: list[str] = []
    looks: list[str] = []

    def slow(request: Request) -> Answer | None:
        """The job is begun, and the answer lost; then it runs for a while."""
        name = request.job.get("jobReference", {}).get("jobId", "")
        if name.endswith(f"_{step}"):
            begun.append(name)
            if len(begun) == 1:
                raise Lost(after=True)
        is_look = request.method == "GET" and f"_{step}?" in request.path
        if not begun or not is_look or len(looks) > 3:
            return None
        looks.append(request.path)
        job = {
            "jobReference": {"jobId": begun[0], "location": "US"},
            "status": {"state": "RUNNING"},
        }
        return Answer(200, json.dumps(job).encode())

    table = f"demo.trips_{uuid4().hex[:8]}"
    file = tmp_path / "trips.csv"
    file.write_text("id,fare\n1,2.50\n2,\n")
    given = {"path": file.as_uri(), "table": table, "write": "{mode: append}", "least": 2}
    google.write("slow.yaml", SPEC.format(**given, target="via: 'gs://google@bq-stage/loads/'"))
    real_bigquery.proxy.faults.append(slow)
    try:
        run = google.run("slow")
    finally:
        real_bigquery.proxy.faults.clear()
    assert run.state == "success", run.log
    assert "this goes on when it has ended" in run.log
    assert ask(real_bigquery, f"SELECT COUNT(*) FROM {table}") == [(2,)]
    assert len(set(begun)) == 1  # the same again, whose answer was lost
    done = run.xcom("trips.load")
    assert (done["rows"], done["published"]) == (2, True)
    (check,) = done["checks"]
    assert check["passed"]
    assert check["message"] == "no nulls in id"  # of a publish that was left, too


def test_another_triggerer_goes_on_with_a_job() -> None:
    path, given = triggers.JobEnded("google", "factory_1_load", "US", 1e10).serialize()
    assert path == "factory.in_airflow.triggers.bigquery.JobEnded"
    assert triggers.JobEnded(**given).serialize() == (path, given)


PROJECT = Path(__file__).parents[3]


def test_the_demo(
    pipelines: Pipelines,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Trips of the web arrive by way of the lake; a month that comes again takes its place."""
    monkeypatch.setattr(demo, "MONTHS", ((2024, 1), (2024, 2)))
    name = demo.PIPELINE
    file = PROJECT / "dag_factory_configs" / "taxi" / f"{name}.yaml"
    pipelines.write(f"{name}.yaml", file.read_text())
    assert main(["lint", "--strict", "--configs", str(pipelines.root)]) == 0
    with (
        Stop() as stop,
        LineScreen() as show,
        demo.services(PROJECT, tmp_path, show, stop) as there,
    ):
        for conn_id, connection in there.connections.items():
            given = asdict(connection).items()
            pipelines.connect(conn_id, **{name: value for name, value in given if value})
        for day in (5, 6):
            run = pipelines.run(name, logical_date=datetime(2024, 1, day, tzinfo=timezone.utc))
            assert run.state == "success", run.log
        assert there.problems(show) == [
            "2024-02: the lake has 0 rows, not 100,000",
            "2024-02: BigQuery lacks 100,000 trips, has 0 others",
        ]
    assert (
        " 2024-01 |     100,000 |          100,000 |                   100,000\n"
        in capfd.readouterr().out
    )
