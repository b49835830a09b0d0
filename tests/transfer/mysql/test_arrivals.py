"""Which files are in a table of MySQL: here of MariaDB."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from factory.transfer.errors import TransferError
from factory.transfer.mysql import session
from factory.transfer.mysql.warehouse import WAREHOUSE
from factory.transfer.warehouse.arrivals import Arrival, Arrivals, KeepsFiles, Known

from ..warehouse.contract import STEPS, kill, rows_of
from .test_contract import Mysql, bench

__all__ = ["bench"]

ROW = rows_of(1)
STEP = "shop/orders"


def arrived(*names: str, before: str | None = None, version: str = "v1") -> Arrivals:
    return Arrivals(STEP, [Arrival(name, 1, version, before) for name in names])


def known(bench: Mysql) -> Mapping[str, Known]:
    assert isinstance(WAREHOUSE, KeepsFiles)
    with WAREHOUSE.connected(bench.address, 60) as connection:
        return WAREHOUSE.files_in(connection, WAREHOUSE.table("trips")).get(STEP, {})


@pytest.mark.parametrize("write", ["append", "merge"])
def test_files_are_in_with_their_rows(bench: Mysql, write: str) -> None:
    assert known(bench) == {}
    bench.load(ROW, write, arrivals=arrived("a", "b"))
    assert known(bench) == {"a": Known("v1", "run 1"), "b": Known("v1", "run 1")}
    many = [f"it's {n}" for n in range(9000)]
    bench.load(rows_of(2), write, load_id="run 2", arrivals=arrived("ä\n'c\\", "A", "a ", *many))
    assert set(known(bench)) == {"a", "b", "ä\n'c\\", "A", "a ", *many}
    with pytest.raises(TransferError, match="1 check failed"):
        bench.load(
            *(rows_of(3), write, {"type": "row_count", "min": 2}),
            load_id="run 3",
            arrivals=arrived("d"),
        )
    assert "d" not in known(bench)


@pytest.mark.parametrize("first", [True, False])
def test_many_runs_that_have_chosen_the_same_file(bench: Mysql, first: bool) -> None:
    if not first:
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


def test_a_file_that_is_loaded_again_on_purpose(bench: Mysql) -> None:
    bench.load(ROW, arrivals=arrived("a", "b"))
    again = arrived("a", before="run 1", version="v2")
    bench.load(ROW, load_id="run 2", arrivals=again)
    assert known(bench) == {"a": Known("v2", "run 2"), "b": Known("v1", "run 1")}
    with pytest.raises(TransferError, match="run 2 has loaded a since"):
        bench.load(ROW, load_id="run 3", arrivals=again)


def test_what_a_load_without_it_brought_in_is_noted_when_it_is_repeated(bench: Mysql) -> None:
    bench.load(ROW)
    assert not bench.load(ROW, arrivals=arrived("a")).published
    assert set(known(bench)) == {"a"}
    assert bench.ids() == [1]


def test_a_repeated_merge_of_other_files(bench: Mysql) -> None:
    bench.load(ROW, "merge", arrivals=arrived("a", "b"))
    bench.load(ROW, "merge", arrivals=arrived("a", "c"))
    assert set(known(bench)) == {"a", "c"}


def test_rows_that_are_gone_for_certain(bench: Mysql) -> None:
    bench.load(ROW, arrivals=arrived("a"))
    bench.load(rows_of(2), load_id="run 2", arrivals=arrived("b"))
    anew = "CREATE TABLE trips (id bigint, name longtext, day date)"
    bench.run("DO SLEEP(1.1)", "DROP TABLE trips", anew)
    assert known(bench) == {}
    bench.load(ROW, "merge", load_id="run 3", arrivals=arrived("a"))
    assert set(known(bench)) == {"a"}
    bench.run("DROP TABLE trips")
    assert known(bench) == {}
    bench.load(ROW, load_id="run 4", arrivals=arrived("b"))
    assert known(bench) == {"b": Known("v1", "run 4")}
    bench.load(ROW, "replace", load_id="run 5")
    assert known(bench) == {}


def test_where_nobody_can_tell(bench: Mysql) -> None:
    bench.load(ROW, arrivals=arrived("a"))
    bench.run("DELETE FROM trips")
    with pytest.raises(TransferError, match="by TRUNCATE, or were the rows deleted") as told:
        known(bench)
    hint = told.value.hint or ""
    bench.run(hint[hint.index("DELETE") :])
    assert known(bench) == {}


def test_a_load_that_a_person_forgets_forgets_its_files(bench: Mysql) -> None:
    bench.load(ROW, arrivals=arrived("a"))
    bench.load(ROW, load_id="run 2", arrivals=arrived("b"))
    bench.run("DELETE FROM _factory_loads WHERE load_id = 'run 2'")
    assert set(known(bench)) == {"a"}
    bench.run("DROP TABLE _factory_loads")
    assert known(bench) == {}


def test_an_empty_file_is_in(bench: Mysql) -> None:
    bench.load(rows_of(), arrivals=arrived("a"))
    assert set(known(bench)) == {"a"}
    bench.load(ROW, load_id="run 2", arrivals=arrived("b"))
    assert set(known(bench)) == {"a", "b"}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("first", [True, False])
def test_a_load_that_is_killed(bench: Mysql, step: str, first: bool) -> None:
    """Its files are in with its rows, or they are not, also before the next load tidies up."""
    if not first:
        bench.load(ROW, arrivals=arrived("a"))
    there = [] if first else [1]
    kill(bench, step, rows_of(2), "append", "run 2", arrivals=arrived("b"))
    rows = bench.ids() if bench.run("SHOW TABLES LIKE 'trips'") else []
    assert rows in (there, [*there, 2])
    assert ("b" in known(bench)) == (2 in rows)
    for _ in range(2):
        bench.load(rows_of(2), load_id="run 2", arrivals=arrived("b"))
        assert bench.ids() == [*there, 2]
        assert set(known(bench)) == ({"b"} if first else {"a", "b"})
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
