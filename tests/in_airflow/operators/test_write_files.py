"""An `ingest` into files, from YAML through a real Airflow into a disk and another store."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pyarrow.parquet as pq
import pytest

from factory.stores import open_uri
from factory.stores.model import Place
from factory_embedded.services.postgres import Server
from tests.stores.contract import there

from ..lakes import SCHEMES
from ..lakes import lake as bucket_of
from ..pipelines import Pipelines, Run

SPEC = """
version: 1
schedule: {{cron: "0 6 * * *", covers: previous_day}}
start_date: 2024-01-01
tasks:
  - id: orders
    uses: ingest
    with:
      source: {{type: file, path: "file://{folder}/{source}", format: csv}}
      target: {{type: file, path: "{lake}"{more}}}
      write: {{mode: {mode}}}
      checks: {checks}
      lineage: [run_id]
"""
DONE = {
    "orders.list_files": "success",
    "orders.to_parquet": "success",
    "orders.load": "success",
    "orders.clean_up": "success",
    "orders.done": "success",
}


@pytest.fixture(params=["disk", "acme"])
def lake(request: pytest.FixtureRequest, tmp_path: Path, acme: None) -> Place:
    return open_uri(f"file://{tmp_path}/lake" if request.param == "disk" else "acme://lake/orders")


class Shop:
    """Files, and the pipeline that makes others of them."""

    def __init__(self, pipelines: Pipelines, folder: Path, lake: Place) -> None:
        self.pipelines, self.folder, self.lake = pipelines, folder, lake

    def run(
        self,
        *,
        more: str = "",
        mode: str = "append",
        source: str = "orders-*.csv",
        checks: str = "[]",
        lake: str = "",
        day: int = 2,
    ) -> Run:
        spec = SPEC.format(
            folder=self.folder,
            source=source,
            lake=lake or self.lake.uri,
            more=more,
            mode=mode,
            checks=checks,
        )
        self.pipelines.write("shop.yaml", spec)
        return self.pipelines.run("shop", logical_date=datetime(2024, 1, day, tzinfo=timezone.utc))

    def offer(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def data(self) -> list[str]:
        return [path for path in there(self.lake) if not path.rpartition("/")[2].startswith("_")]

    def read(self, path: str) -> bytes:
        with self.lake.store.open(self.lake.below(path).path) as file:
            return file.read()

    def parquet(self) -> list[dict[str, Any]]:
        names = (path for path in self.data() if path.endswith(".parquet"))
        return [row for n in names for row in pq.read_table(io.BytesIO(self.read(n))).to_pylist()]


@pytest.fixture
def shop(pipelines: Pipelines, tmp_path: Path, lake: Place) -> Shop:
    return Shop(pipelines, tmp_path, lake)


def events(run: Run) -> list[dict[str, Any]]:
    """What was told to those who wait for what the run updates."""
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session

    with create_session() as session:
        found = session.query(AssetEvent).filter_by(source_run_id=run.run_id).all()
        return [{"uri": event.asset.uri, **event.extra} for event in found]


def test_files_become_files_that_others_read(shop: Shop) -> None:
    shop.offer("orders-1.csv", "id,country,at\n1,DE,2024-01-01T10:00:00Z\n2,FR,\n")
    shop.offer("orders-2.csv", "id,country,at\n3,DE,2024-01-02T10:00:00Z\n")
    run = shop.run(
        more=", partition_by: [country]",
        checks="[{type: row_count, min: 3}, {type: not_null, columns: [id]}]",
    )
    assert run.states == DONE, run.log
    assert {path.rpartition("/")[0] for path in shop.data() if "manifests" not in path} == {
        "country=DE",
        "country=FR",
    }
    assert sorted(row["id"] for row in shop.parquet()) == [1, 2, 3]
    handed_on = run.xcom("orders.load")
    assert handed_on["rows"] == 3
    assert [check["message"] for check in handed_on["checks"]] == ["3 rows", "no nulls in id"]
    told = json.loads(shop.read("_SUCCESS"))
    assert told == {
        "manifest": handed_on["manifest"],
        "rows": 3,
        "bytes": handed_on["bytes"],
        "files": handed_on["files"],
    }
    (event,) = events(run)
    assert event["uri"] == shop.lake.uri
    assert (event["rows"], event["files"], event["bytes"]) == (
        3,
        handed_on["files"],
        handed_on["bytes"],
    )
    assert "3 rows read, 3 published by append" in run.log


def test_a_run_that_is_repeated_and_one_that_replaces(shop: Shop) -> None:
    shop.offer("orders-1.csv", "id\n1\n2\n")
    for _ in range(2):
        assert shop.run().state == "success"
        assert [row["id"] for row in shop.parquet()] == [1, 2]
    assert shop.run(day=3).state == "success"
    assert [row["id"] for row in shop.parquet()] == [1, 2, 1, 2]
    assert shop.run(day=4, mode="replace", more=", prefix: o").state == "success"
    assert [row["id"] for row in shop.parquet()] == [1, 2]
    failed = shop.run(day=5, mode="replace", checks="[{type: range, column: id, max: 1}]")
    assert failed.states["orders.load"] == "failed"
    assert "id is from 1 to 2, expected at most 1" in failed.log
    assert "what a manifest names is whole" in failed.log
    assert failed.xcom("orders.load", "checks")[0]["passed"] is False
    assert len(shop.parquet()) == 2


def test_a_folder_for_each_day_in_another_format(shop: Shop) -> None:
    for day in (2, 3):
        shop.offer(f"orders-2024-01-0{day}.csv", f'id,name\n{day},"a ""b"""\n')
    for day in (2, 3):
        run = shop.run(
            lake=f"{shop.lake.uri}/day={{{{ interval.day }}}}",
            source="orders-{{ interval.day }}.csv",
            more=", format: {type: csv, delimiter: ';'}",
            mode="replace",
            day=day,
        )
        assert run.state == "success", run.log
    names = [path for path in shop.data() if path.endswith(".csv")]
    assert [name.partition("/")[0] for name in names] == ["day=2024-01-02", "day=2024-01-03"]
    rows = list(csv.reader(io.StringIO(shop.read(names[1]).decode()), delimiter=";"))
    assert rows[0] == ["id", "name", "_run_id"]
    assert rows[1][:2] == ["3", 'a "b"']


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_bucket_that_is_not_there_is_told_with_what_to_do(
    scheme: str, pipelines: Pipelines, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    lake = bucket_of(scheme, request, pipelines, "written")
    shop = Shop(pipelines, tmp_path, lake)
    shop.offer("orders-1.csv", "id\n1\n")
    for mode in ("append", "replace"):
        run = shop.run(lake=f"{scheme}://lake@no-such-bucket/x", mode=mode)
        assert run.states["orders.load"] == "failed"
        assert "there is no bucket 'no-such-bucket' for the connection 'lake'" in run.log
        assert "hint: correct the bucket's name, or create it" in run.log


@pytest.mark.parametrize("scheme", SCHEMES)
def test_in_a_bucket_who_waits_for_the_folder_knows_no_connection(
    scheme: str, pipelines: Pipelines, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    lake = bucket_of(scheme, request, pipelines, "written").below("orders")
    shop = Shop(pipelines, tmp_path, lake)
    shop.offer("orders-1.csv", "id,country\n1,DE\n2,\n")
    for _ in range(2):
        run = shop.run(more=", partition_by: [country]", mode="replace")
        assert run.state == "success", run.log
        assert sorted(row["id"] for row in shop.parquet()) == [1, 2]
    assert [event["uri"] for event in events(run)] == [f"{scheme}://written/orders"]


@pytest.mark.parametrize("format", ["csv", "jsonl"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_in_a_bucket_in_other_formats(
    scheme: str, format: str, pipelines: Pipelines, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    lake = bucket_of(scheme, request, pipelines, "written").below(format)
    shop = Shop(pipelines, tmp_path, lake)
    shop.offer("orders-1.csv", "id\n1\n2\n")
    run = shop.run(more=f", format: {format}")
    assert run.state == "success", run.log
    (name,) = (path for path in shop.data() if path.endswith(f".{format}"))
    assert len(shop.read(name).splitlines()) == (3 if format == "csv" else 2)
    told = json.loads(shop.read("_SUCCESS"))
    assert told["rows"] == 2
    assert json.loads(shop.read(told["manifest"]))


FROM_TABLE = """
version: 1
tasks:
  - id: orders
    uses: ingest
    with:
      source: {{type: postgres, conn_id: shop, table: {table}, split: {{column: id, parts: 3}}}}
      target: {{type: file, path: "file://{folder}/lake", partition_by: [country]}}
      write: {{mode: replace}}
"""


def test_a_table_that_is_read_in_parts_becomes_files(
    pipelines: Pipelines, tmp_path: Path, postgres: Server
) -> None:
    table = f"orders_{uuid4().hex}"
    pipelines.connect_postgres("shop", postgres)
    pipelines.write("table.yaml", FROM_TABLE.format(folder=tmp_path, table=f"public.{table}"))
    with psycopg.connect(postgres.uri, autocommit=True) as database:
        database.execute(
            f"CREATE TABLE {table} AS SELECT id, (id / 3.0)::numeric(12, 4) AS total,"
            " CASE id % 2 WHEN 0 THEN 'DE' END AS country FROM generate_series(1, 900) AS id"
        )
        try:
            run = pipelines.run("table")
        finally:
            database.execute(f"DROP TABLE {table}")
    assert run.state == "success", run.log
    found = [
        row
        for file in (tmp_path / "lake").rglob("*.parquet")
        for row in pq.ParquetFile(file).read().to_pylist()
    ]
    assert sorted(row["id"] for row in found) == [*range(1, 901)]
    assert {row["total"] for row in found if row["id"] == 10} == {Decimal("3.3333")}
