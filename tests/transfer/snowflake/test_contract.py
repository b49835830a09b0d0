"""What stands in for Snowflake keeps what every warehouse keeps."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from factory.transfer.errors import TransferError
from factory.transfer.snowflake import stages

from ..warehouse.contract import Contract, kill, rows_of
from .conftest import Snowflake


class TestSnowflake(Contract):
    """The suite."""

    def test_a_column_in_another_case_is_not_lost(  # type: ignore[override]
        self, bench: Snowflake
    ) -> None:
        """It is the same, where people write no quotes."""
        bench.load(rows_of(1))
        bench.load(rows_of(2).rename_columns(["id", "NAME", "day"]), load_id="run 2")
        assert [row[:2] for row in bench.rows()] == [(1, "a"), (2, "a")]

    def test_one_run_twice_at_once(self, bench: Snowflake) -> None:  # type: ignore[override]
        """A try that another one takes the place of ends, and nothing comes twice."""

        def run(_: int) -> bool:
            try:
                bench.load(rows_of(1, 2))
            except TransferError:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            ended = [*pool.map(run, range(2))]
        if not any(ended):  # the stand-in refuses both at times, where Snowflake lets one wait
            assert run(2)
        assert bench.ids() == [1, 2]

    def test_what_a_killed_load_left_goes_with_the_next(  # type: ignore[override]
        self, bench: Snowflake, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nobody can tell that its session has ended: it goes when it is old."""
        kill(bench, "copy", rows_of(1), "append", "run 1")
        bench.load(rows_of(2), load_id="run 2")
        assert len(bench.tables()) == 2
        monkeypatch.setattr(stages, "LEFT", timedelta(0))
        bench.load(rows_of(3), load_id="run 3")
        assert bench.ids() == [2, 3]
        assert bench.tables() == {"trips"}
