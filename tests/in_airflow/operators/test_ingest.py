"""An `ingest`, from YAML through a real Airflow into a real PostgreSQL."""

import gzip
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import openpyxl
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.in_airflow.operators.ingest import list_files
from factory.in_airflow.operators.ingest.to_parquet import ToParquet
from factory.in_airflow.storage import run_of
from factory_embedded.services import files
from factory_embedded.services.postgres import Server

from ..pipelines import Pipelines, Run

SPEC = """
version: 1
start_date: 2024-01-01
tasks:
  - id: orders
    uses: ingest
    with:
      source: {source}
      target: {{type: postgres, conn_id: warehouse, table: {schema}.orders}}
      write: {write}
      checks: {checks}
      {more}
"""
HTTP = "{type: http, conn_id: files, url: '/orders-{{ ds }}.csv.gz', format: csv}"
APPEND = "{mode: append}"
DONE = {
    "orders.download": "success",
    "orders.to_parquet": "success",
    "orders.load": "success",
    "orders.clean_up": "success",
    "orders.done": "success",
}


class Shop:
    """A folder that is served, a database, and the pipeline between them."""

    def __init__(self, pipelines: Pipelines, server: Server, folder: Path, schema: str) -> None:
        self.pipelines = pipelines
        self.server = server
        self.folder = folder
        self.schema = schema
        self.stage = pipelines.root.parent / "stage"

    def offer(self, text: str, day: str = "2024-01-02") -> None:
        (self.folder / f"orders-{day}.csv.gz").write_bytes(gzip.compress(text.encode()))

    def run(
        self, *, source: str = HTTP, write: str = APPEND, checks: str = "[]", more: str = ""
    ) -> Run:
        spec = SPEC.format(source=source, write=write, checks=checks, schema=self.schema, more=more)
        self.pipelines.write("shop.yaml", spec)
        return self.pipelines.run("shop")

    def rows(self) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.server.uri) as connection:
            return connection.execute(
                psycopg.sql.SQL("SELECT * FROM {} ORDER BY 1").format(
                    psycopg.sql.Identifier(self.schema, "orders")
                )
            ).fetchall()

    def tables(self) -> set[str]:
        with psycopg.connect(self.server.uri) as connection:
            found = connection.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = %s",
                (self.schema,),
            )
            return {name for (name,) in found}

    def staged(self) -> list[str]:
        return sorted(file.name for file in self.stage.rglob("*") if file.is_file())


@pytest.fixture
def shop(
    pipelines: Pipelines, postgres: Server, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Shop]:
    folder = tmp_path / "served"
    folder.mkdir()
    schema = f"s{abs(hash(request.node.name)) % 10**9}"
    with files.running(folder) as server:
        pipelines.connect_postgres("warehouse", postgres)
        pipelines.connect("files", conn_type="http", host=server.url)
        yield Shop(pipelines, postgres, folder, schema)
    with psycopg.connect(postgres.uri) as connection:
        connection.execute(
            psycopg.sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(
                psycopg.sql.Identifier(schema)
            )
        )


def test_a_served_file_becomes_rows_and_leaves_nothing_on_the_stage(shop: Shop) -> None:
    shop.offer("OrderID,Total\n1,9.5\n2,7\n")
    run = shop.run(checks="[{type: row_count, min: 2}, {type: not_null, columns: [order_id]}]")
    assert run.states == DONE
    assert shop.rows() == [(1, 9.5), (2, 7.0)]
    handed_on = run.xcom("orders.load")
    assert handed_on.pop("seconds") > 0
    assert [check["message"] for check in handed_on.pop("checks")] == [
        "2 rows",
        "no nulls in order_id",
    ]
    assert handed_on == {
        "table": f"{shop.schema}.orders",
        "published": True,
        "read": 2,
        "quarantined": 0,
        "dropped": 0,
        "rows": 2,
    }
    assert shop.staged() == []
    assert shop.tables() == {"orders", "_factory_loads"}


def folder_of_parts(folder: Path, count: int) -> str:
    for number in range(count):
        (folder / f"part-{number}.csv").write_text(f"id;name\n{number};n{number}\n")
    return (
        f"{{type: file, path: '{folder.as_uri()}/part-*.csv', "
        'format: {type: csv, delimiter: ";"}}'
    )


def test_files_on_disk_are_read_where_they_are(shop: Shop, tmp_path: Path) -> None:
    run = shop.run(source=folder_of_parts(tmp_path, 2))
    assert run.state == "success"
    assert shop.rows() == [(0, "n0"), (1, "n1")]
    assert (tmp_path / "part-1.csv").exists()
    assert shop.staged() == []


def test_tasks_share_many_files(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_files, "SHARE", 1)
    run = shop.run(source=folder_of_parts(tmp_path, 20))
    assert run.state == "success"
    assert run.log.count("end task task_id=orders.to_parquet map_index=") % 16 == 0
    assert " for 16 tasks" in run.log
    assert "part-19.csv: 1 row read" in run.log
    assert ": 20 rows read, 20 published by " in run.log
    assert shop.rows() == [(number, f"n{number}") for number in range(20)]
    assert shop.staged() == []


def test_a_file_that_is_taken_away_is_not_loaded_when_the_run_is_cleared(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow keeps what its task had returned, and the stage what it had left."""
    monkeypatch.setattr(list_files, "SHARE", 1)
    source = folder_of_parts(tmp_path, 3)
    run = shop.run(source=source, checks="[{type: row_count, max: 2}]")
    assert run.states["orders.load"] == "failed"
    (tmp_path / "part-2.csv").unlink()
    run = shop.pipelines.anew(run)
    assert run.state == "success", run.log[-4000:]
    assert shop.rows() == [(0, "n0"), (1, "n1")]


@pytest.mark.parametrize("share", [1, 0])
def test_a_conversion_that_is_marked_a_success_is_missed(
    share: int, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that hands nothing on, for it has not done its work."""
    monkeypatch.setattr(list_files, "SHARE", 1)
    work = ToParquet.execute

    def execute(self: ToParquet, context: Any) -> Any:
        marked = context["task_instance"].map_index == share
        return None if marked else work(self, context)

    source = folder_of_parts(tmp_path, 2 + share)
    with monkeypatch.context() as patch:
        patch.setattr(ToParquet, "execute", execute)
        run = shop.run(source=source, write="{mode: replace}")
    assert run.states["orders.load"] == "failed"
    said = f"{2 + share} tasks of orders.to_parquet succeeded, but {1 + share} have handed some"
    assert said in run.log
    assert shop.run(source=source, write="{mode: replace}").state == "success"
    assert len(shop.rows()) == 2 + share


def test_a_document_in_an_envelope_is_downloaded(shop: Shop) -> None:
    rows = [{"OrderID": 1, "o": {"x": [1.50]}}, {"OrderID": "two"}, {"OrderID": 3, "o": None}]
    (shop.folder / "orders.json").write_text(json.dumps({"n": 3, "data": rows}, indent=1))
    form = "{type: json, records: data, columns: {order_id: bigint, o: json}}"
    source = f"{{type: http, conn_id: files, url: /orders.json, format: {form}}}"
    run = shop.run(source=source, more="on_bad_row: quarantine")
    assert run.states == DONE
    assert [(key, json.loads(o or "null")) for key, o in shop.rows()] == [
        (1, {"x": [1.5]}),
        (3, None),
    ]
    (left,) = shop.stage.rglob("*/quarantine/*.jsonl")
    assert "row 2 of the array: column 'order_id'" in json.loads(left.read_text())["reason"]


def test_a_sheet_on_disk(shop: Shop, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["a title"], ["OrderID", "On", "Zip"], [1, date(2024, 2, 29), "007"]):
        book.active.append(row)
    book.save(tmp_path / "orders.xlsx")
    source = (
        f"{{type: file, path: 'file://{tmp_path}/*.xlsx', format: {{type: xlsx, skip_rows: 1}}}}"
    )
    assert shop.run(source=source).states["orders.load"] == "success"
    assert shop.rows() == [(1, date(2024, 2, 29), "007")]


def test_no_file_fails_or_skips_as_it_is_told(shop: Shop, tmp_path: Path) -> None:
    source = f"{{type: file, path: '{tmp_path.as_uri()}/none-*.csv', format: csv"
    run = shop.run(source=source + "}")
    assert run.states["orders.list_files"] == "failed"
    assert f"no file matches '{tmp_path}/none-*.csv'" in run.log
    assert "`on_missing: skip` skips the step" in run.log
    run = shop.run(source=source + ", on_missing: skip}")
    assert run.state == "success"
    assert run.states["orders.list_files"] == run.states["orders.load"] == "skipped"
    assert shop.staged() == []


def test_bad_rows_stay_in_quarantine_when_all_else_goes(shop: Shop) -> None:
    shop.offer("id,day\n1,2024-01-01\n2,yesterday\n3,2024-01-03\n")
    source = HTTP.replace("format: csv", "format: {type: csv, columns: {day: date}}")
    assert shop.run(source=source).states["orders.to_parquet"] == "failed"
    run = shop.run(source=source, more="on_bad_row: quarantine")
    assert run.state == "success"
    assert [row[0] for row in shop.rows()] == [1, 3]
    (left,) = shop.stage.rglob("*/quarantine/*.jsonl")
    bad = json.loads(left.read_text())
    assert (bad["line"], bad["row"]) == (3, "2,yesterday")
    assert "rows in quarantine stay in" in run.log


def test_what_failed_runs_left_goes_when_it_is_old(shop: Shop) -> None:
    shop.offer("id\n1\n")
    assert shop.run(checks="[{type: row_count, min: 2}]").state == "failed"
    (kept,) = (shop.stage / "shop").iterdir()
    shop.run(checks="[{type: row_count, min: 2}]")
    assert kept.exists()
    long_ago = time.time() - 8 * 86400
    for path in (kept, *kept.rglob("*")):
        os.utime(path, (long_ago, long_ago))
    shop.run()
    assert not kept.exists()
    assert len(list((shop.stage / "shop").iterdir())) == 1


def test_what_is_of_a_run_that_goes_on_stays_however_old(shop: Shop) -> None:
    shop.offer("id\n1\n")
    waiting = shop.run(checks="[{type: row_count, min: 2}]")
    (kept,) = (shop.stage / "shop").iterdir()
    assert run_of(kept.name) == waiting.run_id
    somebodys = kept.parent / "my-notes"
    (somebodys / "orders").mkdir(parents=True)
    long_ago = time.time() - 8 * 86400
    for folder in (kept, somebodys):
        for path in (folder, *folder.rglob("*")):
            os.utime(path, (long_ago, long_ago))
    with now(waiting, "running"):
        run = shop.run()
    assert run.state == "success", run.log
    assert kept.exists()
    assert f"{kept} stays, though nothing in it changed" in run.log
    shop.run()
    assert not kept.exists()
    assert somebodys.exists()


@contextmanager
def now(run: Run, state: str) -> Iterator[None]:
    """Another run, of this id, in this state. (That which it was is gone, its date run again.)"""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import delete, insert

    day = datetime(2024, 1, 9, tzinfo=timezone.utc)
    with create_session() as session:
        session.execute(delete(DagRun).where(DagRun.run_id == run.run_id))
        session.execute(
            insert(DagRun).values(
                dag_id=run.dag_id,
                run_id=run.run_id,
                state=state,
                logical_date=day,
                run_after=day,
                run_type="manual",
            )
        )
    yield
    with create_session() as session:
        session.execute(delete(DagRun).where(DagRun.run_id == run.run_id))


def test_lineage_tells_where_a_row_came_from(shop: Shop, tmp_path: Path) -> None:
    run = shop.run(source=folder_of_parts(tmp_path, 2), more="lineage: [source_file, run_id]")
    assert run.state == "success"
    assert [row[2:] for row in shop.rows()] == [
        (f"{tmp_path.as_uri()}/part-{number}.csv", run.run_id) for number in range(2)
    ]


def test_lineage_tells_the_address_of_a_download_without_its_query(shop: Shop) -> None:
    shop.offer("id\n1\n")
    source = HTTP.replace(".csv.gz", ".csv.gz?token=s3cret-word")
    run = shop.run(source=source, more="lineage: [source_file]")
    assert run.state == "success"
    ((_, address),) = shop.rows()
    assert address.startswith("http://127.0.0.1:")
    assert address.endswith("/orders-2024-01-02.csv.gz")


def test_a_failed_check_publishes_nothing_and_keeps_what_was_there(shop: Shop) -> None:
    shop.offer("id,total\n1,1\n")
    assert shop.run().state == "success"
    shop.offer("id,total\n2,\n3,\n")
    run = shop.run(checks="[{type: not_null, columns: [total]}]")
    assert run.state == "failed"
    assert run.states["orders.load"] == "failed"
    assert "total is null in 2 rows" in run.log
    (check,) = run.xcom("orders.load", "checks")
    assert check["measured"] == {"nulls": {"total": 2}}
    assert shop.rows() == [(1, 1)]


def test_after_a_failure_the_staged_files_stay(shop: Shop) -> None:
    shop.offer("id\n1\n")
    run = shop.run(checks="[{type: row_count, min: 2}]")
    assert run.state == "failed"
    assert run.states["orders.clean_up"] == "success"
    assert shop.staged() == [
        ".orders-2024-01-02.csv.gz.json",
        "00000.parquet",
        "orders-2024-01-02.csv.gz",
    ]
    assert "its files stay in" in run.log


def test_a_missing_file_fails_the_run_and_says_which(shop: Shop) -> None:
    run = shop.run()
    assert run.state == "failed"
    assert run.states["orders.download"] == "failed"
    assert "/orders-2024-01-02.csv.gz does not exist (HTTP 404)" in run.log


def test_merge_updates_by_key(shop: Shop) -> None:
    merge = "{mode: merge, key: [id]}"
    shop.offer("id,total\n1,1\n2,2\n")
    shop.run(write=merge)
    shop.offer("id,total\n2,20\n3,3\n")
    assert shop.run(write=merge).state == "success"
    assert shop.rows() == [(1, 1), (2, 20), (3, 3)]


def test_replace_leaves_only_the_new_rows(shop: Shop) -> None:
    shop.offer("id\n1\n2\n")
    shop.run(write="{mode: replace}")
    shop.offer("id\n3\n")
    assert shop.run(write="{mode: replace}").state == "success"
    assert shop.rows() == [(3,)]


def test_a_month_of_digits_alone_fits_the_table_that_another_made(shop: Shop) -> None:
    """As texts, and as doubles: `to_parquet` asks the table."""
    shop.offer("zip,fee\n01234,2.75\n99501,0\n")
    assert shop.run().state == "success"
    shop.offer("zip,fee\n99501,1\n1E5,5\n")
    assert shop.run().state == "success"
    assert shop.rows() == [("01234", 2.75), ("1E5", 5.0), ("99501", 0.0), ("99501", 1.0)]


def test_a_column_without_a_value_takes_the_type_of_the_first(shop: Shop) -> None:
    folder = shop.folder
    none, some = pa.nulls(1), pa.array([1.5])
    for part, fee in (("1", none), ("2", some)):
        pq.write_table(pa.table({"id": [int(part)], "fee": fee}), folder / f"{part}.parquet")
        path = f"file://{folder}/{part}.parquet"
        source = f"{{type: file, path: '{path}', format: parquet}}"
        assert shop.run(source=source).state == "success"
    assert shop.rows() == [(1, None), (2, 1.5)]


def test_no_password_reaches_the_log_or_the_rendered_fields(shop: Shop, postgres: Server) -> None:
    shop.pipelines.connect_postgres(
        "warehouse", postgres, password="s3cret-word", schema="no_such_database"
    )
    shop.offer("id\n1\n")
    run = shop.run()
    assert run.states["orders.load"] == "failed"
    assert "no_such_database" in run.log
    assert "s3cret-word" not in run.log
