"""A load whose id is in the ledger, and whose rows may not be in the table any more."""

from typing import Any

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


def test_rows_in_tables_that_inherit_are_rows(warehouse: Warehouse) -> None:
    """As in a hypertable, whose own file has no page."""
    warehouse.load(ONE)
    warehouse.run("CREATE TABLE {} () INHERITS ({})", "chunk", "trips")
    warehouse.run("INSERT INTO {} SELECT * FROM ONLY {}", "chunk", "trips")
    warehouse.run("TRUNCATE ONLY {}")
    assert not warehouse.load(ONE).published
    assert len(warehouse.rows()) == 2


def test_a_load_of_no_rows_comes_again(warehouse: Warehouse) -> None:
    none: dict[str, list[Any]] = {"id": [1], "name": ["a"]}
    warehouse.run(CREATE)
    for _ in range(2):
        warehouse.load({name: values[:0] for name, values in none.items()}, APPEND, load_id="0")
    warehouse.load(none, load_id="1")
    assert warehouse.rows() == [(1, "a")]
