import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from psycopg import sql

from factory.definitions import checks, writes
from factory.stores.disk import Disk
from factory.stores.memory import Memory
from factory.stores.model import Store
from factory.transfer.postgres.load import load
from factory.transfer.warehouse.load import Loaded
from factory_embedded.services import postgres
from factory_embedded.services.postgres import Server

APPEND, REPLACE = {"mode": "append"}, {"mode": "replace"}


@dataclass(frozen=True)
class Warehouse:
    """An own schema in the real server, and a load into it."""

    uri: str
    schema: str
    stage: Path
    store: Store = field(default_factory=Disk)

    def load(
        self,
        data: pa.Table | Mapping[str, Sequence[object]],
        write: Mapping[str, object] = APPEND,
        **options: Any,
    ) -> Loaded:
        return self.load_all([data], write, **options)

    def load_all(
        self,
        files: Sequence[pa.Table | Mapping[str, Sequence[object]]],
        write: Mapping[str, object] = APPEND,
        *,
        table: str = "trips",
        load_id: str = "run 1",
        uri: str | None = None,
        **options: Any,
    ) -> Loaded:
        paths = [str(self.stage / f"data-{number}.parquet") for number in range(len(files))]
        for path, data in zip(paths, files, strict=True):
            with self.store.writer(path) as out:
                pq.write_table(data if isinstance(data, pa.Table) else pa.table(data), out)
        return load(
            uri or self.uri,
            self.store,
            paths,
            table=f"{self.schema}.{table}",
            write=writes.parse(write),
            checks=[checks.parse(check) for check in options.pop("checks", ())],
            load_id=load_id,
            **options,
        )

    def run(self, query: str, *names: str, binary: bool = False) -> list[tuple[Any, ...]]:
        """`{}` in the query stands for a table of this schema."""
        tables = [sql.Identifier(self.schema, name) for name in names or ("trips",)]
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute("SET timezone = 'UTC'")
            cursor = connection.execute(sql.SQL(query).format(*tables), binary=binary)
            return cursor.fetchall() if cursor.description else []

    def rows(self, columns: str = "*") -> list[tuple[Any, ...]]:
        return sorted(self.run(f"SELECT {columns} FROM {{}}"))

    def locks(self) -> list[tuple[Any, ...]]:
        """Locks that loads left behind."""
        return self.run("SELECT objid FROM pg_locks WHERE locktype = 'advisory'")

    def tables(self) -> set[str]:
        query = "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace"
        query += " AND relkind IN ('r', 'p', 'v', 'm')"
        with psycopg.connect(self.uri) as connection:
            return {row[0] for row in connection.execute(query, (self.schema,))}


on_both_stores = pytest.mark.parametrize(
    "warehouse", [Disk(), Memory("loads")], ids=["disk", "memory"], indirect=True
)
"""For what reads the staged files: of these tests, there is one for each store."""


@pytest.fixture
def warehouse(
    postgres: Server, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Warehouse]:
    schema = f"s{abs(hash(request.node.nodeid))}"
    with psycopg.connect(postgres.uri, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    store = getattr(request, "param", Disk())
    yield Warehouse(postgres.uri, schema, tmp_path, store)
    if store != Disk():
        store.delete_below("")
    with psycopg.connect(postgres.uri, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    """A schema in the machine's own server: the embedded one has no ICU and no extensions."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        said = "the machine has no PostgreSQL of its own, and the embedded one lacks a part"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(said)
    monkeypatch.setattr(postgres, "_binaries", lambda: found[-1].parent)
    with postgres.running(tmp_path / "postgres" / "data") as server:
        yield Warehouse(server.uri, "public", tmp_path)
