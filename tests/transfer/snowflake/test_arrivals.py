"""Which files are in a table of Snowflake."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from factory.transfer.errors import TransferError
from factory.transfer.snowflake import ledger, session
from factory.transfer.snowflake.warehouse import WAREHOUSE
from factory.transfer.warehouse.arrivals import Arrival, Arrivals, KeepsFiles, Known

from ..warehouse.contract import rows_of
from .conftest import LIMITS, Snowflake

ROW = rows_of(1)
STEP = "shop/orders"


def arrived(*names: str, before: str | None = None, version: str = "v1") -> Arrivals:
    return Arrivals(STEP, [Arrival(name, 1, version, before) for name in names])


def known(bench: Snowflake) -> Mapping[str, Known]:
    assert isinstance(WAREHOUSE, KeepsFiles)
    with session.connected(bench.account, LIMITS) as connection:
        table = WAREHOUSE.table(f"{bench.schema}.trips")
        return WAREHOUSE.files_in(connection, table).get(STEP, {})


@pytest.mark.parametrize("write", ["append", "merge"])
def test_files_are_in_with_their_rows(bench: Snowflake, write: str) -> None:
    assert known(bench) == {}
    bench.load(ROW, write, arrivals=arrived("a", "b"))
    assert known(bench) == {"a": Known("v1", "run 1"), "b": Known("v1", "run 1")}
    many = [f"it's {n}" for n in range(600)]
    bench.load(rows_of(2), write, load_id="run 2", arrivals=arrived("ä\n'c", *many))
    assert set(known(bench)) == {"a", "b", "ä\n'c", *many}
    with pytest.raises(TransferError, match="1 check failed"):
        bench.load(
            *(rows_of(3), write, {"type": "row_count", "min": 2}),
            load_id="run 3",
            arrivals=arrived("d"),
        )
    assert "d" not in known(bench)


def test_many_runs_that_have_chosen_the_same_file(bench: Snowflake) -> None:
    def one(number: int) -> str:
        try:
            bench.load(ROW, load_id=f"run {number}", arrivals=arrived("a"))
        except TransferError as error:
            return error.message
        return "loaded"

    with ThreadPoolExecutor(3) as pool:
        said = [*pool.map(one, range(3))]
    assert said.count("loaded") == 1, said
    assert sum("has loaded a since this run chose" in message for message in said) == 2, said
    assert bench.ids() == [1]


def test_a_file_that_is_loaded_again_on_purpose(bench: Snowflake) -> None:
    bench.load(ROW, arrivals=arrived("a", "b"))
    again = arrived("a", before="run 1", version="v2")
    bench.load(ROW, load_id="run 2", arrivals=again)
    assert known(bench) == {"a": Known("v2", "run 2"), "b": Known("v1", "run 1")}
    with pytest.raises(TransferError, match="run 2 has loaded a since"):
        bench.load(ROW, load_id="run 3", arrivals=again)


def test_what_a_load_without_it_brought_in_is_noted_when_it_is_repeated(bench: Snowflake) -> None:
    bench.load(ROW)
    assert not bench.load(ROW, arrivals=arrived("a")).published
    assert set(known(bench)) == {"a"}
    assert bench.ids() == [1]


def test_a_repeated_merge_of_other_files(bench: Snowflake) -> None:
    bench.load(ROW, "merge", arrivals=arrived("a", "b"))
    bench.load(ROW, "merge", arrivals=arrived("a", "c"))
    assert set(known(bench)) == {"a", "c"}


def test_rows_that_are_gone_for_certain(bench: Snowflake) -> None:
    bench.load(ROW, arrivals=arrived("a"))
    bench.run("DROP TABLE TRIPS")
    assert known(bench) == {}
    bench.load(ROW, load_id="run 2", arrivals=arrived("a"))
    assert known(bench) == {"a": Known("v1", "run 2")}
    bench.load(ROW, "replace", load_id="run 3")
    assert known(bench) == {}


def test_where_nobody_can_tell(bench: Snowflake) -> None:
    bench.load(ROW, arrivals=arrived("a"))
    bench.run("CREATE TABLE OTHER AS SELECT * FROM TRIPS")
    bench.run("DROP TABLE TRIPS")
    bench.run("CREATE TABLE TRIPS AS SELECT * FROM OTHER")
    with pytest.raises(TransferError, match="made anew since, and has rows") as told:
        known(bench)
    hint = told.value.hint or ""
    bench.run(hint[hint.index("DELETE") :])
    assert known(bench) == {}


def test_a_load_that_a_person_forgets_forgets_its_files(bench: Snowflake) -> None:
    bench.load(ROW, arrivals=arrived("a"))
    bench.load(ROW, load_id="run 2", arrivals=arrived("b"))
    bench.run(f"DELETE FROM {ledger.NAME} WHERE LOAD_ID = 'run 2'")
    assert set(known(bench)) == {"a"}


def test_an_empty_file_is_in(bench: Snowflake) -> None:
    bench.load(ROW, arrivals=arrived("a"))
    bench.load(rows_of(), load_id="run 2", arrivals=arrived("b"))
    assert set(known(bench)) == {"a", "b"}
