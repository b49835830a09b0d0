"""Which files are in a table of MySQL: here of MariaDB."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from factory.transfer.errors import TransferError
from factory.transfer.mysql import session
from factory.transfer.mysql.warehouse import WAREHOUSE

from ..warehouse.contract import STEPS, kill, rows_of
from ..warehouse.files import ROW, FilesContract, arrived
from .test_contract import Mysql, bench

__all__ = ["bench"]


class TestFilesOfMysql(FilesContract):
    """The suite."""

    def test_where_nobody_can_tell(self, bench: Mysql) -> None:  # type: ignore[override]
        """A table that is made anew is known for another by its rows alone: it has none."""
        bench.load(ROW, arrivals=arrived("a"))
        bench.run("DELETE FROM trips")
        with pytest.raises(TransferError, match="by TRUNCATE, or were the rows deleted") as told:
            bench.known()
        hint = told.value.hint or ""
        bench.run(hint[hint.index("DELETE") :])
        assert bench.known() == {}


def test_names_that_a_collation_takes_for_one(bench: Mysql) -> None:
    bench.load(ROW, arrivals=arrived("a", "A", "a ", "ä\n'c\\"))
    assert set(bench.known()) == {"a", "A", "a ", "ä\n'c\\"}


def test_many_runs_into_a_table_that_is_there(bench: Mysql) -> None:
    bench.load(rows_of())

    def one(number: int) -> str:
        try:
            bench.load(ROW, load_id=f"run {number}", arrivals=arrived("a"))
        except TransferError as error:
            return error.message
        return "loaded"

    with ThreadPoolExecutor(4) as pool:
        said = [*pool.map(one, range(4))]
    assert said.count("loaded") == 1, said
    assert sum("has loaded a since this run chose" in message for message in said) == 3, said
    assert bench.ids() == [1]


def test_a_table_that_was_made_anew_without_a_row(bench: Mysql) -> None:
    bench.load(ROW, arrivals=arrived("a"))
    bench.load(rows_of(2), load_id="run 2", arrivals=arrived("b"))
    anew = "CREATE TABLE trips (id bigint, name longtext, day date)"
    bench.run("DO SLEEP(1.1)", "DROP TABLE trips", anew)
    assert bench.known() == {}
    bench.load(ROW, "merge", load_id="run 3", arrivals=arrived("a"))
    assert set(bench.known()) == {"a"}


def test_without_a_ledger_no_file_is_known(bench: Mysql) -> None:
    bench.load(rows_of(), arrivals=arrived("a"))
    assert set(bench.known()) == {"a"}
    bench.run("DROP TABLE _factory_loads")
    assert bench.known() == {}


@pytest.mark.parametrize("step", STEPS)
def test_a_first_load_that_is_killed(bench: Mysql, step: str) -> None:
    """Its files are in with its rows, or they are not, also before the next load tidies up."""
    kill(bench, step, rows_of(2), "append", "run 2", arrivals=arrived("b"))
    rows = bench.ids() if bench.run("SHOW TABLES LIKE 'trips'") else []
    assert rows in ([], [2])
    assert ("b" in bench.known()) == (2 in rows)
    for _ in range(2):
        bench.load(rows_of(2), load_id="run 2", arrivals=arrived("b"))
        assert bench.ids() == [2]
        assert set(bench.known()) == {"b"}
    with pytest.raises(TransferError, match="run 2 has loaded b since"):
        bench.load(rows_of(3), load_id="run 3", arrivals=arrived("b"))
    assert bench.tables() == {"trips"}


def test_first_loads_into_many_tables_at_once(bench: Mysql) -> None:
    """None waits for another's notes, or has to give way to it."""

    def one(number: int) -> None:
        for run in range(2):
            arrivals = arrived(f"{run}")
            bench.load(ROW, table=f"t{number}", load_id=f"run {run}", arrivals=arrivals)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(one, range(12)))
    counted = "SELECT count(*), count(DISTINCT `table_name`) FROM "
    assert bench.run(f"{counted} _factory_loads") == [(24, 12)]
    assert bench.run(f"{counted} _factory_files") == [(24, 12)]


def test_what_is_dropped_is_forgotten(bench: Mysql) -> None:
    bench.load(ROW, arrivals=arrived("a"))
    with session.opened(bench.address, 60) as connection:
        WAREHOUSE.drop(connection, WAREHOUSE.table("trips"))  # type: ignore[attr-defined]
    assert bench.run("SELECT * FROM _factory_files") == []
