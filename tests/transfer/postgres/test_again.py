"""A load whose id is in the ledger, and whose rows may not be in the table any more."""

from typing import Any

import pyarrow as pa
import pytest

from factory.transfer.errors import TransferError

from .conftest import APPEND, Warehouse

ONE: dict[str, list[Any]] = {"id": [1, 2], "name": ["a", "b"]}
CREATE = "CREATE TABLE {0} (id bigint, name text)"
GONE = {
    "truncated": "TRUNCATE {0}",
    "dropped": "DROP TABLE {0}",
    "made anew": f"DROP TABLE {{0}}; {CREATE}",
    "renamed": f"ALTER TABLE {{0}} RENAME TO kept; {CREATE}",
}


@pytest.mark.parametrize("what", GONE)
def test_rows_that_are_gone_for_certain_are_loaded_again(
    what: str, warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse.load(ONE)
    warehouse.load({"id": [3], "name": ["c"]}, load_id="run 2")
    warehouse.run(GONE[what])
    for published in (True, False):
        assert warehouse.load(ONE).published is published
        assert warehouse.rows() == [(1, "a"), (2, "b")]
    said = caplog.text.count("was emptied or made anew since: they are loaded again")
    assert said == (0 if what == "dropped" else 1)
    # Not only the first one: another's rows are gone, too.
    for published in (True, False):
        done = warehouse.load({"id": [3], "name": ["c"]}, load_id="run 2")
        assert done.published is published
    assert warehouse.rows() == [(1, "a"), (2, "b"), (3, "c")]


def test_another_load_after_the_table_was_emptied(warehouse: Warehouse) -> None:
    """It finds the table empty and says so to the ledger; the first one then may come again."""
    warehouse.load(ONE)
    warehouse.run("TRUNCATE {}")
    warehouse.run("ALTER TABLE {} ADD CHECK (name <> 'bad')")
    with pytest.raises(TransferError, match="violates check"):
        warehouse.load({"id": [9], "name": ["bad"]}, load_id="run 2")
    assert warehouse.load(ONE).published
    assert not warehouse.load(ONE).published
    assert warehouse.rows() == [(1, "a"), (2, "b")]


REBUILT = {  # with the rows in it
    "as select": "CREATE TABLE {1} AS TABLE {0}; DROP TABLE {0}; ALTER TABLE {1} RENAME TO trips",
    "with others": "DROP TABLE {0}; CREATE TABLE {0} AS SELECT 7::bigint AS id, 'x' AS name",
}


@pytest.mark.parametrize("what", REBUILT)
def test_where_nobody_can_tell_a_load_is_refused_aloud(what: str, warehouse: Warehouse) -> None:
    warehouse.load(ONE)
    warehouse.run(REBUILT[what], "trips", "built")
    before = warehouse.rows()
    for _ in range(2):
        with pytest.raises(TransferError, match=r"made anew since, and has rows: are they") as said:
            warehouse.load(ONE)
        assert warehouse.rows() == before
    command = str(said.value).partition("To load them again: ")[2]
    warehouse.run(command.replace("{", "{{").replace("}", "}}"))
    assert warehouse.load(ONE).published
    assert len(warehouse.rows()) == len(before) + 2


KEPT = {
    "vacuumed": "VACUUM FULL {}",
    "rewritten": "ALTER TABLE {} ALTER name TYPE varchar(9)",
    "clustered": "CREATE INDEX i ON {0} (id); CLUSTER {0} USING i",
    "renamed there and back": "ALTER TABLE {0} RENAME TO x; ALTER TABLE {s}.x RENAME TO trips",
}


@pytest.mark.parametrize("what", KEPT)
def test_a_table_that_is_written_anew_is_the_same(what: str, warehouse: Warehouse) -> None:
    warehouse.load(ONE)
    for command in KEPT[what].replace("{s}", warehouse.schema).split("; "):
        warehouse.run(command)
    assert not warehouse.load(ONE).published
    assert len(warehouse.rows()) == 2


def test_rows_that_somebody_deletes_are_not_loaded_again_and_that_is_said(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    """As where another takes the rows out that he has seen to: a retry must not bring them back."""
    warehouse.load(ONE)
    warehouse.run("DELETE FROM {}")
    assert not warehouse.load(ONE).published
    assert warehouse.rows() == []
    assert "were deleted since, and are not loaded again. To load them again: DELETE" in caplog.text


def test_rows_in_tables_below_are_rows(warehouse: Warehouse) -> None:
    """As in a hypertable, whose own file has no page."""
    warehouse.run(f"{CREATE} PARTITION BY RANGE (id)")
    warehouse.run("CREATE TABLE {} PARTITION OF {} DEFAULT", "rest", "trips")
    for published in (True, False):
        assert warehouse.load(ONE).published is published
        assert len(warehouse.rows()) == 2


def test_rows_that_are_moved_below_may_be_others(warehouse: Warehouse) -> None:
    warehouse.load(ONE)
    warehouse.run("CREATE TABLE {} () INHERITS ({})", "chunk", "trips")
    warehouse.run("INSERT INTO {} SELECT * FROM ONLY {}", "chunk", "trips")
    warehouse.run("TRUNCATE ONLY {}")
    with pytest.raises(TransferError, match="0 of these are known to be there: are"):
        warehouse.load(ONE)
    assert len(warehouse.rows()) == 2


MANY: dict[str, list[Any]] = {"id": list(range(200)), "name": ["a"] * 200}


def test_rows_that_are_deleted_one_by_one_and_vacuumed_are_not_loaded_again(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    """VACUUM, also autovacuum, gives back the pages, as after TRUNCATE; the file is the same."""
    for other in range(2):
        warehouse.load(MANY, load_id=f"{other}")
    warehouse.run("DELETE FROM {}")
    warehouse.run("VACUUM {}")
    assert warehouse.run("SELECT pg_relation_size('{}')") == [(0,)]
    assert not warehouse.load(MANY, load_id="0").published
    assert "were deleted since, and are not loaded again" in caplog.text
    warehouse.load(ONE, load_id="another")  # nor does it make the others forgotten
    assert not warehouse.load(MANY, load_id="1").published
    assert warehouse.rows() == [(1, "a"), (2, "b")]


TOLD_BY_NOBODY = {
    "truncated, and counted": ("TRUNCATE {}", "ANALYZE {}"),
    "deleted, and written anew": ("DELETE FROM {}", "VACUUM FULL {}"),
}


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("what", TOLD_BY_NOBODY)
def test_an_empty_table_of_which_nobody_can_tell(
    what: str, older: bool, warehouse: Warehouse
) -> None:
    for load_id in ("one", "two"):
        warehouse.load(ONE, load_id=load_id)
    if older:
        warehouse.run("ALTER TABLE {} DROP file_nodes, DROP row_xmin", "_factory_loads")
    for command in TOLD_BY_NOBODY[what]:
        warehouse.run(command)
    with pytest.raises(TransferError, match="is empty: by TRUNCATE, or were they deleted one by"):
        warehouse.load(ONE, load_id="one")
    assert warehouse.rows() == []
    # When another's rows are there, the table does not say it any more, but the ledger does.
    warehouse.load(ONE, load_id="three")
    for _ in range(2):
        with pytest.raises(TransferError, match="and has rows: are they among them"):
            warehouse.load(ONE, load_id="two")
    assert not warehouse.load(ONE, load_id="three").published
    assert len(warehouse.rows()) == 2


COVERED = {  # by whatever comes before the load comes again
    "by hand": "INSERT INTO {0} VALUES (77, 'x')",
    "by many": "INSERT INTO {0} SELECT n, 'x' FROM generate_series(1, 99) n",
    "by many, counted": "INSERT INTO {0} SELECT n, 'x' FROM generate_series(1, 99) n; ANALYZE {0}",
}


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("what", COVERED)
def test_rows_that_are_gone_while_others_came(what: str, first: bool, warehouse: Warehouse) -> None:
    if not first:
        warehouse.run(CREATE)
    warehouse.load(ONE)
    warehouse.run("TRUNCATE {}")
    warehouse.run(COVERED[what])
    before = warehouse.rows()
    with pytest.raises(TransferError, match=r"2 rows\. .* 0 of these are known to be there: are"):
        warehouse.load(ONE)
    assert warehouse.rows() == before


def test_rows_that_are_gone_while_a_load_of_another_mode_came(warehouse: Warehouse) -> None:
    warehouse.load(ONE)
    warehouse.run("TRUNCATE {}")
    warehouse.load({"id": [7], "name": ["x"]}, {"mode": "merge", "key": ["id"]}, load_id="merge")
    with pytest.raises(TransferError, match="0 of these are known to be there"):
        warehouse.load(ONE)


@pytest.mark.parametrize(
    "gone", ["TRUNCATE {}", "DROP TABLE {}", "ALTER TABLE {1} DETACH PARTITION {0}"]
)
def test_a_part_of_the_rows_is_gone(gone: str, warehouse: Warehouse) -> None:
    warehouse.run(f"{CREATE} PARTITION BY RANGE (id)")
    warehouse.run("CREATE TABLE {} PARTITION OF {} FOR VALUES FROM (0) TO (2)", "low", "trips")
    warehouse.run("CREATE TABLE {} PARTITION OF {} DEFAULT", "rest", "trips")
    warehouse.load(ONE)
    warehouse.run(gone, "low", "trips")
    with pytest.raises(TransferError, match="1 of these are known to be there: are the others"):
        warehouse.load(ONE)
    assert warehouse.rows() == [(2, "b")]


OTHER: dict[str, dict[str, list[Any]]] = {
    "more rows": {"id": [1, 2, 3], "name": ["a", "b", "c"]},
    "another value": {"id": [1, 2], "name": ["a", "B"]},
    "another name": {"id": [1, 2], "title": ["a", "b"]},
}


@pytest.mark.parametrize("what", OTHER)
def test_other_rows_under_the_name_of_a_load_are_refused(what: str, warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE {} (id bigint, name text, title text)")
    options: dict[str, Any] = {"on_schema_change": "ignore"}
    warehouse.load(ONE, **options)
    rows = len(OTHER[what]["id"])
    with pytest.raises(
        TransferError, match=rf"2 rows; those that it has now, {rows} rows, are not the same, and"
    ) as said:
        warehouse.load(OTHER[what], **options)
    assert len(warehouse.rows("id")) == 2
    assert not warehouse.load(ONE, **options).published
    warehouse.run("DELETE FROM {}")
    command = str(said.value).partition("To load them again: ")[2]
    warehouse.run(command.replace("{", "{{").replace("}", "}}"))
    assert warehouse.load(OTHER[what], **options).published
    assert len(warehouse.rows("id")) == rows


def test_the_same_rows_are_known_whatever_their_lineage_says(warehouse: Warehouse) -> None:
    mark = {b"factory.lineage": b"true"}
    schema = pa.schema([("id", pa.int64()), pa.field("_run_id", pa.string(), metadata=mark)])
    for run in ("one", "another"):
        warehouse.load(pa.table({"id": [1], "_run_id": [run]}, schema=schema))
    assert warehouse.rows() == [(1, "one")]


def test_rows_that_another_version_wrote_are_told_by_their_number(warehouse: Warehouse) -> None:
    warehouse.load(ONE)
    warehouse.run("UPDATE {} SET digest = 'parquet-cpp-arrow version 9.9 0123'", "_factory_loads")
    assert not warehouse.load(OTHER["another value"]).published
    with pytest.raises(TransferError, match="are not the same"):
        warehouse.load(OTHER["more rows"])


MOVED = {
    "renamed": "ALTER TABLE {s}.trips RENAME TO new",
    "moved": "CREATE SCHEMA {s}_new; ALTER TABLE {s}.trips SET SCHEMA {s}_new",
}


@pytest.mark.parametrize("what", MOVED)
def test_a_table_of_another_name_is_the_same(what: str, warehouse: Warehouse) -> None:
    warehouse.load(ONE)
    for command in MOVED[what].split("; "):
        warehouse.run(command.replace("{s}", warehouse.schema))
    table = "new" if what == "renamed" else "trips"
    schema = warehouse.schema if what == "renamed" else f"{warehouse.schema}_new"
    there = Warehouse(warehouse.uri, schema, warehouse.stage)
    try:
        assert not there.load(ONE, table=table).published
        assert len(there.run("SELECT id FROM {}", table)) == 2
        with pytest.raises(TransferError, match=r"trips got the rows .* not the same") as said:
            there.load(OTHER["more rows"], table=table)
        command = str(said.value).partition("To load them again: ")[2]
        there.run(command.replace("{", "{{").replace("}", "}}"))
        assert there.load(OTHER["more rows"], table=table).published
    finally:
        warehouse.run(f"DROP SCHEMA IF EXISTS {warehouse.schema}_new CASCADE")


@pytest.mark.parametrize("how", ["TRIGGER", "RULE"])
def test_a_ledger_that_does_not_take_a_load(how: str, warehouse: Warehouse) -> None:
    warehouse.load(ONE)
    if how == "RULE":
        warehouse.run("CREATE RULE r AS ON INSERT TO {} DO INSTEAD NOTHING", "_factory_loads")
    else:
        warehouse.run(
            f"CREATE FUNCTION {warehouse.schema}.f() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RETURN NULL; END $$"
        )
        warehouse.run(
            "CREATE TRIGGER t BEFORE INSERT ON {} FOR EACH ROW"
            f" EXECUTE FUNCTION {warehouse.schema}.f()",
            "_factory_loads",
        )
    with pytest.raises(TransferError):
        warehouse.load(ONE, load_id="run 2")
    assert len(warehouse.rows()) == 2


def test_a_load_of_no_rows_comes_again(warehouse: Warehouse) -> None:
    none: dict[str, list[Any]] = {"id": [1], "name": ["a"]}
    warehouse.run(CREATE)
    for _ in range(2):
        warehouse.load({name: values[:0] for name, values in none.items()}, APPEND, load_id="0")
    warehouse.load(none, load_id="1")
    assert warehouse.rows() == [(1, "a")]
