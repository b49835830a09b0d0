from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from factory.definitions.reads import Part, Rows
from factory.stores.disk import Disk
from factory.transfer.mysql import read as reading
from factory.transfer.mysql.session import Address
from factory.transfer.to_parquet import Converted
from factory_embedded.services import mariadb


@dataclass
class Source:
    """An own database in the real server, and what is read of it."""

    server: mariadb.Server
    database: str
    stage: Path
    address: Address = field(init=False)

    def __post_init__(self) -> None:
        at = self.server
        self.address = Address(at.host, at.port, at.user, database=self.database)
        self.path = str(self.stage / "read.parquet")

    def run(self, *queries: str, values: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        connected = self.server.connect(database=self.database)
        with connected as connection, connection.cursor() as cursor:
            # dates that no calendar has may be written
            cursor.execute("SET SESSION sql_mode = 'ALLOW_INVALID_DATES'")
            cursor.execute("SET SESSION time_zone = '+00:00'")
            for query in queries:
                cursor.execute(query, values)
            return list(cursor.fetchall())

    def rows(self, query: str = "", **more: Any) -> Rows:
        table = more.pop("table", "source")
        return Rows(**({"query": query} if query else {"table": table}), **more)

    def read(self, query: str = "", **more: Any) -> Converted:
        seconds = more.pop("statement_timeout", 60)
        zero_dates = more.pop("zero_dates", "fail")
        given = self.rows(query, **more)
        options: Any = {"zero_dates": zero_dates, "statement_timeout": seconds}
        return reading.read(self.address, given, Disk(), self.path, **options)

    def split(self, column: str, number: int) -> list[Part]:
        return reading.split(self.address, self.rows(), column, number)

    def values(self, column: str) -> list[Any]:
        found: list[Any] = pq.read_table(self.path).column(column).to_pylist()
        return found

    def of(self, user: str) -> "Source":
        other = replace(self)
        other.address = replace(self.address, user=user)
        return other

    def nowhere(self) -> "Source":
        """By a connection that names no database."""
        other = replace(self)
        other.address = replace(self.address, database="")
        return other


@pytest.fixture
def source(
    real_mariadb: mariadb.Server, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Source]:
    database = f"s{abs(hash(request.node.nodeid))}"
    found = Source(real_mariadb, database, tmp_path)
    with real_mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {database}")
        yield found
        cursor.execute(f"DROP DATABASE {database}")
