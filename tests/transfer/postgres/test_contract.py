"""PostgreSQL keeps what every warehouse keeps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from psycopg import sql

from factory.definitions.reads import Rows
from factory.stores.disk import Disk
from factory.stores.model import Store
from factory.transfer.postgres import load as loading
from factory.transfer.postgres.read import read
from factory.transfer.warehouse.load import Loaded
from factory_embedded.services.postgres import Server

from ..warehouse.contract import Bench, Contract


@dataclass(frozen=True)
class Postgres(Bench):
    """An own schema in the real server."""

    uri: str
    schema: str

    session = loading.Session
    back: ClassVar[dict[str, pa.DataType]] = {
        "i8": pa.int16(),
        "u8": pa.int16(),
        "u16": pa.int32(),
        "u32": pa.int64(),
        "u64": pa.decimal128(20, 0),
    }

    def loaded(self, store: Store, paths: Sequence[str], **options: Any) -> Loaded:
        table = f"{self.schema}.{options.pop('table')}"
        return loading.load(self.uri, store, paths, table=table, **options)

    def read(self, table: str = "trips") -> pa.Table:
        path = str(self.stage / "read.parquet")
        read(self.uri, Rows(table=f"{self.schema}.{table}"), Disk(), path)
        return pq.read_table(path)

    def tables(self) -> set[str]:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = %s"
        with psycopg.connect(self.uri) as connection:
            found = {name for (name,) in connection.execute(query, (self.schema,))}
        return found - {"_factory_loads"}

    def forget_checks(self) -> None:
        ledger = sql.Identifier(self.schema, "_factory_loads")
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(sql.SQL("ALTER TABLE {} DROP COLUMN checks").format(ledger))


@pytest.fixture
def bench(postgres: Server, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Postgres]:
    schema = f"s{abs(hash(request.node.nodeid))}"
    with psycopg.connect(postgres.uri, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    yield Postgres(tmp_path, postgres.uri, schema)
    with psycopg.connect(postgres.uri, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))


class TestPostgres(Contract):
    """The suite."""
