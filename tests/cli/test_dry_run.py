"""`factory run --dry-run`, on a real Airflow and what stands in for BigQuery."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from googleapiclient import discovery_cache  # type: ignore[import-untyped]

from factory.cli.dry_run import ACCURACY, Entry, lines
from factory.transfer.bigquery.dry_run import DryRun, Estimate
from factory_embedded.bigquery_proxy import Answer, Request
from factory_embedded.services import bigquery
from tests.transfer.bigquery.queries import api, ask

from .conftest import Cli, process

SPEC = """
version: 1
start_date: 2024-01-01
schedule: {{covers: previous_day, cron: "0 6 * * *"}}
stage: gs://google@bq-stage/dry/
params: {{least: 7}}
tasks:
  - {{id: report, uses: sql, with: {{conn_id: google, sql: report.sql, output: true}}}}
  - id: bound
    uses: sql
    with: {{conn_id: google, sql: "SELECT ?", parameters: [1]}}
  - {{id: elsewhere, uses: sql, with: {{conn_id: shop, sql: SELECT 1}}}}
  - {{id: unknown, uses: sql, with: {{conn_id: nowhere, sql: SELECT 1}}}}
  - {{id: missing, uses: sql, with: {{conn_id: google, sql: SELECT 1 FROM {table}_none}}}}
  - id: later
    uses: sql
    needs: [report]
    with: {{conn_id: google, sql: "SELECT {{{{ tasks.report.output }}}}"}}
  - id: look
    uses: check
    with:
      conn_id: google
      table: {table}
      where: day = '{{{{ interval.day }}}}'
      checks:
        - {{type: row_count, min: 1}}
        - {{type: unique, columns: [id]}}
        - {{type: sql, query: "SELECT count(*) > 1 FROM {{table}}"}}
  - id: wait
    uses: wait
    with: {{for: {{type: sql, conn_id: google, sql: SELECT count(*) FROM {table}}}}}
  - id: rows
    uses: wait
    with: {{for: {{type: table, conn_id: google, table: {table}, column: day}}}}
  - id: trips
    uses: ingest
    with:
      source: {{type: bigquery, conn_id: google, table: {table}, columns: [id], where: id > 1}}
      target: {{type: bigquery, conn_id: google, table: {table}_copy}}
      write: {{mode: replace}}
  - id: parts
    uses: ingest
    with:
      source: {{type: bigquery, conn_id: google, table: {table}, split: {{column: id, parts: 2}}}}
      target: {{type: file, path: "file:///never"}}
      write: {{mode: replace}}
  - {{id: shell, run: exit 1}}
"""


NOT_ASKED = """\
not asked:
  elsewhere: shop is of the type postgres: only BigQuery tells
  unknown: The conn_id `nowhere` isn't defined
  missing: google: BigQuery said: Not found: Table factory.{table}_none was not found in \
location US
  later: it needs what a task before it gives
  trips.load: it needs what a task before it gives
  parts.read: it needs what a task before it gives
"""
ASKED = ("report", "bound", *["look"] * 3, "wait", "rows", "trips.read", "parts.split", "total")


def test_each_statement_is_asked_and_none_is_run(
    tmp_path: Path, env: Mapping[str, str], real_bigquery: bigquery.Server
) -> None:
    table = f"demo.dry_{uuid4().hex[:8]}"
    ask(real_bigquery, f"CREATE TABLE {table} AS SELECT 1 AS id, DATE '2024-01-01' AS day")
    configs = tmp_path / "dag_factory_configs"
    configs.mkdir()
    (configs / "asks.yaml").write_text(SPEC.format(table=table))
    report = f"SELECT id FROM {table} WHERE id > {{{{ params.least }}}};\nSELECT '{{{{ ds }}}}'"
    (configs / "report.sql").write_text(report)
    connections = {
        "AIRFLOW_HOME": str(tmp_path / "theirs"),
        "AIRFLOW_CONN_GOOGLE": real_bigquery.connection.json,
        "AIRFLOW_CONN_SHOP": "postgres://127.0.0.1:1/shop",
    }
    before = len(real_bigquery.proxy.asked)
    given = ("--date", "2024-01-01", "--param", "least=3", "--configs", str(configs))
    result = process("run", "asks", "--dry-run", *given, only={**env, **connections})
    assert result.code == 0, result.out + result.err
    _, asked, unasked = result.out.split("\n\n", 2)
    assert unasked == NOT_ASKED.format(table=table)
    assert f"SELECT id FROM {table} WHERE id > 3; SELECT '20" in asked
    assert tuple(line.split()[0] for line in asked.splitlines()[1:]) == ASKED
    sent = real_bigquery.proxy.asked[before:]
    assert {request.method for request in sent if not request.job} == {"GET"}
    assert all(request.job["configuration"]["dryRun"] for request in sent if request.job)
    assert not (tmp_path / "theirs").exists()


def test_what_is_sent_and_read_is_what_the_service_has(real_bigquery: bigquery.Server) -> None:
    """The stand-in answers no bytes: held to Google's own description of its interface."""
    described = json.loads(discovery_cache.get_static_doc("bigquery", "v2"))["schemas"]

    def fields(name: str) -> Mapping[str, Any]:
        return described[name]["properties"]  # type: ignore[no-any-return]

    sent: list[Request] = []

    def answers(request: Request) -> Answer:
        sent.append(request)
        query = {"totalBytesProcessed": "1500000000", "totalBytesProcessedAccuracy": "UPPER_BOUND"}
        job = {"status": {"state": "DONE"}, "statistics": {"query": query}}
        return Answer(200, json.dumps(job).encode())

    real_bigquery.proxy.faults.append(answers)
    try:
        session = DryRun(api(real_bigquery))
        session.query("SELECT 1")
    finally:
        real_bigquery.proxy.faults.clear()
    assert session.estimates == [Estimate("SELECT 1", 1_500_000_000, "UPPER_BOUND")]
    (request,) = sent
    assert request.job.keys() <= fields("Job").keys()
    configuration = request.job["configuration"]
    assert configuration.keys() <= fields("JobConfiguration").keys()
    assert fields("JobConfiguration")["dryRun"]["type"] == "boolean"
    assert configuration["dryRun"] is True
    assert configuration["query"].keys() <= fields("JobConfigurationQuery").keys()
    read = fields("JobStatistics2")
    assert read["totalBytesProcessed"]["format"] == "int64"
    assert all(word in read["totalBytesProcessedAccuracy"]["description"] for word in ACCURACY)
    assert "dry run" in read["schema"]["description"]


def test_the_table_has_a_sum() -> None:
    entries: list[Entry] = [
        ("a", {"statement": "SELECT\n  1", "bytes": 1_500_000_000, "accuracy": "UPPER_BOUND"}),
        ("b.read", {"statement": "x" * 99, "bytes": 500_000_000, "accuracy": "PRECISE"}),
        ("c", {"statement": "", "why": "no\nreason"}),
    ]
    assert [*lines(entries)] == [
        "",
        f"  step    statement{' ' * 51}      would read",
        f"  a       SELECT 1{' ' * 52}  at most 1.5 GB",
        f"  b.read  {'x' * 59}…        500.0 MB",
        f"  total   {' ' * 60}          2.0 GB",
        "",
        "not asked:",
        "  c: no␊reason",
    ]


def test_what_asks_no_database_starts_no_airflow(tmp_path: Path, cli: Cli) -> None:
    spec = "version: 1\ntasks: [{id: shell, run: exit 1}]\n"
    (tmp_path / "plain.yaml").write_text(spec)
    result = cli("run", "plain", "--dry-run", "--configs", str(tmp_path))
    assert (result.code, result.out.count("no task sends")) == (0, 1)
