"""Files that are refused, by a real Airflow: which task tells it, and that no table is touched."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from factory_embedded.services.postgres import Server

from ..pipelines import Pipelines

SPEC = """
version: 1
tasks:
  - id: ingest
    uses: ingest
    with:
      source: {{type: file, path: "file://{file}", format: {format}}}
      target:
        {{type: postgres, conn_id: warehouse, table: refused.good, on_schema_change: {policy}}}
      write: {{mode: replace}}
      {more}
"""
HTML = b"<!DOCTYPE html>\n<html><body>Your link has expired</body></html>\n"
LIMITED = b'{"error":"rate limit exceeded","code":429}\n'
LONG = b"contracts_implementation_transactions_payer_additionalIdentifiers_scheme"
NUL = b'{"id":1,"name":"x\\u0000"}\n'


@pytest.fixture
def database(postgres: Server, pipelines: Pipelines) -> Iterator[psycopg.Connection]:
    pipelines.connect_postgres("warehouse", postgres)
    with psycopg.connect(postgres.uri, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA refused CREATE TABLE good (id bigint, name text)")
        connection.execute("INSERT INTO refused.good VALUES (7, 'kept')")
        yield connection
        connection.execute("DROP SCHEMA refused CASCADE")


@pytest.mark.parametrize(
    ("content", "format", "policy", "task", "said"),
    [
        (HTML, "csv", "fail", "to_parquet", "is an HTML page, not CSV: it begins with '<!DOCTYPE"),
        (LIMITED, "csv", "add_columns", "to_parquet", "is a JSON document, not CSV: it begins"),
        (b"a,b\n1,2\n", "csv", "ignore", "load", "none of the load's columns (a, b) is a column"),
        (LONG + b",b\n1,2\n", "csv", "ignore", "to_parquet", f"`rename: {{{LONG.decode()}: …}}`"),
        (NUL, "jsonl", "fail", "to_parquet", "or `columns: {name: binary}`"),
    ],
)
def test_told_by_the_task_that_knows(
    content: bytes,
    format: str,
    policy: str,
    task: str,
    said: str,
    database: psycopg.Connection,
    pipelines: Pipelines,
    tmp_path: Path,
) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    given = {"file": file, "format": format, "policy": policy, "more": ""}
    pipelines.write("refused.yaml", SPEC.format(**given))
    done = pipelines.run("refused")
    failed = [name for name, state in done.states.items() if state == "failed"]
    assert (done.state, failed[0]) == ("failed", f"ingest.{task}")
    assert said in done.log
    assert database.execute("SELECT * FROM refused.good").fetchall() == [(7, "kept")]


def test_a_row_with_a_nul_is_set_aside(
    database: psycopg.Connection, pipelines: Pipelines, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_bytes(NUL + b'{"id":2,"name":"y"}\n')
    given = {"file": file, "format": "jsonl", "policy": "fail", "more": "on_bad_row: quarantine"}
    pipelines.write("refused.yaml", SPEC.format(**given))
    assert pipelines.run("refused").state == "success"
    assert database.execute("SELECT * FROM refused.good").fetchall() == [(2, "y")]
