"""What the checks share: what they look at, what one provides, what it finds."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Protocol

from psycopg import sql

from factory.transfer import options as opt
from factory.transfer.errors import BadOption, unknown
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
    """A subject, and what the database says about it."""

    subject: Subject
    types: Mapping[str, str]  # without modifiers: `numeric`, not `numeric(10,2)`
    stored: bool  # its first rows are there at once, unlike those of a view


@dataclass(frozen=True)
class Guard:
    """What must hold of the rows before any check is judged; asked in the checks' one pass."""

    doubt: sql.Composable  # an aggregate: true when there may be a wrong row
    refuse: Callable[[Connection], None]  # look closer; raises `BadRow`


def together(*guards: Guard | None) -> Guard | None:
    """Several guards as one."""
    given = [guard for guard in guards if guard is not None]
    if len(given) < 2:
        return given[0] if given else None

    def refuse(connection: Connection) -> None:
        for guard in given:
            guard.refuse(connection)

    doubts = [sql.SQL("({})").format(guard.doubt) for guard in given]
    return Guard(sql.SQL(" OR ").join(doubts), refuse)


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

    def aggregates(self, connection: Connection, scope: Scope) -> dict[str, sql.Composable]:
        """Name → aggregate, measured for all checks in one pass over the table."""

    def measure(
        self, connection: Connection, scope: Scope, measured: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What takes a query of its own, given what the pass measured and the number of `rows`."""

    def judge(self, scope: Scope, measured: Mapping[str, Any]) -> Finding:
        """Judge all that was measured."""


class Plain:
    """What most checks have none of."""

    def verify(self, connection: Connection, scope: Scope) -> None:
        """Nothing to ask."""

    def aggregates(self, connection: Connection, scope: Scope) -> dict[str, sql.Composable]:
        """Nothing but the number of rows."""
        return {}

    def measure(
        self, connection: Connection, scope: Scope, measured: Mapping[str, Any]
    ) -> dict[str, Any]:
        """No query of its own."""
        return {}


@dataclass(frozen=True)
class OfColumn(Plain):
    """A check of one column."""

    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The one."""
        return (self.column,)


@dataclass(frozen=True)
class Result:
    """What a check found, in numbers."""

    type: str
    severity: str
    passed: bool
    message: str
    measured: dict[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """As values that JSON has."""
        return {**asdict(self), "columns": list(self.columns)}


def one_column(check: str, options: Mapping[str, object], columns: Sequence[str]) -> str:
    """Read the option `column`. Raises `BadOption`."""
    name = opt.get(options, "column", str, "")
    if not name:
        raise BadOption(f"the check {check} needs a `column`")
    return _existing(check, name, columns)


def some_columns(
    check: str, options: Mapping[str, object], columns: Sequence[str]
) -> tuple[str, ...]:
    """Read the option `columns`. Raises `BadOption`."""
    names = opt.texts(options, "columns")
    if not names:
        raise BadOption(f"the check {check} needs `columns`")
    return tuple(dict.fromkeys(_existing(check, name, columns) for name in names))


def _existing(check: str, name: str, columns: Sequence[str]) -> str:
    if name not in columns:
        raise unknown(f"column in the check {check}", name, columns)
    return name


def number(check: str, options: Mapping[str, object], name: str) -> float | None:
    """Read a number; a template leaves it as text. Raises `BadOption`."""
    value = options.get(name)
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return value
    try:
        text = value.strip() if isinstance(value, str) else ""
        number = int(text) if text.lstrip("+-").isdigit() else float(text)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise BadOption(f"{name!r} of the check {check} must be a number, not {value!r}")
    return number


def many(count: int, what: str = "row") -> str:
    """`1 row`, `2 rows`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
