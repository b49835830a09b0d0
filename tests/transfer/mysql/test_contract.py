"""MySQL keeps what every warehouse keeps: here on MariaDB, whose words are the same."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.definitions.reads import Rows
from factory.stores.disk import Disk
from factory.stores.model import Store
from factory.transfer.mysql import load as loading
from factory.transfer.mysql.read import read
from factory.transfer.mysql.session import Address
from factory.transfer.mysql.warehouse import WAREHOUSE
from factory.transfer.warehouse.arrivals import KeepsFiles, Known
from factory.transfer.warehouse.load import Loaded
from factory_embedded.services import mariadb

from ..warehouse.contract import LEAST, WARNS, Bench, Contract, kill, rows_of, verdicts
from ..warehouse.files import STEP, KnowsFiles


@dataclass(frozen=True)
class Mysql(KnowsFiles):
    """An own database in the real server."""

    address: Address

    session = loading.Session
    many = 9000
    names: ClassVar[Sequence[str]] = (*Bench.names, "ö" * 64)
    back: ClassVar[dict[str, pa.DataType]] = {"bool": pa.int8()}

    def loaded(self, store: Store, paths: Sequence[str], **options: Any) -> Loaded:
        return loading.load(self.address, store, paths, **options)

    def read(self, table: str = "trips") -> pa.Table:
        path = str(self.stage / "read.parquet")
        read(self.address, Rows(table=table), Disk(), path)
        return pq.read_table(path)

    def run(self, *queries: str) -> list[tuple[Any, ...]]:
        at = mariadb.Server(self.address.host, self.address.port, "root", self.address.database)
        with at.connect() as connection, connection.cursor() as cursor:
            for query in queries:
                cursor.execute(query)
            return list(cursor.fetchall())

    def known(self, step: str = STEP) -> Mapping[str, Known]:
        assert isinstance(WAREHOUSE, KeepsFiles)
        with WAREHOUSE.connected(self.address, 60) as connection:
            return WAREHOUSE.files_in(connection, WAREHOUSE.table("trips")).get(step, {})

    def forget(self, load_id: str) -> None:
        self.run(f"DELETE FROM _factory_loads WHERE load_id = '{load_id}'")

    def drop(self, table: str = "trips") -> None:
        self.run(f"DROP TABLE {table}")

    def forget_checks(self) -> None:
        self.run("ALTER TABLE _factory_loads DROP COLUMN checks")

    def copy(self, table: str, other: str) -> None:
        self.run(f"CREATE TABLE {other} AS SELECT * FROM {table}")

    def tables(self) -> set[str]:
        return {name for (name,) in self.run("SHOW TABLES")} - {"_factory_loads", "_factory_files"}


@pytest.fixture
def bench(
    real_mariadb: mariadb.Server, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Mysql]:
    database, at = f"s{abs(hash(request.node.nodeid))}", real_mariadb
    found = Mysql(tmp_path, Address(at.host, at.port, at.user, database=database))
    with real_mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {database}")
        yield found
        cursor.execute(f"DROP DATABASE {database}")


class TestMysql(Contract):
    """The suite."""


@pytest.mark.parametrize(("count", "said"), [(1, "2 rows"), (12, "passed before the rows were")])
def test_a_comment_tells_of_checks_as_much_as_it_holds(bench: Mysql, count: int, said: str) -> None:
    """The table has come in by its name, and its load is not noted yet."""
    asked = [LEAST, *({**WARNS, "min": least} for least in range(9, 9 + count))]
    kill(bench, "write", rows_of(2, 3), "append", "run 1", asked)
    done = bench.load(rows_of(2, 3), "append", *asked)
    assert [word for _, _, word in verdicts(done)] == ["passed", *["failed"] * count]
    assert done.checks[0].message.startswith(said)
    assert bench.ids() == [2, 3]
    assert bench.tables() == {"trips"}
