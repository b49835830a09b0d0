"""A folder into which files fall: each is loaded once, through a real Airflow and PostgreSQL."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from factory.in_airflow.operators.ingest import list_files
from factory.in_airflow.operators.ingest.to_parquet import ToParquet
from factory.stores import open_uri
from factory.stores.model import Place

from ...stores.contract import put
from ..pipelines import DAY, Run
from .test_ingest import Shop, shop

__all__ = ["shop"]

MODES = ["{mode: append}", "{mode: merge, key: [id]}"]


class Drop:
    """A folder, and the step that reads it."""

    def __init__(self, shop: Shop, folder: Place) -> None:
        self.shop, self.folder = shop, folder

    def fall(self, name: str, *ids: int) -> None:
        text = "".join(f"{number}\n" for number in ids)
        put(self.folder.below(name), f"id\n{text}".encode())

    def run(self, day: int = 0, options: str = "", write: str = MODES[0], **more: Any) -> Run:
        source = f'{{type: file, path: "{self.folder.uri}/*.csv", format: csv, only_new: true'
        spec = SPEC.format(source=source + options + "}", write=write, schema=self.shop.schema)
        self.shop.pipelines.write("shop.yaml", spec)
        return self.shop.pipelines.run("shop", logical_date=DAY + timedelta(days=day), **more)

    def ids(self) -> list[int]:
        return [row[0] for row in self.shop.rows()]


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
"""


@pytest.fixture
def drop(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drop:
    from airflow.models.dagrun import DagRun

    # a day's run that is run again is the same one, as if it had been cleared
    same = staticmethod(lambda *, logical_date, **_: f"manual__{logical_date:%Y-%m-%d}")
    monkeypatch.setattr(DagRun, "generate_run_id", same)
    return Drop(shop, open_uri(f"{tmp_path.as_uri()}/drop"))


@pytest.mark.parametrize("write", MODES)
def test_each_file_is_loaded_once(drop: Drop, write: str) -> None:
    drop.fall("orders_1.csv", 1, 2)
    assert drop.run(write=write).state == "success"
    drop.fall("orders_2.csv", 3)
    run = drop.run(1, write=write)
    assert run.state == "success"
    assert ".orders: 1 of 2 files" in run.log
    assert drop.ids() == [1, 2, 3]
    run = drop.run(2, write=write)
    assert run.states["orders.list_files"] == run.states["orders.load"] == "skipped"
    assert run.state == "success"
    assert "no file is new" in run.log
    assert drop.ids() == [1, 2, 3]
    assert drop.shop.staged() == []


def test_a_run_that_is_repeated_looks_at_its_own_files(drop: Drop) -> None:
    drop.fall("1.csv", 1)
    drop.run()
    drop.fall("2.csv", 2)
    drop.run(1)
    drop.fall("3.csv", 3)
    for day in (0, 1, 0):
        run = drop.run(day)
        assert run.state == "success"
        assert run.xcom("orders.list_files") == [{"listed": "listed/00000.json", "files": 1}]
        assert run.xcom("orders.load")["published"] is False
    assert drop.ids() == [1, 2]
    drop.run(2)
    assert drop.ids() == [1, 2, 3]


def test_a_load_that_fails_leaves_its_files_new(drop: Drop) -> None:
    drop.fall("1.csv", 1)
    drop.run()
    put(drop.folder.below("2.csv"), b"id\nx\n")
    assert drop.run(1).state == "failed"
    drop.fall("2.csv", 2)
    drop.fall("3.csv", 3)
    assert drop.run(2).state == "success"
    run = drop.run(1)
    assert run.states["orders.load"] == "skipped"
    assert drop.ids() == [1, 2, 3]


def test_a_file_that_has_changed(drop: Drop) -> None:
    drop.fall("1.csv", 1)
    drop.run()
    drop.fall("1.csv", 1, 2)
    run = drop.run(1)
    assert run.states["orders.list_files"] == "failed"
    assert "1.csv changed after the load of the rows that are in" in run.log
    run = drop.run(2, ", on_changed: ignore")
    assert run.states["orders.list_files"] == "skipped"
    assert drop.run(3, ", on_changed: load").state == "success"
    assert drop.ids() == [1, 1, 2]
    assert drop.run(4).states["orders.list_files"] == "skipped"


@pytest.mark.parametrize("write", MODES)
def test_a_table_that_was_truncated_gets_all_files(drop: Drop, write: str) -> None:
    drop.fall("1.csv", 1)
    drop.run(write=write)
    with psycopg.connect(drop.shop.server.uri, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {drop.shop.schema}.orders".encode())
    drop.fall("2.csv", 2)
    assert drop.run(1, write=write).state == "success"
    assert drop.ids() == [1, 2]
    assert drop.run(2, write=write).states["orders.list_files"] == "skipped"


def test_files_of_any_store(drop: Drop, acme: None) -> None:
    there = Drop(drop.shop, open_uri("acme://box/drop"))
    there.fall("1.csv", 1)
    there.run()
    there.fall("2.csv", 2)
    assert there.run(1).state == "success"
    assert there.ids() == [1, 2]
    assert there.run(2).states["orders.list_files"] == "skipped"


def test_many_files_by_several_tasks(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_files, "SHARE", 1)
    for number in range(20):
        drop.fall(f"{number}.csv", number)
    assert " for 16 tasks" in drop.run().log
    assert drop.ids() == [*range(20)]
    assert drop.run(1).states["orders.list_files"] == "skipped"


def test_a_file_that_is_still_written(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    work = ToParquet.execute

    def execute(self: ToParquet, context: Any) -> Any:
        drop.fall("1.csv", 1, 2)
        return work(self, context)

    drop.fall("1.csv", 1)
    with monkeypatch.context() as patch:
        patch.setattr(ToParquet, "execute", execute)
        run = drop.run()
    assert run.states["orders.to_parquet"] == "failed"
    assert "1.csv changed after it was listed" in run.log
    assert drop.run().state == "success"
    assert drop.ids() == [1, 2]


def test_two_runs_at_once(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    work = ToParquet.execute
    other: list[Any] = []

    def execute(self: ToParquet, context: Any) -> Any:
        done = work(self, context)
        if not other:
            other.append(None)  # the other run is at work, too
            other[0] = drop.run(1).state
        return done

    drop.fall("1.csv", 1)
    monkeypatch.setattr(ToParquet, "execute", execute)
    drop.run()
    assert other == ["success"]
    assert drop.ids() == [1]


def test_a_step_of_another_name(drop: Drop) -> None:
    drop.fall("1.csv", 1)
    drop.run()
    spec = (drop.shop.pipelines.root / "shop.yaml").read_text()
    drop.shop.pipelines.write("shop.yaml", spec.replace("id: orders", "id: renamed"))
    run = drop.shop.pipelines.run("shop", logical_date=DAY + timedelta(days=1))
    assert run.states["renamed.list_files"] == "failed"
    assert "the step shop/orders has loaded" in run.log
    (sql,) = [line for line in run.log.splitlines() if "UPDATE" in line][:1]
    with psycopg.connect(drop.shop.server.uri, autocommit=True) as connection:
        connection.execute(sql[sql.index("UPDATE") : sql.index(". If both")].encode())
    run = drop.shop.pipelines.run("shop", logical_date=DAY + timedelta(days=1))
    assert run.states["renamed.list_files"] == "skipped"


def test_a_file_of_this_run_that_is_gone(drop: Drop) -> None:
    drop.fall("1.csv", 1)
    drop.run()
    os.unlink(drop.folder.below("1.csv").path)
    drop.fall("2.csv", 2)
    run = drop.run()
    assert run.states["orders.list_files"] == "failed"
    assert "1.csv, not there any more" in run.log
    assert drop.run(1).state == "success"
    assert drop.ids() == [1, 2]
