"""BigQuery keeps what every warehouse keeps, as far as its stand-in shows it."""

import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest
import requests

from factory import stores
from factory.stores.gcs.api import Api as Storage
from factory.stores.model import Place, Store
from factory.transfer.bigquery import load as loading
from factory.transfer.bigquery.api import Api, path
from factory.transfer.bigquery.columns import _PLAIN
from factory.transfer.bigquery.jobs import Jobs
from factory.transfer.bigquery.table import Table, fields_of, look, type_of
from factory.transfer.errors import TransferError
from factory.transfer.warehouse.load import Loaded
from factory_embedded.services import bigquery, gcs

from ..warehouse.contract import Bench, Contract, kill, rows_of


@dataclass(frozen=True)
class BigQuery(Bench):
    """A dataset of its own, in the server of all tests."""

    endpoint: str
    storage: str
    dataset: str

    session = loading.Session
    examples = 4
    back: ClassVar[dict[str, pa.DataType]] = {
        **dict.fromkeys(("i8", "i16", "i32", "u8", "u16", "u32"), pa.int64()),
        **dict.fromkeys(("u64", "money", "exact", "small"), pa.decimal128(38, 9)),
        "f32": pa.float64(),
    }
    names = ("order", "a b", "%s", "select")  # (the stand-in does not find Ü)

    @property
    def api(self) -> Api:
        return Api(requests.Session(), self.endpoint, gcs.PROJECT)

    def loaded(self, store: Store, paths: Sequence[str], **options: Any) -> Loaded:
        via = stores.open_uri(
            "gs://bq-stage/", lambda *_: Storage(requests.Session(), self.storage)
        )
        table = f"{self.dataset}.{options.pop('table')}"
        done, _ = loading.load(self.api, store, paths, via=Place(*via), table=table, **options)
        return done

    def read(self, table: str = "trips") -> pa.Table:
        found = Table(self.dataset, table)
        facts = look(self.api, found)
        assert facts is not None
        fields = fields_of(facts)
        rows = Jobs(self.api, None).asked(f"SELECT * FROM {found.sql}")
        schema = pa.schema([(f["name"], _PLAIN[type_of(f)]) for f in fields])
        columns = list(zip(*rows, strict=True)) or [() for _ in fields]
        arrays = [pa.array(c, t) for c, t in zip(columns, schema.types, strict=True)]
        return pa.table(arrays, schema=schema)

    def tables(self) -> set[str]:
        address = path(gcs.PROJECT, "datasets", self.dataset, "tables")
        found = self.api.ask("GET", address).get("tables", ())
        return {each["tableReference"]["tableId"] for each in found} - {"_factory_loads"}


@pytest.fixture
def bench(real_bigquery: bigquery.Server, tmp_path: Path) -> BigQuery:
    dataset = f"d{uuid.uuid4().hex[:12]}"
    real_bigquery.create_dataset(dataset)
    return BigQuery(tmp_path, real_bigquery.endpoint, real_bigquery.storage.endpoint, dataset)


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
        """They share their jobs; one may find that the other has cleared away."""

        def load(_: int) -> bool | None:
            try:
                return bench.load(rows_of(1, 2)).published
            except TransferError:
                return None

        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(load, range(2)))
        assert done.count(True) <= 1
        assert bench.load(rows_of(1, 2)).published is False
        assert bench.ids() == [1, 2]
