"""What servers, and tables of people's own, are like: on a real MariaDB.

Each is of a kind that loads by other tools have failed at, or gone wrong with.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pytest

from factory.transfer.errors import BadRow, TransferError
from factory.transfer.mysql import session, staging
from factory.transfer.mysql import table as tables
from factory.transfer.warehouse.parts import Changed

from ..warehouse.contract import WRITES, rows_of
from .test_contract import Mysql, bench

__all__ = ["bench"]


@contextmanager
def setting(bench: Mysql, name: str, value: str) -> Iterator[None]:
    ((before,),) = bench.run(f"SELECT @@GLOBAL.{name}")
    bench.run(f"SET GLOBAL {name} = {value}")
    try:
        yield
    finally:
        bench.run(f"SET GLOBAL {name} = {before!r}")


@pytest.mark.parametrize("write", WRITES)
def test_a_server_that_takes_no_table_without_a_key(bench: Mysql, write: str) -> None:
    bench.run("CREATE TABLE keyless (id bigint, name longtext, day date)")
    with setting(bench, "innodb_force_primary_key", "ON"):
        with pytest.raises(TransferError, match="takes no table without a primary key") as told:
            bench.load(rows_of(1), write)
        assert "`primary_key` of the target" in (told.value.hint or "")
        for run, number in (("run 1", 1), ("run 2", 2)):
            bench.load(rows_of(number, 3), write, load_id=run, primary_key=["id", "name"])
            bench.load(rows_of(number, 3), write, load_id=run, table="keyless")
            if write == "append":
                bench.run("DELETE FROM trips WHERE id = 3")
    found = {"append": [1, 2], "merge": [1, 2, 3]}.get(write, [2, 3])
    assert bench.ids() == found
    assert len(bench.run("SHOW INDEX FROM trips")) == 2
    assert bench.tables() == {"trips", "keyless"}


@pytest.mark.parametrize(("of_the_session", "of_all"), [("ON", "OFF"), ("OFF", "ON")])
def test_what_a_session_of_mysql_has_set_counts(
    bench: Mysql, of_the_session: str, of_all: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MariaDB has no such variable of a session: this is how MySQL answers."""

    def answer(_: object, query: str) -> list[tuple[str, str]]:
        told = of_all if "GLOBAL" in query else of_the_session
        return [("sql_require_primary_key", told)]

    monkeypatch.setattr(tables, "ask", answer)
    with session.opened(bench.address, 60) as connection:
        assert tables.need_key(connection) == (of_the_session == "ON")


def test_the_last_of_a_key_on_such_a_server(bench: Mysql) -> None:
    last = {**WRITES["merge"], "duplicates": "last"}
    twice = pa.concat_tables([rows_of(2, name="x"), rows_of(2, name="y")])
    with setting(bench, "innodb_force_primary_key", "ON"):
        for run in ("run 1", "run 2"):
            bench.load(twice, last, load_id=run, primary_key=["id"])
    assert [row[:2] for row in bench.rows()] == [(2, "y")]


def test_a_server_whose_tables_have_short_keys(bench: Mysql) -> None:
    with setting(bench, "innodb_default_row_format", "'compact'"):
        for run in ("run 1", "run 2"):
            bench.load(rows_of(1), "replace", load_id=run, primary_key=["name"])
    assert bench.ids() == [1]


def test_local_files_that_only_a_proxy_refuses(
    bench: Mysql, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The server is asked through it, and says that it would take them."""
    whole = session.ask

    def ask(connection: Any, query: str) -> Any:
        return [(1,)] if query == "SELECT @@local_infile" else whole(connection, query)

    caplog.set_level(logging.INFO)
    monkeypatch.setattr(staging, "ask", ask)
    with setting(bench, "local_infile", "OFF"):
        bench.load(rows_of(*range(3000)))
    assert "LOAD DATA LOCAL is refused" in caplog.text
    assert "rows are inserted some hundred at a time" in caplog.text
    assert bench.run("SELECT count(*) FROM trips") == [(3000,)]


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_numbers_that_are_none(bench: Mysql, value: float) -> None:
    with pytest.raises(BadRow, match=r"row 2.*'v'.*no number that is none, or infinite"):
        bench.load({"id": [1, 2], "v": [0.5, value]})
    assert bench.tables() == set()


def test_what_a_table_notes_of_changes_by_itself(bench: Mysql) -> None:
    """A row that came as it was is no change; one that the load tells is as it tells."""
    noted = "timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP"
    bench.run(f"CREATE TABLE trips (id bigint, name longtext, day date, at {noted})")
    more: dict[str, Any] = {"on_schema_change": "ignore"}
    bench.load(rows_of(1, 2), "merge", **more)
    bench.run("UPDATE trips SET at = '2020-01-01'")
    some = pa.concat_tables([rows_of(1), rows_of(2, name="b")])
    assert bench.load(some, "merge", load_id="run 2", **more).changed == Changed(0, updated=1)
    assert bench.run("SELECT id, at = '2020-01-01' FROM trips ORDER BY id") == [(1, 1), (2, 0)]


@pytest.mark.parametrize("write", WRITES)
def test_columns_that_the_table_reckons(bench: Mysql, write: str) -> None:
    bench.run(
        "CREATE TABLE trips (id bigint, name longtext, day date, twice bigint AS (id * 2) STORED,"
        " loud varchar(9) AS (upper(left(name, 9))) VIRTUAL, KEY (loud), seen int INVISIBLE)"
    )
    for run in ("run 1", "run 2"):
        bench.load(rows_of(1), write, load_id=run, on_schema_change="ignore")
    assert {*bench.run("SELECT id, twice, loud, seen FROM trips")} == {(1, 2, "A", None)}


@pytest.mark.parametrize("write", WRITES)
def test_a_column_of_the_name_of_its_table(bench: Mysql, write: str) -> None:
    data = rows_of(1).append_column("trips", pa.array(["x"]))
    for run in ("run 1", "run 2"):
        bench.load(data, write, load_id=run)
    assert bench.rows()[0][3] == "x"


def test_a_table_of_no_database(bench: Mysql) -> None:
    from dataclasses import replace

    nowhere = replace(bench, address=replace(bench.address, database=""))
    with pytest.raises(TransferError, match="nothing tells the database of the table trips"):
        nowhere.load(rows_of(1))


def test_columns_in_another_order(bench: Mysql) -> None:
    bench.load(rows_of(1))
    bench.load(rows_of(2, name="b").select(["day", "name", "id"]), load_id="run 2")
    assert [row[:2] for row in bench.rows()] == [(1, "a"), (2, "b")]


def test_a_check_of_a_table_with_a_percent_sign(bench: Mysql) -> None:
    from factory.definitions import checks
    from factory.transfer.mysql.warehouse import WAREHOUSE
    from factory.transfer.warehouse.check import check

    bench.load(rows_of(1), table="a%b")
    asked = [checks.parse({"type": "not_null", "columns": ["id"]})]
    found = check(WAREHOUSE, bench.address, table="a%b", checks=asked)
    assert [each.passed for each in found.checks] == [True]
