"""Days without rows."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.definitions import formats
from factory.stores.disk import Disk
from factory.transfer.counts import Counts
from factory.transfer.errors import ChecksFailed, SchemaChanged
from factory.transfer.to_parquet import to_parquet

from .conftest import APPEND, REPLACE, Warehouse

WRITES: dict[str, dict[str, Any]] = {
    "append": APPEND,
    "replace": REPLACE,
    "merge": {"mode": "merge", "key": ["id"]},
    "merge by two": {"mode": "merge", "key": ["id", "d"], "duplicates": "last"},
    "partition": {"mode": "partition", "column": "d", "start": "2024-01-01", "end": "2024-02-01"},
}
EACH = pytest.mark.parametrize("mode", WRITES)
JANUARY, FEBRUARY = dt.date(2024, 1, 1), dt.date(2024, 2, 1)
FULL: dict[str, list[Any]] = {"id": [1, 2], "x": [1.5, None], "d": [JANUARY, FEBRUARY]}
LEFT: dict[str, list[tuple[int]]] = {"replace": [], "partition": [(2,)]}
CHECKS = [
    {"type": "row_count", "min": 0},
    {"type": "not_null", "columns": ["id"]},
    {"type": "range", "column": "x", "min": 0},
    {"type": "range", "column": "d", "min": "2020-01-01"},
    {"type": "unique", "columns": ["id"]},
    {"type": "sql", "condition": "x > id"},
]

Convert = Callable[[str, dict[str, Any]], pa.Table]


@pytest.fixture
def convert(tmp_path: Path) -> Convert:
    def run(text: str, format: dict[str, Any]) -> pa.Table:
        source, target = tmp_path / "source", tmp_path / "staged.parquet"
        source.write_text(text)
        disk = Disk()
        to_parquet(disk, [str(source)], disk, str(target), format=formats.of(format))
        with pq.ParquetFile(target) as file:
            return file.read().replace_schema_metadata(Counts.of(file).metadata())

    return run


EMPTY: dict[str, tuple[str, dict[str, Any]]] = {
    "csv": ("id,x,d\n", {"type": "csv"}),
    "csv, declared": ("id,x,d\n", {"type": "csv", "columns": {"d": "date", "id": "integer"}}),
    "csv, otherwise": ("id,x,d\n", {"type": "csv", "columns": {"d": "text", "id": "text"}}),
    "jsonl": ("", {"type": "jsonl", "columns": {"id": "bigint", "x": "double", "d": "date"}}),
}


@EACH
@pytest.mark.parametrize("what", [*EMPTY, "parquet"])
def test_an_empty_load_into_a_table(
    what: str, mode: str, warehouse: Warehouse, convert: Convert
) -> None:
    if what == "parquet":
        data = pa.table({name: pa.array([], pa.string()) for name in FULL})
    else:
        data = convert(*EMPTY[what])
    for table in ("trips", "viewed"):  # one that may be swapped, and one that is kept
        warehouse.load(FULL, REPLACE, table=table)
    warehouse.run("CREATE VIEW {} AS SELECT id FROM {}", "v", "viewed")
    for table in ("trips", "viewed"):
        for _ in range(2):
            done = warehouse.load(data, WRITES[mode], table=table, load_id="run 2", checks=CHECKS)
            assert (done.rows, done.read) == (0, 0)
        expected = LEFT.get(mode, [(1,), (2,)])
        assert sorted(warehouse.run("SELECT id FROM {}", table)) == expected
        with pytest.raises(ChecksFailed, match="0 rows, expected at least 1"):
            warehouse.load(
                data,
                WRITES[mode],
                table=table,
                load_id="run 3",
                checks=[{"type": "row_count", "min": 1}],
            )
        assert sorted(warehouse.run("SELECT id FROM {}", table)) == expected
        warehouse.load(FULL, REPLACE, table=table, load_id="run 4")  # the types are as they were
    with pytest.raises(SchemaChanged, match="has no column 'y'"):
        warehouse.load(convert("id,x,d,y\n", {"type": "csv"}), WRITES[mode], load_id="run 5")


@EACH
def test_an_empty_first_load_makes_no_table_of_guessed_types(
    mode: str, warehouse: Warehouse, convert: Convert, caplog: pytest.LogCaptureFixture
) -> None:
    data = convert("id,x,d\n", {"type": "csv", "columns": {"d": "date"}})
    for _ in range(2):
        done = warehouse.load(data, WRITES[mode], checks=CHECKS)
        assert (done.published, done.rows, done.changed) == (False, 0, None)
    assert warehouse.tables() == set()
    assert "nothing tells the types of ['id', 'x']: none is made. Declare them" in caplog.text
    assert "published before" not in caplog.text
    with pytest.raises(ChecksFailed, match="0 rows, expected at least 1"):
        warehouse.load(data, WRITES[mode], checks=[{"type": "row_count", "min": 1}])
    january = {name: values[:1] for name, values in FULL.items()}
    assert warehouse.load(january, WRITES[mode]).published
    assert warehouse.rows("id") == [(1,)]


@EACH
def test_an_empty_first_load_of_declared_types_makes_the_table(
    mode: str, warehouse: Warehouse, convert: Convert
) -> None:
    columns = {"id": "bigint", "x": "double", "d": "date"}
    data = convert("id,x,d\n", {"type": "csv", "columns": columns})
    assert warehouse.load(data, WRITES[mode]).published
    january = {name: values[:1] for name, values in FULL.items()}
    for _ in range(2):
        warehouse.load(january, WRITES[mode], load_id="run 2")
    assert warehouse.rows("id, x, d") == [(1, 1.5, JANUARY)]


def test_a_parquet_file_without_rows_has_the_types_that_it_says(warehouse: Warehouse) -> None:
    typed = pa.table({"id": pa.array([], pa.int64()), "nothing": pa.nulls(0)})
    assert warehouse.load(typed).published
    assert warehouse.load({"id": [1], "nothing": pa.nulls(1)}, load_id="run 2").published
    none = pa.table({"id": pa.nulls(0), "nothing": pa.nulls(0)})
    assert not warehouse.load(none, table="other").published
    assert warehouse.tables() == {"trips", "_factory_loads"}


def test_a_column_is_added_when_it_has_a_value(warehouse: Warehouse) -> None:
    warehouse.load({"id": [1]})
    options: dict[str, Any] = {"on_schema_change": "add_columns"}
    for number, nothing in enumerate((pa.nulls(1), pa.nulls(0))):
        ids = pa.array([2] * len(nothing), pa.int64())
        data = pa.table({"id": ids, "new": nothing})
        warehouse.load(data, load_id=f"nothing {number}", **options)
        assert warehouse.run("SELECT count(*) FROM pg_attribute WHERE attname = 'new'") == [(0,)]
    warehouse.load({"id": [3], "new": [1.5]}, load_id="run 2", **options)
    assert warehouse.rows() == [(1, None), (2, None), (3, 1.5)]


KINDS = (
    *("boolean", "smallint", "integer", "bigint", "real", "double precision", "numeric"),
    *("numeric(10,2)", "numeric(3,5)", "text", "varchar(3)", "char(3)", "bytea", "date", "time"),
    *("timetz", "timestamp", "timestamptz", "timestamp(0)", "interval", "uuid", "json", "jsonb"),
    *("point", "inet", "macaddr", "money", "oid", "bit(3)", "varbit", "tsvector", "int4range"),
    *("text[]", "numeric[]", "name", '"char"'),
)
NULLS = {
    "of no type": pa.null(),
    "text": pa.string(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "decimal": pa.decimal128(9, 2),
}


@EACH
@pytest.mark.parametrize(("rows", "of"), [*((0, of) for of in NULLS), (2, "of no type")])
def test_what_holds_nothing_fits_a_column_of_any_type(
    rows: int, of: str, mode: str, warehouse: Warehouse
) -> None:
    """Also where the driver can't send the file's type into it, or there is no `=` for it."""
    names = [f"c{number}" for number in range(len(KINDS))]
    fields = ", ".join(f"{name} {kind}" for name, kind in zip(names, KINDS, strict=True))
    warehouse.run(f"CREATE TABLE {{}} (id bigint, d date, {fields})")
    warehouse.run("INSERT INTO {} VALUES (1, '2024-01-01'), (7, '2024-01-01')")
    data = pa.table(
        {
            "id": pa.array([1, 2][:rows], pa.int64()),
            "d": pa.array([dt.date(2024, 1, 1)] * rows, pa.date32()),
            **{name: pa.array([None] * rows, NULLS[of]) for name in names},
        }
    )
    for _ in range(2):
        warehouse.load(data, WRITES[mode], load_id="run 1")
    gone = mode in ("replace", "partition")
    before, new = ([] if gone else [1, 7]), [1, 2][:rows]
    expected = before + new if mode == "append" else {*before, *new}
    assert warehouse.rows("id") == [(n,) for n in sorted(expected)]
