from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests

from factory import stores
from factory.definitions.reads import Rows
from factory.stores.disk import Disk
from factory.stores.gcs.api import Api as Storage
from factory.stores.model import Place, Store
from factory.transfer.snowflake import ledger, session
from factory.transfer.snowflake import load as loading
from factory.transfer.snowflake.read import read
from factory.transfer.snowflake.session import Account, Limits
from factory.transfer.snowflake.warehouse import WAREHOUSE
from factory.transfer.warehouse.arrivals import KeepsFiles, Known
from factory.transfer.warehouse.load import Loaded
from factory_embedded.services import gcs, snowflake

from ..warehouse.files import STEP, KnowsFiles

LIMITS = Limits(lock=30, statement=120)


@dataclass(frozen=True)
class Login:
    """What a connection gives; it is pickled."""

    port: int
    account: str = snowflake.ACCOUNT

    def __call__(self) -> dict[str, Any]:
        return {
            "user": "factory",
            "password": "factory",
            "account": self.account,
            "database": snowflake.DATABASE,
            "schema": snowflake.SCHEMA,
            "host": "127.0.0.1",
            "port": self.port,
            "protocol": "http",
        }


@dataclass(frozen=True)
class Snowflake(KnowsFiles):
    """An own schema in what stands in for Snowflake."""

    server: snowflake.Server
    port: int
    schema: str
    endpoint: str = ""
    bucket: str = ""
    """Of Google Cloud Storage, that files go through by the stage `landing`; else by PUT."""
    account_name: str = snowflake.ACCOUNT

    session = loading.Session
    examples = 4
    back: ClassVar[dict[str, pa.DataType]] = {
        **dict.fromkeys(("i8", "i16", "i32", "i64"), pa.decimal128(38, 0)),
        **dict.fromkeys(("u8", "u16", "u32", "u64"), pa.decimal128(38, 0)),
        "f32": pa.float64(),
    }

    preloaded = ("factory.transfer.warehouse.load", "pandas", "sqlglot")

    def __getstate__(self) -> dict[str, Any]:
        """What a process that is killed needs."""
        return {"stage": self.stage, "server": None, "port": self.port, "schema": self.schema} | {
            "endpoint": self.endpoint,
            "bucket": self.bucket,
            "account_name": self.account_name,
        }

    @property
    def account(self) -> Account:
        return session.account(Login(self.port, self.account_name), "a test")

    def loaded(self, store: Store, paths: Sequence[str], **options: Any) -> Loaded:
        table = f"{self.schema}.{options.pop('table')}"
        if self.bucket:
            options = {"via": ("landing", self.folder), **options}
        return loading.load(self.account, store, paths, table=table, **options)

    @property
    def folder(self) -> Place:
        """That files go through."""
        return self.place("in/loads/")

    def place(self, path: str) -> Place:
        """In the bucket."""
        uri = f"gs://lake@{self.bucket}/{path}"
        return stores.open_uri(uri, lambda *_: Storage(requests.Session(), self.endpoint))

    def read(self, table: str = "trips", **more: Any) -> pa.Table:
        path = str(self.stage / "read.parquet")
        read(self.account, Rows(table=f"{self.schema}.{table}", **more), Disk(), path)
        return pq.read_table(path)

    def run(self, query: str) -> list[tuple[Any, ...]]:
        """SQL, in which names are of the schema."""
        with session.connected(self.account, LIMITS) as connection:
            session.ask(connection, f"USE SCHEMA {self.schema}")
            return [tuple(row) for row in session.ask(connection, query)]

    def known(self, step: str = STEP) -> Mapping[str, Known]:
        assert isinstance(WAREHOUSE, KeepsFiles)
        with session.connected(self.account, LIMITS) as connection:
            table = WAREHOUSE.table(f"{self.schema}.trips")
            return WAREHOUSE.files_in(connection, table).get(step, {})

    def forget(self, load_id: str) -> None:
        self.run(f"DELETE FROM {ledger.NAME} WHERE LOAD_ID = '{load_id}'")

    def drop(self, table: str = "trips") -> None:
        self.run(f"DROP TABLE {table}")

    def forget_checks(self) -> None:
        self.drop("_FACTORY_CHECKS")

    def copy(self, table: str, other: str) -> None:
        self.run(f"CREATE TABLE {other} AS SELECT * FROM {table}")

    def tables(self) -> set[str]:
        query = "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = "
        found = {name for (name,) in self.run(f"{query}'{self.schema}'")}
        kept = ("_FACTORY_LOADS", "_FACTORY_CHECKS", "_FACTORY_FILES", "_FACTORY_LOCK_")
        ours = {name for name in found if name.startswith(kept)}
        return {name.lower() for name in found - ours}


@pytest.fixture
def bench(
    real_snowflake: snowflake.Server, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Snowflake]:
    schema = f"S{abs(hash(request.node.nodeid))}"
    made = Snowflake(tmp_path, real_snowflake, real_snowflake.port, schema)
    with session.connected(made.account, LIMITS) as connection:
        session.ask(connection, f"CREATE SCHEMA {schema}")
        yield made
        session.ask(connection, f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
def external(bench: Snowflake, real_gcs: gcs.Server) -> Snowflake:
    """The same, by a stage over a bucket."""
    bucket = f"b-{bench.schema.lower()}"
    real_gcs.create_bucket(bucket)
    bench.server.read_buckets("gcs://", real_gcs.data)
    bench.run(f"CREATE STAGE landing URL = 'gcs://{bucket}/in/' STORAGE_INTEGRATION = lake")
    return replace(bench, endpoint=real_gcs.endpoint, bucket=bucket)
