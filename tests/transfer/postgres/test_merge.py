"""The write mode `merge`."""

import random
from typing import Any

import pyarrow as pa
import pytest

from factory.transfer.errors import BadOption, BadRow

from .conftest import Warehouse

LAST = {"mode": "merge", "key": ["id"], "duplicates": "last"}
FAIL = {"mode": "merge", "key": ["id"]}


@pytest.mark.parametrize("exists", [False, True])
def test_the_last_row_of_a_key_stays(exists: bool, warehouse: Warehouse) -> None:
    if exists:
        warehouse.load({"id": [1, 7], "name": ["old", "kept"]}, FAIL)
    done = warehouse.load({"id": [1, 2, 1, 3, 1], "name": list("abcde")}, LAST)
    assert (done.read, done.dropped, done.rows) == (5, 2, 3)
    kept = [(7, "kept")] if exists else []
    assert warehouse.rows() == [(1, "e"), (2, "b"), (3, "d"), *kept]
    assert done.changed is not None
    assert (done.changed.inserted, done.changed.updated) == ((2, 1) if exists else (3, 0))
    assert warehouse.run("SELECT * FROM {} LIMIT 0") == []
    assert warehouse.tables() == {"trips", "_factory_loads"}


def test_the_last_one_is_told_by_its_number_and_not_by_its_place(warehouse: Warehouse) -> None:
    """A narrow row may go into the gap that a wide one left on an earlier page."""
    dice = random.Random(4)
    wide = 200
    columns: dict[str, list[Any]] = {"id": [], "n": []}
    columns |= {f"c{number}": [] for number in range(wide)}
    for n in range(6000):
        columns["id"].append(dice.randrange(2000))
        columns["n"].append(n)
        filled = dice.choice([0, 10, 60, wide])
        for number in range(wide):
            columns[f"c{number}"].append(n if number < filled else None)
    expected = dict(zip(columns["id"], columns["n"], strict=True))
    warehouse.load(columns, LAST)
    assert dict(warehouse.run("SELECT id, n FROM {}")) == expected


def test_several_files_are_one_load_in_their_order(warehouse: Warehouse) -> None:
    files = [{"id": [1, 2], "n": [1, 1]}, {"id": [2, 3], "n": [2, 2]}, {"id": [3], "n": [3]}]
    with pytest.raises(BadRow, match="2 merge keys stand in more than one row"):
        warehouse.load_all(files, FAIL)
    warehouse.load_all(files, LAST)
    assert warehouse.rows() == [(1, 1), (2, 2), (3, 3)]


def test_keys_that_no_index_holds(warehouse: Warehouse) -> None:
    dice = random.Random(1)
    long = "".join(chr(dice.randrange(0x4E00, 0x9FFF)) for _ in range(20_000))
    names = [f"k{number}" for number in range(33)]
    for key, row in ((["k0"], {"k0": long}), (names, dict.fromkeys(names, "x"))):
        write = {"mode": "merge", "key": key}
        table = f"t{len(key)}"
        data = {name: [value, value + "y"] for name, value in row.items()}
        for _ in range(2):
            warehouse.load(data, write, table=table)
        assert warehouse.run("SELECT count(*) FROM {}", table) == [(2,)]
        double = {name: [value, value] for name, value in row.items()}
        with pytest.raises(BadRow, match="1 merge keys stand in more than one row"):
            warehouse.load(double, write, table=table)
        warehouse.load(double, {**write, "duplicates": "last"}, table=table)
        assert warehouse.run("SELECT count(*) FROM {}", table) == [(2,)]


def test_lineage_alone_is_no_change(warehouse: Warehouse) -> None:
    def rows(run: str, name: str) -> dict[str, list[Any]]:
        return {"id": [1, 2], "name": ["a", name], "_source_file": [run, run], "_run_id": [run] * 2}

    warehouse.load(rows("one", "b"), FAIL)
    done = warehouse.load(rows("two", "B"), FAIL)
    assert done.changed is not None
    assert (done.changed.inserted, done.changed.updated) == (0, 1)
    assert warehouse.rows("id, name, _run_id") == [(1, "a", "one"), (2, "B", "two")]
    only = {"id": [1], "_run_id": ["x"]}
    warehouse.load(only, FAIL, table="only")
    warehouse.load({**only, "_run_id": ["y"]}, FAIL, table="only")
    assert warehouse.run("SELECT * FROM {}", "only") == [(1, "x")]


def test_a_partitioned_target_is_counted_too(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE {} (id bigint, n bigint) PARTITION BY RANGE (id)")
    warehouse.run("CREATE TABLE {} PARTITION OF {} FOR VALUES FROM (0) TO (5)", "low", "trips")
    warehouse.run("CREATE TABLE {} PARTITION OF {} DEFAULT", "rest", "trips")
    warehouse.load({"id": [1, 9], "n": [1, 1]}, FAIL)
    done = warehouse.load({"id": [1, 2, 9, 10], "n": [2, 2, 1, 2]}, FAIL)
    assert done.changed is not None
    assert (done.changed.inserted, done.changed.updated) == (2, 1)


def test_the_target_lacks_the_key(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE {} (ident bigint, n bigint)")
    with pytest.raises(BadOption, match="unknown column in the merge key 'id'"):
        warehouse.load({"id": [1], "n": [1]}, FAIL, on_schema_change="ignore")


def test_the_word_for_duplicates(warehouse: Warehouse) -> None:
    with pytest.raises(BadOption, match="Did you mean 'last'"):
        warehouse.load(pa.table({"id": [1]}), {**FAIL, "duplicates": "lst"})
