"""BigQuery keeps what every warehouse keeps, as far as its stand-in shows it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from factory.transfer.bigquery.warehouse import BigQuery as Warehouse
from factory.transfer.errors import Missing, TransferError
from factory_embedded.services import bigquery

from ..warehouse.contract import Contract, kill, rows_of
from ..warehouse.files import arrived
from .datasets import BigQuery


class TestBigQuery(Contract):
    """The suite."""

    def test_a_column_in_another_case_is_not_lost(self, bench: BigQuery) -> None:  # type: ignore[override]
        """It is the same column."""
        bench.load(rows_of(1))
        bench.load(rows_of(2).rename_columns(["id", "NAME", "day"]), load_id="run 2")
        assert [row[:2] for row in bench.rows()] == [(1, "a"), (2, "a")]

    def test_what_a_killed_load_left_goes_with_the_next(  # type: ignore[override]
        self, bench: BigQuery, real_bigquery: bigquery.Server
    ) -> None:
        """Another load can't know that its owner is dead: it vanishes by itself."""
        kill(bench, "copy", rows_of(1), "append", "run 1")
        bench.load(rows_of(2), load_id="run 2")
        assert bench.ids() == [2]
        (left,) = bench.tables() - {"trips"}
        (made,) = [one.body for one in real_bigquery.proxy.asked if left.encode() in one.body][:1]
        assert b'"expirationTime"' in made

    def test_one_run_twice_at_once(self, bench: BigQuery) -> None:  # type: ignore[override]
        """They share their jobs, of which both tell; one may find what the other cleared away."""

        def load(_: int) -> bool | None:
            try:
                return bench.load(rows_of(1, 2)).published
            except TransferError:
                return None

        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(load, range(2)))
        assert True in done
        assert bench.load(rows_of(1, 2)).published is False
        assert bench.ids() == [1, 2]

    def test_a_table_is_dropped_with_what_is_noted_of_it(self, bench: BigQuery) -> None:
        bench.load(rows_of(1), arrivals=arrived("a"))
        bench.load(rows_of(2), table="others")
        warehouse = Warehouse()
        table = warehouse.table(f"{bench.dataset}.trips")
        with warehouse.connected(bench.api, 60) as session:
            for _ in range(2):
                warehouse.drop(session, table)
            with pytest.raises(Missing):
                warehouse.columns(session, table)
        noted = bench.ask(f"SELECT table_name FROM {bench.dataset}._factory_loads")
        assert noted == [("others",)]
        assert bench.ask(f"SELECT uri FROM {bench.dataset}._factory_files") == []
