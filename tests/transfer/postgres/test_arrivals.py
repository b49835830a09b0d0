"""Which files are in a table, on a real server."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.definitions.writes import Append
from factory.stores.disk import Disk
from factory.transfer.errors import BadRow, Missing, TransferError
from factory.transfer.postgres import ledger
from factory.transfer.postgres.load import load
from factory.transfer.postgres.table import Table
from factory.transfer.postgres.warehouse import WAREHOUSE
from factory.transfer.snowflake.names import table as in_snowflake
from factory.transfer.warehouse.arrivals import (
    Arrival,
    Arrivals,
    KeepsFiles,
    Known,
    choose,
    refuse_renamed,
)

from .conftest import Warehouse

ROW = {"id": [1]}
STEP = "shop/orders"


def arrived(*names: str, before: str | None = None, version: str = "v1") -> Arrivals:
    return Arrivals(STEP, [Arrival(name, 1, version, before) for name in names])


def known(warehouse: Warehouse, table: str = "trips") -> Mapping[str, Known]:
    assert isinstance(WAREHOUSE, KeepsFiles)
    with WAREHOUSE.connected(warehouse.uri, 10) as session:
        return WAREHOUSE.files_in(session, Table(warehouse.schema, table)).get(STEP, {})


def test_files_are_in_with_their_rows(warehouse: Warehouse) -> None:
    assert known(warehouse) == {}
    warehouse.load(ROW, arrivals=arrived("a", "b"))
    assert known(warehouse) == {"a": Known("v1", "run 1"), "b": Known("v1", "run 1")}
    warehouse.load(ROW, load_id="run 2", arrivals=arrived("ä\n'c"))
    assert set(known(warehouse)) == {"a", "b", "ä\n'c"}
    checks = [{"type": "row_count", "min": 2}]
    with pytest.raises(TransferError, match="1 check failed"):
        warehouse.load(ROW, load_id="run 3", checks=checks, arrivals=arrived("d"))
    assert "d" not in known(warehouse)


def test_a_file_that_two_runs_have_chosen(warehouse: Warehouse) -> None:
    warehouse.load(ROW, arrivals=arrived("a", "b"))
    with pytest.raises(TransferError, match="run 1 has loaded b since this run chose") as told:
        warehouse.load(ROW, load_id="run 2", arrivals=arrived("b", "c"))
    assert "Clear the whole group" in (told.value.hint or "")
    assert warehouse.rows() == [(1,)]
    assert set(known(warehouse)) == {"a", "b"}


def test_many_runs_at_once(warehouse: Warehouse) -> None:
    path = str(warehouse.stage / "row.parquet")
    pq.write_table(pa.table(ROW), path)
    options: dict[str, Any] = {"table": f"{warehouse.schema}.trips", "write": Append()}

    def one(number: int) -> str:
        given = {**options, "load_id": f"run {number}", "arrivals": arrived("a")}
        try:
            load(warehouse.uri, Disk(), [path], **given)
        except TransferError as error:
            return error.message
        return "loaded"

    with ThreadPoolExecutor(6) as pool:
        said = [*pool.map(one, range(6))]
    assert said.count("loaded") == 1
    assert sum("has loaded a since this run chose" in message for message in said) == 5
    assert warehouse.rows() == [(1,)]
    assert warehouse.locks() == []


def test_a_file_that_is_loaded_again_on_purpose(warehouse: Warehouse) -> None:
    warehouse.load(ROW, arrivals=arrived("a", "b"))
    again = arrived("a", before="run 1", version="v2")
    warehouse.load(ROW, load_id="run 2", arrivals=again)
    assert known(warehouse) == {"a": Known("v2", "run 2"), "b": Known("v1", "run 1")}
    with pytest.raises(TransferError, match="run 2 has loaded a since"):
        warehouse.load(ROW, load_id="run 3", arrivals=again)


def test_what_a_load_without_it_brought_in_is_noted_when_it_is_repeated(
    warehouse: Warehouse,
) -> None:
    warehouse.load(ROW)
    assert not warehouse.load(ROW, arrivals=arrived("a")).published
    assert set(known(warehouse)) == {"a"}
    assert warehouse.rows() == [(1,)]


def test_rows_that_are_gone_for_certain(warehouse: Warehouse) -> None:
    warehouse.load(ROW, arrivals=arrived("a"))
    for statement in ("TRUNCATE {}", "DROP TABLE {}"):
        warehouse.run(statement)
        assert known(warehouse) == {}
        warehouse.load(ROW, load_id="run 2", arrivals=arrived("a"))
        assert set(known(warehouse)) == {"a"}
        assert warehouse.rows() == [(1,)]


def test_rows_that_are_deleted_one_by_one_stay_in(warehouse: Warehouse) -> None:
    warehouse.load(ROW, arrivals=arrived("a"))
    warehouse.run("DELETE FROM {}")
    assert set(known(warehouse)) == {"a"}
    warehouse.run("VACUUM {}")
    assert set(known(warehouse)) == {"a"}


def test_where_nobody_can_tell(warehouse: Warehouse) -> None:
    warehouse.load(ROW, arrivals=arrived("a"))
    warehouse.run("TRUNCATE {}")
    warehouse.run("ANALYZE {}")
    with pytest.raises(TransferError, match="by TRUNCATE, or were the rows deleted") as told:
        known(warehouse)
    hint = told.value.hint or ""
    with psycopg.connect(warehouse.uri, autocommit=True) as connection:
        connection.execute(hint[hint.index("DELETE") :].encode())
    assert known(warehouse) == {}


def test_a_table_of_another_name_is_the_same(warehouse: Warehouse) -> None:
    warehouse.load(ROW, arrivals=arrived("a"))
    warehouse.run("ALTER TABLE {} RENAME TO other")
    assert known(warehouse) == {}
    assert set(known(warehouse, "other")) == {"a"}


def test_a_load_that_a_person_forgets_forgets_its_files(warehouse: Warehouse) -> None:
    warehouse.load(ROW, arrivals=arrived("a"))
    warehouse.load(ROW, load_id="run 2", arrivals=arrived("b"))
    warehouse.run("DELETE FROM {} WHERE load_id = 'run 2'", ledger.NAME)
    assert set(known(warehouse)) == {"a"}


def test_files_of_a_run_that_lost_its_rows_and_loads_others(warehouse: Warehouse) -> None:
    warehouse.load(ROW, arrivals=arrived("a", "b"))
    warehouse.run("TRUNCATE {}")
    warehouse.load(ROW, arrivals=arrived("a", "c"))
    assert set(known(warehouse)) == {"a", "c"}


def test_an_empty_file_is_in(warehouse: Warehouse) -> None:
    warehouse.load(ROW, arrivals=arrived("a"))
    warehouse.load({"id": []}, load_id="run 2", arrivals=arrived("b"))
    assert set(known(warehouse)) == {"a", "b"}


LOAD = """
import sys
from factory.stores.disk import Disk
from factory.transfer.postgres import load, publish
from factory.definitions import writes
from factory.transfer.warehouse.arrivals import Arrival, Arrivals
uri, path, table = sys.argv[1:]
def stop(*args, **kwargs):
    print("here", flush=True)
    sys.stdin.read()
publish.ledger.record = stop
load.load(uri, Disk(), [path], table=table, write=writes.parse({"mode": "append"}),
          load_id="run 2", arrivals=Arrivals("shop/orders", [Arrival("b", 1, "v1")]))
"""


def test_killed_in_the_publish(warehouse: Warehouse) -> None:
    warehouse.load(ROW, arrivals=arrived("a"))
    path = str(warehouse.stage / "data-0.parquet")
    arguments = [warehouse.uri, path, f"{warehouse.schema}.trips"]
    with subprocess.Popen(
        [sys.executable, "-c", LOAD, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        os.kill(process.pid, signal.SIGKILL)
    assert set(known(warehouse)) == {"a"}
    assert warehouse.rows() == [(1,)]
    for _ in range(2):
        warehouse.load(ROW, load_id="run 2", arrivals=arrived("b"))
        assert set(known(warehouse)) == {"a", "b"}
        assert warehouse.rows() == [(1,), (1,)]


LISTED = [Arrival("a", 1, "v1"), Arrival("b", 1, "v1"), Arrival("c", 2, "v2")]


def test_what_is_chosen() -> None:
    assert choose(LISTED, {}, "run 1", "fail") == LISTED
    seen = {"a": Known("v1", "run 0"), "gone": Known("v1", "run 0")}
    assert [file.uri for file in choose(LISTED, seen, "run 1", "fail")] == ["b", "c"]
    seen["c"] = Known("v1", "run 1")
    assert [file.uri for file in choose(LISTED, seen, "run 1", "fail")] == ["c"]
    with pytest.raises(BadRow, match="c changed after the load"):
        choose(LISTED, seen, "run 2", "fail")
    assert [file.uri for file in choose(LISTED, seen, "run 2", "ignore")] == ["b"]
    assert choose(LISTED, seen, "run 2", "load")[1] == Arrival("c", 2, "v2", "run 1")
    with pytest.raises(Missing, match="this run has loaded gone, not there any more"):
        choose(LISTED, seen, "run 0", "fail")


def test_a_step_that_was_renamed() -> None:
    seen = {"shop/old": {"a": Known("v1", "run 0")}}
    with pytest.raises(TransferError, match="the step shop/old has loaded a into"):
        refuse_renamed(LISTED, seen, STEP, [], Table("raw", "x"), "postgres")
    settles = "UPDATE {} SET step = 'shop/orders' WHERE step = 'shop/old' AND table_name = 'X'"
    for dialect, table, files in (
        ("postgres", Table("Raw", "X"), '"Raw"."_factory_files"'),
        ("mysql", Table("order", "X"), "`order`.`_factory_files`"),
        ("snowflake", in_snowflake("db.order.x"), '"DB"."ORDER"."_FACTORY_FILES"'),
    ):
        with pytest.raises(TransferError) as told:
            refuse_renamed(LISTED, seen, STEP, [], table, dialect)
        assert settles.format(files) in (told.value.hint or "")
    refuse_renamed(
        LISTED, seen, STEP, ["shop/old"], Table("raw", "x"), "postgres"
    )  # it is there, and means to
    refuse_renamed(LISTED[1:], seen, STEP, [], Table("raw", "x"), "postgres")
    refuse_renamed(
        LISTED, {**seen, STEP: {"z": Known("v1", "run 0")}}, STEP, [], Table("raw", "x"), "postgres"
    )
