"""What the checks share: what they look at, what one provides, what it finds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from psycopg import sql

from factory.transfer.postgres.table import Connection, Table


@dataclass(frozen=True)
class Subject:
    """The rows that are checked."""

    table: Table
    columns: Sequence[str]
    key: Sequence[str] = ()  # what names a row in samples
    as_of: datetime | None = None  # None: now
    previous_rows: int | None = None  # rows of the previous load; None: there was none
    where: str = ""  # SQL condition; empty: all rows


@dataclass(frozen=True)
class Scope:
    """A subject, and what the database says about its columns."""

    subject: Subject
    types: Mapping[str, str]  # without modifiers: `numeric`, not `numeric(10,2)`


@dataclass(frozen=True)
class Finding:
    """What a check makes of its numbers."""

    passed: bool
    message: str
    measured: dict[str, Any]
    bad: sql.Composable | None = None  # the condition that failing rows meet
    shown: str = ""  # the column whose values are shown when rows have no key


class Check(Protocol):
    """A check, its options read."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it is about."""

    def verify(self, connection: Connection, scope: Scope) -> None:
        """Ask the database whether the options make sense. Raises `BadOption`."""

    def aggregates(self, scope: Scope) -> dict[str, sql.Composable]:
        """Name → aggregate, measured for all checks in one pass over the table."""

    def measure(self, connection: Connection, scope: Scope) -> dict[str, Any]:
        """What takes a query of its own."""

    def judge(self, scope: Scope, measured: Mapping[str, Any]) -> Finding:
        """Judge what was measured; `rows` is there always."""


class Plain:
    """What most checks have none of."""

    columns: tuple[str, ...] = ()

    def verify(self, connection: Connection, scope: Scope) -> None:
        """Nothing to ask."""

    def aggregates(self, scope: Scope) -> dict[str, sql.Composable]:
        """Nothing but the number of rows."""
        return {}

    def measure(self, connection: Connection, scope: Scope) -> dict[str, Any]:
        """No query of its own."""
        return {}


@dataclass(frozen=True)
class Result:
    """What a check found, in numbers."""

    type: str
    severity: str
    passed: bool
    message: str
    measured: dict[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
