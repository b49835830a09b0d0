"""Columns of the load and of its target: `on_schema_change`; and several files in one load."""

import datetime as dt
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.transfer.counts import Counts
from factory.transfer.errors import BadOption, BadRow, SchemaChanged, TransferError
from factory.transfer.postgres import columns
from factory.transfer.warehouse import parquet

from ...stores.folders import Folder
from .conftest import APPEND, REPLACE, Warehouse, on_both_stores

MERGE = {"mode": "merge", "key": ["id"]}
DAY = dt.date(2024, 1, 2)
PARTITION = {"mode": "partition", "column": "day", "start": "2024-01-01", "end": "2024-02-01"}
WRITES = pytest.mark.parametrize(
    "write", [APPEND, REPLACE, MERGE, PARTITION], ids=lambda write: write["mode"]
)


def rows(*ids: int, **more: Any) -> dict[str, list[Any]]:
    more = {name: [value] * len(ids) for name, value in more.items()}
    return {"id": list(ids), "day": [DAY] * len(ids), **more}


@WRITES
@pytest.mark.parametrize("hung", [False, True], ids=["plain", "with a view"])
def test_new_columns_are_added(write: dict[str, Any], hung: bool, warehouse: Warehouse) -> None:
    warehouse.load(rows(1), write)
    if hung:
        warehouse.run("CREATE VIEW {} AS SELECT * FROM {}", "v", "trips")
    data = {"new": [7], **rows(2)}
    with pytest.raises(SchemaChanged, match=r"it has no column 'new' \(bigint\)"):
        warehouse.load(data, write, load_id="run 2")
    warehouse.load(data, write, load_id="run 2", on_schema_change="add_columns")
    kept = [] if write["mode"] in ("replace", "partition") else [(1, DAY, None)]
    assert warehouse.rows() == [*kept, (2, DAY, 7)]


@WRITES
def test_new_columns_are_ignored(
    write: dict[str, Any], warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse.load(rows(1), write)
    warehouse.load(rows(1, new="x"), write, load_id="run 2", on_schema_change="ignore")
    assert set(warehouse.rows()) == {(1, DAY)}
    assert "does not have the columns ['new']: ignored" in caplog.text


@WRITES
@pytest.mark.parametrize("policy", ["add_columns", "ignore"])
def test_columns_that_the_load_lacks(
    policy: str, write: dict[str, Any], warehouse: Warehouse
) -> None:
    warehouse.run("CREATE TABLE {} (a int, id bigint, day date, n int DEFAULT 3, z varchar(5))")
    with pytest.raises(SchemaChanged, match=r"its column 'z' \(character varying\(5\)\) is not in"):
        warehouse.load(rows(1), write)
    for _ in range(2):
        warehouse.load(rows(1), write, on_schema_change=policy)
    assert warehouse.rows() == [(None, 1, DAY, 3, None)]
    warehouse.run("UPDATE {} SET z = 'x'; ALTER TABLE {} ALTER z SET NOT NULL".replace("{}", "{0}"))
    with pytest.raises(SchemaChanged, match=r"'z' .*not null\) is not in the load"):
        warehouse.load(rows(1), write, load_id="run 2", on_schema_change=policy)


def test_replace_renames_over_nullable_columns_that_the_load_lacks(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE {} (a int, id bigint, day date, z varchar(5))")
    before = warehouse.run("SELECT '{}'::regclass::oid::int")
    warehouse.load(rows(1), REPLACE, on_schema_change="ignore")
    assert warehouse.rows() == [(None, 1, DAY, None)]
    assert warehouse.run("SELECT '{}'::regclass::oid::int") != before


@WRITES
@pytest.mark.parametrize("policy", ["fail", "add_columns", "ignore"])
def test_types_that_do_not_fit_always_fail(
    policy: str, write: dict[str, Any], warehouse: Warehouse
) -> None:
    warehouse.run("CREATE TABLE {} (id text, day date)")
    with pytest.raises(SchemaChanged, match="'id' is text, the load's is bigint"):
        warehouse.load(rows(1), write, on_schema_change=policy)
    assert warehouse.tables() == {"trips"}


@WRITES
@pytest.mark.parametrize("policy", ["fail", "add_columns", "ignore"])
def test_rows_that_share_no_column_with_the_table(
    policy: str, write: dict[str, Any], warehouse: Warehouse
) -> None:
    warehouse.run("CREATE TABLE {} (name text, _run_id text)")
    warehouse.run("INSERT INTO {} VALUES ('kept', 'run 0')")
    marked = pa.field("_run_id", pa.string(), metadata={b"factory.lineage": b"true"})
    data = pa.table(rows(1))
    for given in (data, data.append_column(marked, [["run 1"]])):
        with pytest.raises(SchemaChanged, match=r"none of the load's columns \(id, day\) is a col"):
            warehouse.load(given, write, on_schema_change=policy)
        assert warehouse.run("SELECT name FROM {}") == [("kept",)]
        assert warehouse.tables() == {"trips"}


def test_a_table_without_columns_may_grow(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE {} ()")
    warehouse.load(rows(1), APPEND, on_schema_change="add_columns")
    assert warehouse.rows() == [(1, DAY)]


def test_a_row_that_no_page_holds_is_told_with_what_to_do(warehouse: Warehouse) -> None:
    wide = {f"c{number}": [number] for number in range(1500)}
    with pytest.raises(TransferError, match=r"row is too big: .*`select` fewer"):
        warehouse.load(wide)
    assert warehouse.tables() == set()


def test_an_unknown_policy(warehouse: Warehouse) -> None:
    with pytest.raises(BadOption, match="Did you mean 'add_columns'"):
        warehouse.load(rows(1), on_schema_change="add_column")


def test_generated_and_identity_columns(warehouse: Warehouse) -> None:
    warehouse.run(
        "CREATE TABLE {} (n bigint GENERATED ALWAYS AS IDENTITY, id bigint, day date,"
        " twice bigint GENERATED ALWAYS AS (id * 2) STORED)"
    )
    for write in (APPEND, MERGE, PARTITION, REPLACE):
        warehouse.load(rows(4), write, load_id=str(write))
    assert warehouse.rows("id, twice")[-1] == (4, 8)
    with pytest.raises(SchemaChanged, match="'n' is generated by the database"):
        warehouse.load(rows(1, n=1), load_id="2", on_schema_change="ignore")


def test_files_agree_but_for_columns_of_nulls(warehouse: Warehouse) -> None:
    none = pa.nulls(1, pa.string())
    files = [
        pa.table({"id": [1], "day": none, "x": pa.nulls(1)}),
        pa.table({"day": pa.array([DAY]), "x": [1.5], "id": [2]}),
        pa.table({"id": [3], "day": none, "x": pa.nulls(1, pa.float64())}),
    ]
    done = warehouse.load_all(files)
    assert (done.rows, done.read) == (3, 3)
    assert warehouse.rows() == [(1, None, None), (2, DAY, 1.5), (3, None, None)]


@on_both_stores
@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"id": ["x"]}, r"column 'id' is int64 in \S+data-0.*, but string in \S+data-1.*`columns`"),
        ({"ident": [1]}, r"column 'id' of \S+data-0\S+ is not in \S+data-1"),
        ({"id": [1], "n": [1]}, r"column 'n' of \S+data-1\S+ is not in \S+data-0"),
    ],
)
def test_files_that_do_not_agree(other: Any, message: str, warehouse: Warehouse) -> None:
    with pytest.raises(BadRow, match=message):
        warehouse.load_all([{"id": [1]}, other])
    assert warehouse.tables() == set()


@on_both_stores
def test_the_rows_of_a_file_are_counted(warehouse: Warehouse) -> None:
    path = str(warehouse.stage / "short.parquet")
    data = pa.table({"id": [1, 2]}).replace_schema_metadata(Counts(5, 2).metadata())
    with warehouse.store.writer(path) as out:
        pq.write_table(data, out)
    with pytest.raises(TransferError, match="holds 2 rows, but 5 were read and 2 of them set asi"):
        parquet.read(warehouse.store, [path])
    done = warehouse.load(data.replace_schema_metadata(Counts(5, 3).metadata()))
    assert (done.read, done.quarantined, done.rows) == (5, 3, 2)


@on_both_stores
def test_rows_that_did_not_arrive(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    real = columns.on_wire
    monkeypatch.setattr(columns, "on_wire", lambda batch, schema: real(batch, schema).slice(1))
    with pytest.raises(TransferError, match="1 rows arrived, but the files hold 2"):
        warehouse.load(rows(1, 2))
    assert warehouse.tables() == set()


def test_no_file_and_no_parquet(folder: Folder) -> None:
    with pytest.raises(TransferError, match="no file to load"):
        parquet.read(folder.store, [])
    (folder / "x").write_text(json.dumps({}))
    with pytest.raises(BadRow, match="is not a Parquet file"):
        parquet.read(folder.store, [str(folder / "x")])
