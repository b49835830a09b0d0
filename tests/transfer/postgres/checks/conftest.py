from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import sql

from factory.definitions import checks as definitions
from factory.transfer.errors import ChecksFailed
from factory.transfer.postgres import rows as postgres
from factory.transfer.postgres.table import Connection, Table
from factory.transfer.warehouse.audit import Result, audit, prepare, verify
from factory.transfer.warehouse.rows import Subject

from ..conftest import Warehouse

Check = dict[str, Any]


@dataclass(frozen=True)
class Rows:
    """A table of the test's own, to be checked."""

    connection: Connection
    table: Table

    def make(self, columns: str, *rows: Sequence[object]) -> None:
        """Create the table, and fill it."""
        name = self.table.identifier
        self.connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(name))
        create = sql.SQL("CREATE TABLE {} ({})").format(name, sql.SQL(columns))
        self.connection.execute(create)
        if rows:
            places = sql.SQL(", ").join([sql.Placeholder()] * len(rows[0]))
            insert = sql.SQL("INSERT INTO {} VALUES ({})").format(name, places)
            self.connection.cursor().executemany(insert, rows)

    def subject(self, **more: Any) -> Subject:
        query = sql.SQL("SELECT * FROM {} LIMIT 0").format(self.table.identifier)
        names = [column.name for column in self.connection.execute(query).description or ()]
        return Subject(self.table, names, **more)

    def seen(self, **subject: Any) -> postgres.Rows:
        return postgres.Rows(self.connection, self.subject(**subject))

    def verify(self, *checks: Check, **subject: Any) -> None:
        seen = self.seen(**subject)
        verify(seen, _prepared(seen, checks))

    def audit(self, *checks: Check, **subject: Any) -> list[Result]:
        """All results, whether they failed or not."""
        try:
            seen = self.seen(**subject)
            return audit(seen, _prepared(seen, checks))[1]
        except ChecksFailed as error:
            return list(error.results)

    def one(self, check: Check, **subject: Any) -> tuple[bool, str]:
        """Whether it passed, and what it said."""
        (result,) = self.audit(check, **subject)
        return result.passed, result.message


def _prepared(seen: postgres.Rows, checks: Sequence[Check]) -> list[definitions.Check]:
    parsed = [definitions.parse(check) for check in checks]
    prepare(parsed, seen.subject.columns)
    return parsed


@pytest.fixture
def rows(warehouse: Warehouse) -> Iterator[Rows]:
    with psycopg.connect(warehouse.uri, autocommit=True) as connection:
        yield Rows(connection, Table(warehouse.schema, 'trips "of" {May}'))
