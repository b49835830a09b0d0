"""One dataset of BigQuery, as the suite of all warehouses sees it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import requests

from factory import stores
from factory.definitions.reads import Rows
from factory.stores.disk import Disk
from factory.stores.gcs.api import Api as Storage
from factory.stores.model import Place, Store
from factory.transfer.bigquery import load as loading
from factory.transfer.bigquery import table as tables
from factory.transfer.bigquery.api import Api, Facts, path
from factory.transfer.bigquery.external import External
from factory.transfer.bigquery.jobs import Jobs
from factory.transfer.bigquery.read import read
from factory.transfer.bigquery.warehouse import WAREHOUSE
from factory.transfer.warehouse.arrivals import KeepsFiles, Known
from factory.transfer.warehouse.load import Loaded
from factory_embedded.services import gcs

from ..warehouse.files import STEP, KnowsFiles


@dataclass(frozen=True)
class BigQuery(KnowsFiles):
    """A dataset of its own, in the server of all tests."""

    endpoint: str
    storage: str
    grpc: str
    dataset: str

    session = loading.Session
    examples = 4
    takes_up = True
    back: ClassVar[dict[str, pa.DataType]] = {
        **dict.fromkeys(("i8", "i16", "i32", "u8", "u16", "u32"), pa.int64()),
        **dict.fromkeys(("u64", "money", "exact", "small"), pa.decimal128(38, 9)),
        "f32": pa.float64(),
    }
    names = ("order", "a b", "%s", "select")  # (the stand-in does not find Ü)

    @property
    def api(self) -> Api:
        return Api(requests.Session(), self.endpoint, gcs.PROJECT, storage=self.grpc)

    def loaded(self, store: Store, paths: Sequence[str], **options: Any) -> Loaded:
        via = stores.open_uri(
            "gs://bq-stage/", lambda *_: Storage(requests.Session(), self.storage)
        )
        table = f"{self.dataset}.{options.pop('table')}"
        done, _ = loading.load(self.api, store, paths, via=Place(*via), table=table, **options)
        return done

    def read(self, table: str = "trips") -> pa.Table:
        path = str(self.stage / "read.parquet")
        read(self.api, Rows(table=f"{self.dataset}.{table}"), Disk(), path)
        return pq.read_table(path)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return Jobs(self.api, None).asked(query)

    def facts(self, table: str = "trips") -> Facts:
        """What is told of a table."""
        return self.api.ask("GET", path(gcs.PROJECT, "datasets", self.dataset, "tables", table))

    def tables(self) -> set[str]:
        address = path(gcs.PROJECT, "datasets", self.dataset, "tables")
        found = self.api.ask("GET", address).get("tables", ())
        names = {each["tableReference"]["tableId"] for each in found}
        kept = ("_factory_loads", "_factory_files", "_factory_lock_")
        return {name for name in names if not name.startswith(kept)}

    def known(self, step: str = STEP) -> Mapping[str, Known]:
        with WAREHOUSE.connected(self.api, 60) as session:
            table = WAREHOUSE.table(f"{self.dataset}.trips")
            assert isinstance(WAREHOUSE, KeepsFiles)
            return WAREHOUSE.files_in(session, table).get(step, {})

    def forget(self, load_id: str) -> None:
        self.run(f"DELETE FROM {self.dataset}._factory_loads WHERE load_id = '{load_id}'")

    def drop(self, table: str = "trips") -> None:
        tables.drop(self.api, tables.parse(f"{self.dataset}.{table}"))

    def forget_checks(self) -> None:
        for there, new in (("_factory_loads", "older"), ("older", "_factory_loads")):
            which = "* EXCEPT (checks)" if new == "older" else "*"
            self.run(
                f"CREATE TABLE {self.dataset}.{new} AS SELECT {which} FROM {self.dataset}.{there}"
            )
            self.drop(there)

    def copy(self, table: str, other: str) -> None:
        self.run(f"CREATE TABLE {self.dataset}.{other} AS SELECT * FROM {self.dataset}.{table}")

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        return self.ask(statement)


@dataclass(frozen=True)
class ExternalTables(BigQuery):
    """Tables whose rows stay in a folder."""

    session = External

    def loaded(self, store: Store, paths: Sequence[str], **options: Any) -> Loaded:
        table = f"{self.dataset}.{options.pop('table')}"
        options |= {"via": self.folder, "session": External}
        done, _ = loading.load(self.api, store, paths, table=table, **options)
        return done

    @property
    def folder(self) -> Place:
        """The files of an external table."""
        uri = f"gs://bq-stage/{self.dataset}/"
        return Place(*stores.open_uri(uri, lambda *_: Storage(requests.Session(), self.storage)))

    def files(self) -> set[str]:
        """Their names."""
        pages = self.folder.store.list(self.folder.path.rstrip("/"))
        return {file.path.rpartition("/")[2] for page in pages for file in page.files}
