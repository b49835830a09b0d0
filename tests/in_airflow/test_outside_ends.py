"""A source and a target of another package, run by a real Airflow."""

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from uuid import uuid4

import psycopg
import pyarrow.parquet as pq
import pytest

from factory_embedded.services.postgres import Server
from tests.outside.installing import install, seen

from .pipelines import Pipelines

SPEC = """
version: 1
start_date: 2024-01-01
tasks:
  - id: squares
    uses: ingest
    with:
      source: {{type: acme_numbers, path: "file://{folder}/{{{{ ds }}}}.csv", rows: 1000}}
      target: {{type: acme_folder, path: "file://{folder}/lake"}}
      write: {{mode: {mode}}}
      lineage: [source_file]
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install("acme_ends", tmp_path_factory.mktemp("acme") / "site")


@pytest.fixture(autouse=True)
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with seen(site, monkeypatch):
        yield


STREAM = """
version: 1
start_date: 2024-01-01
tasks:
  - id: counted
    uses: ingest
    with:
      source: {{type: acme_counted, word: "{{{{ ds }}}}", rows: 200100}}
      target: {{type: postgres, conn_id: warehouse, table: {schema}.counted}}
      write: {{mode: append}}
      checks: [{{type: row_count, min: 200100, max: 200100}}]
      lineage: [run_id]
"""


def test_a_stream_of_an_outside_source_goes_into_a_table(
    pipelines: Pipelines, postgres: Server
) -> None:
    schema = f"stream_{uuid4().hex}"
    pipelines.connect_postgres("warehouse", postgres)
    pipelines.write("counted.yaml", STREAM.format(schema=schema))
    with psycopg.connect(postgres.uri, autocommit=True) as database:
        database.execute(f"CREATE SCHEMA {schema}")
        done = pipelines.run("counted")
        assert done.states == {
            "counted.stage": "success",
            "counted.load": "success",
            "counted.clean_up": "success",
            "counted.done": "success",
        }
        query = f"SELECT count(*), max(number), min(word), min(_run_id) FROM {schema}.counted"
        found = database.execute(query).fetchone()
        database.execute(f"DROP SCHEMA {schema} CASCADE")
    assert found == (200_100, 200_100, "2024-01-02", done.run_id)


NUL = """
version: 1
start_date: 2024-01-01
tasks:
  - id: texts
    uses: ingest
    with:
      source: {{type: file, path: "file://{folder}/texts.csv", format: csv}}
      target: {{type: acme_folder, path: "file://{folder}/lake"}}
      write: {{mode: append}}
"""


def test_an_outside_target_that_says_nothing_is_given_what_is_read(
    pipelines: Pipelines, tmp_path: Path
) -> None:
    (tmp_path / "texts.csv").write_bytes(b"id,text\n1,x\0y\n")
    pipelines.write("texts.yaml", NUL.format(folder=tmp_path))
    assert pipelines.run("texts").state == "success"
    (file,) = (tmp_path / "lake").iterdir()
    assert pq.read_table(file).to_pylist() == [{"id": 1, "text": "x\0y"}]


def test_rows_go_from_an_outside_source_into_an_outside_target(
    pipelines: Pipelines, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    pipelines.write("squares.yaml", SPEC.format(folder=tmp_path, mode="append"))
    done = pipelines.run("squares")
    assert done.states == {
        "squares.make": "success",
        "squares.to_parquet": "success",
        "squares.load": "success",
        "squares.clean_up": "success",
        "squares.done": "success",
    }
    assert done.xcom("squares.load")["rows"] == 1000
    (file,) = lake.iterdir()
    rows = pq.read_table(file).to_pylist()
    source = f"file://{tmp_path}/2024-01-02.csv"
    assert rows[-1] == {"number": 1000, "square": 1_000_000, "_source_file": source}
    later = datetime(2024, 1, 3, tzinfo=timezone.utc)
    assert pipelines.run("squares", logical_date=later).state == "success"
    assert len(list(lake.iterdir())) == 2
    pipelines.write("squares.yaml", SPEC.format(folder=tmp_path, mode="replace"))
    assert pipelines.run("squares", logical_date=later).state == "success"
    assert len(list(lake.iterdir())) == 1
