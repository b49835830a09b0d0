"""The primary key and the indexes that a table is created with."""

from typing import Any

import pytest

from factory.transfer.errors import BadOption, BadRow
from factory.transfer.postgres import table as tables

from .conftest import APPEND, REPLACE, Warehouse

DATA: dict[str, list[Any]] = {"id": [1, 2], "at": [5, 6], "name": ["a", None]}
MERGE = {"mode": "merge", "key": ["id"]}
LAST = {**MERGE, "duplicates": "last"}
KEYS: dict[str, Any] = {"primary_key": ["id"], "indexes": [["at"], ["name", "at"]]}
NAMES = {"trips_pkey", "trips_at_idx", "trips_name_at_idx"}


def indexes(warehouse: Warehouse, table: str = "trips") -> set[str]:
    query = "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
    return {name for (name,) in warehouse.run(query + " WHERE indrelid = '{}'::regclass", table)}


def constraints(warehouse: Warehouse) -> set[str]:
    query = "SELECT conname FROM pg_constraint WHERE conrelid = '{}'::regclass"
    return {name for (name,) in warehouse.run(query)}


def oid(warehouse: Warehouse) -> Any:
    return warehouse.run("SELECT '{}'::regclass::oid::int")


@pytest.mark.parametrize("write", [APPEND, REPLACE, MERGE, LAST], ids=str)
def test_a_new_table_has_them(write: dict[str, Any], warehouse: Warehouse) -> None:
    warehouse.load(DATA, write, **KEYS)
    assert indexes(warehouse) == NAMES
    assert constraints(warehouse) == {"trips_pkey", "trips_id_not_null"}
    assert warehouse.rows() == [(1, 5, "a"), (2, 6, None)]


def test_replace_builds_them_anew_and_renames_them(warehouse: Warehouse) -> None:
    found = []
    for _ in range(3):
        warehouse.load(DATA, REPLACE, **KEYS)
        found.append(oid(warehouse))
        assert indexes(warehouse) == NAMES
        assert constraints(warehouse) == {"trips_pkey", "trips_id_not_null"}
    assert len({str(each) for each in found}) == 3


def test_replace_gives_a_plain_table_the_keys_that_it_lacks(warehouse: Warehouse) -> None:
    warehouse.load(DATA, REPLACE)
    warehouse.load(DATA, REPLACE, **KEYS)
    assert indexes(warehouse) == NAMES


@pytest.mark.parametrize(
    "other",
    [
        "ALTER INDEX {1}.trips_at_idx RENAME TO ours",
        "CREATE INDEX ON {0} (id, at)",
        "DROP INDEX {1}.trips_at_idx; CREATE INDEX trips_at_idx ON {0} (at DESC)",
        "DROP INDEX {1}.trips_at_idx; CREATE INDEX trips_at_idx ON {0} (at) WHERE id > 0",
        "DROP INDEX {1}.trips_at_idx; CREATE INDEX trips_at_idx ON {0} USING hash (at)",
        "DROP INDEX {1}.trips_at_idx; CREATE INDEX trips_at_idx ON {0} (at) INCLUDE (id)",
        "DROP INDEX {1}.trips_at_idx; CREATE UNIQUE INDEX trips_at_idx ON {0} (at)",
        "ALTER INDEX {1}.trips_at_idx SET (fillfactor = 50)",
        "COMMENT ON INDEX {1}.trips_at_idx IS 'ours'",
        "COMMENT ON CONSTRAINT trips_pkey ON {0} IS 'ours'",
        "ALTER TABLE {0} CLUSTER ON trips_at_idx",
        "ALTER TABLE {0} REPLICA IDENTITY USING INDEX trips_pkey",
        "CREATE TABLE {1}.fares (trip bigint REFERENCES {0})",
        "ALTER TABLE {0} ALTER at SET NOT NULL",
        "ALTER TABLE {0} ADD UNIQUE (at)",
    ],
)
def test_replace_keeps_others(other: str, warehouse: Warehouse) -> None:
    warehouse.load(DATA, REPLACE, **KEYS)
    warehouse.run(
        other.replace("{0}", f"{warehouse.schema}.trips").replace("{1}", warehouse.schema)
    )
    before = oid(warehouse), indexes(warehouse), constraints(warehouse)
    warehouse.load({"id": [3], "at": [7], "name": ["c"]}, REPLACE, **KEYS)
    assert (oid(warehouse), indexes(warehouse), constraints(warehouse)) == before
    assert warehouse.rows() == [(3, 7, "c")]


def test_long_and_clashing_names(warehouse: Warehouse) -> None:
    long = "é" * 31
    clashing = {"b_c": [1], "c": [2], long: [3]}
    options = {"indexes": [["b_c"], [long, "c"], [long, "b_c"]], "primary_key": ["c"]}
    warehouse.load({"c": [1]}, REPLACE, table="a_b", indexes=[["c"]])
    for name in ("a", "t" * 63):
        found = []
        for _ in range(2):
            warehouse.load(clashing, REPLACE, table=name, **options)
            found.append(indexes(warehouse, name))
        assert found[0] == found[1]
        assert len(found[0]) == 4
        assert all(len(each.encode()) <= 63 for each in found[0])
    assert indexes(warehouse, "a_b") == {"a_b_c_idx"}


@pytest.mark.parametrize("write", [APPEND, REPLACE, LAST], ids=str)
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 1, 2], r"1 primary keys stand in more than one row of this load, for example at = 1"),
        ([1, None, 2], r"1 of 3 rows have a null in the primary key \['at'\]"),
    ],
)
def test_rows_that_break_the_key(
    values: list[int | None], message: str, write: dict[str, Any], warehouse: Warehouse
) -> None:
    with pytest.raises(BadRow, match=message):
        warehouse.load({"id": [1, 2, 3], "at": values}, write, primary_key=["at"])
    assert warehouse.tables() <= {"_factory_loads"}


@pytest.mark.parametrize(
    "options", [{"primary_key": ["idd"]}, {"indexes": [["idd"]]}], ids=lambda each: next(iter(each))
)
def test_a_column_that_the_load_does_not_have(
    options: dict[str, Any], warehouse: Warehouse
) -> None:
    with pytest.raises(BadOption, match=r"'idd'\. Did you mean 'id'"):
        warehouse.load(DATA, **options)


def test_names_that_need_quotes(warehouse: Warehouse) -> None:
    data = {'a"b': [1], "%s": [2], "🚕": [3]}
    for _ in range(2):
        warehouse.load(data, REPLACE, table='t"; {}', primary_key=['a"b', "%s"], indexes=[["🚕"]])
    assert indexes(warehouse, 't"; {}') == {'t"; {}_pkey', 't"; {}_🚕_idx'}


def test_staging_indexes_go_with_their_table(warehouse: Warehouse) -> None:
    assert len(tables.staging(tables.Table("s" * 63, "t" * 63), "run").name) <= 60
    with pytest.raises(BadRow):
        warehouse.load({"id": [1, 1], "at": [1, 2]}, APPEND, indexes=[["at"]], primary_key=["id"])
    query = "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace"
    assert warehouse.run(query.replace("%s", f"'{warehouse.schema}'")) == []
