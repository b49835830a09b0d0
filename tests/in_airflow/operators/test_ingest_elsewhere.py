"""An `ingest` whose files wait in a store that is no disk, as they do on one."""

import json
import time

import pytest

from factory.in_airflow.operators.ingest.to_parquet import ToParquet
from factory.stores import is_address, open_uri
from factory.stores.model import Place

from ...stores.contract import there
from .test_ingest import DONE, HTTP, Shop, shop

__all__ = ["shop"]

STAGES = ["memory://stage", "acme://stage/of/all"]


@pytest.fixture(params=STAGES)
def stage(
    request: pytest.FixtureRequest, acme: None, monkeypatch: pytest.MonkeyPatch, shop: Shop
) -> Place:
    place = open_uri(request.param)
    place.store.delete_below("")
    monkeypatch.setenv("FACTORY_STAGE", place.uri)
    return place


def test_files_come_and_go(stage: Place, shop: Shop) -> None:
    shop.offer("OrderID,Total\n1,9.5\n2,7\n")
    run = shop.run(more="lineage: [source_file]")
    assert run.states == DONE
    assert [row[:2] for row in shop.rows()] == [(1, 9.5), (2, 7.0)]
    assert [row[2].rpartition("/")[2] for row in shop.rows()] == ["orders-2024-01-02.csv.gz"] * 2
    assert run.xcom("orders.to_parquet") == {"path": "rows/00000.parquet", "rows": 2}
    assert there(stage) == []
    assert not shop.stage.exists()


def test_after_a_failure_they_stay_until_they_are_old(stage: Place, shop: Shop) -> None:
    shop.offer("id\n1\n2\n")
    failed = shop.run(checks="[{type: row_count, min: 3}]")
    assert failed.states["orders.load"] == "failed"
    run, *_ = there(stage)[0].removeprefix("shop/").split("/")
    assert there(stage) == [
        f"shop/{run}/orders/download/0/orders-2024-01-02.csv.gz",
        f"shop/{run}/orders/rows/00000.parquet",
    ]
    assert f"its files stay in {stage.below('shop', run, 'orders')} until" in failed.log
    assert shop.run().state == "success"
    assert len(there(stage)) == 2
    shop.pipelines.write("_defaults.yaml", "version: 1\nstage_retention: 1s\n")
    time.sleep(1)
    assert shop.run().state == "success"
    assert there(stage) == []


def test_a_file_that_is_gone_is_told(
    stage: Place, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = ToParquet.execute

    def execute(self: ToParquet, context: object) -> object:
        done = work(self, context)  # type: ignore[arg-type]
        stage.store.delete_below(stage.path)
        return done

    shop.offer("id\n1\n")
    monkeypatch.setattr(ToParquet, "execute", execute)
    run = shop.run()
    assert run.states["orders.load"] == "failed"
    assert f"there is no staged file {stage.path}" in run.log


def test_bad_rows_stay(stage: Place, shop: Shop) -> None:
    shop.offer("id,day\n1,2024-01-01\n2,yesterday\n")
    source = HTTP.replace("format: csv", "format: {type: csv, columns: {day: date}}")
    run = shop.run(source=source, more="on_bad_row: quarantine")
    assert run.state == "success"
    (left,) = there(stage)
    assert left.endswith("/orders/quarantine/00000.jsonl")
    with stage.store.open(stage.below(left).path) as file:
        assert json.loads(file.read())["line"] == 3
    assert "rows in quarantine stay in" in run.log


def test_files_are_read_where_they_are(stage: Place, shop: Shop) -> None:
    source = Place(stage.store, "source")
    for number in range(3):
        file = source.below(f"{number} #ä.csv")
        with file.store.writer(file.path) as out:
            out.write(f"id\n{number}\n".encode())
    # what no tasks share is refused, unless a template gives it
    path = source.uri if is_address(source.uri) else f"{{{{ '{source.uri}' }}}}"
    run = shop.run(source=f'{{type: file, path: "{path}/* #ä.csv", format: csv}}')
    assert run.state == "success", run.log
    assert shop.rows() == [(0,), (1,), (2,)]
    assert len(there(source)) == 3
