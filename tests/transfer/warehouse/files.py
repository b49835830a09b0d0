"""What every warehouse keeps that knows which files are in a table: one suite of them all."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest

from factory.transfer.errors import TransferError
from factory.transfer.warehouse.arrivals import Arrival, Arrivals, Known

from .contract import Bench, rows_of

ROW = rows_of(1)
STEP = "shop/orders"


def arrived(*names: str, before: str | None = None, version: str = "v1") -> Arrivals:
    """Files of one load."""
    return Arrivals(STEP, [Arrival(name, 1, version, before) for name in names])


class KnowsFiles(Bench):
    """A warehouse that does."""

    many: ClassVar[int] = 600
    """Files of one load: more than go with one statement."""

    def noting(self, *files: str) -> dict[str, Any]:
        return {"arrivals": arrived(*files)}

    @abstractmethod
    def known(self, step: str = STEP) -> Mapping[str, Known]:
        """Which files are in the table, by this step."""

    @abstractmethod
    def forget(self, load_id: str) -> None:
        """What a person does who wants a load to come again."""

    @abstractmethod
    def drop(self, table: str = "trips") -> None:
        """Drop a table."""

    @abstractmethod
    def copy(self, table: str, other: str) -> None:
        """Make another table of its rows."""

    @abstractmethod
    def run(self, statement: str) -> object:
        """What a hint says."""


class FilesContract:
    """The suite."""

    @pytest.mark.parametrize("write", ["append", "merge"])
    def test_files_are_in_with_their_rows(self, bench: KnowsFiles, write: str) -> None:
        assert bench.known() == {}
        bench.load(ROW, write, arrivals=arrived("a", "b"))
        assert bench.known() == {"a": Known("v1", "run 1"), "b": Known("v1", "run 1")}
        many = [f"it's {n}" for n in range(bench.many if write == "append" else 2)]
        bench.load(rows_of(2), write, load_id="run 2", arrivals=arrived("ä\n'c", *many))
        assert set(bench.known()) == {"a", "b", "ä\n'c", *many}
        with pytest.raises(TransferError, match="1 check failed"):
            bench.load(
                *(rows_of(3), write, {"type": "row_count", "min": 2}),
                load_id="run 3",
                arrivals=arrived("d"),
            )
        assert "d" not in bench.known()
        assert bench.ids() == [1, 2]

    def test_a_file_that_two_runs_have_chosen(self, bench: KnowsFiles) -> None:
        bench.load(ROW, arrivals=arrived("a", "b"))
        with pytest.raises(TransferError, match="run 1 has loaded b since this run chose") as told:
            bench.load(ROW, load_id="run 2", arrivals=arrived("b", "c"))
        assert "Clear the whole group" in (told.value.hint or "")
        assert bench.ids() == [1]
        assert set(bench.known()) == {"a", "b"}

    def test_many_runs_that_have_chosen_the_same_file(self, bench: KnowsFiles) -> None:
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

    def test_a_file_that_is_loaded_again_on_purpose(self, bench: KnowsFiles) -> None:
        bench.load(ROW, arrivals=arrived("a", "b"))
        again = arrived("a", before="run 1", version="v2")
        bench.load(ROW, load_id="run 2", arrivals=again)
        assert bench.known() == {"a": Known("v2", "run 2"), "b": Known("v1", "run 1")}
        with pytest.raises(TransferError, match="run 2 has loaded a since"):
            bench.load(ROW, load_id="run 3", arrivals=again)
        third = arrived("a", before="run 2", version="v3")
        bench.load(ROW, load_id="run 3", arrivals=third)
        assert bench.known()["a"] == Known("v3", "run 3")

    def test_what_a_load_without_it_brought_in_is_noted_when_it_is_repeated(
        self, bench: KnowsFiles
    ) -> None:
        bench.load(ROW)
        assert not bench.load(ROW, arrivals=arrived("a")).published
        assert set(bench.known()) == {"a"}
        assert bench.ids() == [1]

    def test_a_repeated_merge_of_other_files(self, bench: KnowsFiles) -> None:
        bench.load(ROW, "merge", arrivals=arrived("a", "b"))
        bench.load(ROW, "merge", arrivals=arrived("a", "c"))
        assert set(bench.known()) == {"a", "c"}

    def test_rows_that_are_gone_for_certain(self, bench: KnowsFiles) -> None:
        bench.load(ROW, arrivals=arrived("a"))
        bench.drop()
        assert bench.known() == {}
        bench.load(ROW, load_id="run 2", arrivals=arrived("a"))
        assert bench.known() == {"a": Known("v1", "run 2")}
        bench.load(ROW, "replace", load_id="run 3")
        assert bench.known() == {}

    def test_where_nobody_can_tell(self, bench: KnowsFiles) -> None:
        bench.load(ROW, arrivals=arrived("a"))
        bench.copy("trips", "other")
        bench.drop()
        bench.copy("other", "trips")
        with pytest.raises(TransferError, match="made anew since, and has rows") as told:
            bench.known()
        hint = told.value.hint or ""
        bench.run(hint[hint.index("DELETE") :])
        assert bench.known() == {}

    def test_a_load_that_a_person_forgets_forgets_its_files(self, bench: KnowsFiles) -> None:
        bench.load(ROW, arrivals=arrived("a"))
        bench.load(ROW, load_id="run 2", arrivals=arrived("b"))
        bench.forget("run 2")
        assert set(bench.known()) == {"a"}

    def test_an_empty_file_is_in(self, bench: KnowsFiles) -> None:
        bench.load(ROW, arrivals=arrived("a"))
        bench.load(rows_of(), load_id="run 2", arrivals=arrived("b"))
        assert set(bench.known()) == {"a", "b"}
