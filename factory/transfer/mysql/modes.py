"""How rows are written into a target that is there: append, replace, partition; `merge` beside."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from factory.definitions import writes
from factory.transfer.errors import TransferError
from factory.transfer.mysql import table as tables
from factory.transfer.mysql.kinds import parts_of
from factory.transfer.mysql.session import Connection, ask, name
from factory.transfer.mysql.table import Existing
from factory.transfer.mysql.writing import run, value
from factory.transfer.warehouse import interval, parts
from factory.transfer.warehouse.interval import Bounds, Interval
from factory.transfer.warehouse.parts import Changed, Given, Table
from factory.transfer.warehouse.rows import Guard, raw

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Staged(parts.Staged):
    """Rows that wait to be published."""

    texts: Mapping[str, str] = field(default_factory=dict)  # as `Existing` has it
    filled: tuple[str, ...] = ()  # columns that take no null in the target
    like: Table | None = None  # made as this is, whose place it may take
    joined: bool = False  # with a target that is there, by its key


class Mode(parts.Mode, Protocol):
    """One way to write."""

    @property
    def deletes(self) -> bool:
        """Whether rows that are there are taken away."""

    def verify(self, target: Existing) -> None:
        """Before any row is moved: does the target suit? Raises `BadOption`."""

    def tidy(self, connection: Connection, staged: Staged) -> int:
        """Remove staged rows that are not to be published: how many? Raises `BadRow`."""

    def guard(self, connection: Connection, staged: Staged) -> Guard[Connection] | None:
        """What the audit must refuse before anything is published."""

    def stay(self, staged: Staged) -> str:
        """Which rows `t` of the target stay, beside one of the load, `s`: a condition."""

    def ready(self, connection: Connection, staged: Staged) -> None:
        """What takes long, before others are made to wait."""

    def write(self, connection: Connection, target: Table, staged: Staged) -> Changed:
        """Write into a target that is there, within the caller's transaction."""


class Plain:
    """What most modes are, and do nothing about."""

    key: tuple[str, ...] = ()
    whole: bool = False
    numbered: bool = False
    once: bool = False
    deletes: bool = False

    def verify(self, target: Existing) -> None:
        """Any table will do."""

    def tidy(self, connection: Connection, staged: Staged) -> int:
        """Every row is written."""
        return 0

    def guard(self, connection: Connection, staged: Staged) -> Guard[Connection] | None:
        """Any rows will do."""
        return None

    def stay(self, staged: Staged) -> str:
        """All."""
        return "true"

    def ready(self, connection: Connection, staged: Staged) -> None:
        """Nothing takes long."""


def insert(connection: Connection, target: Table, staged: Staged, where: str = "") -> int:
    """Insert the staged rows."""
    given = tables.names(staged.given)
    return run(
        connection,
        f"INSERT INTO {tables.sql(target)} ({given})"
        f" SELECT {given} FROM {tables.sql(staged.table)}{where}",
    )


def insert_all(connection: Connection, target: Table, staged: Staged) -> int:
    """Insert every staged row. Raises `TransferError` when the table took another number."""
    done = insert(connection, target, staged)
    if done != staged.rows:
        raise TransferError(f"{target} took {done} of {staged.rows} rows")
    return done


@dataclass(frozen=True)
class Append(Plain):
    """`{mode: append}`: the rows are added; the ledger knows a load that was added before."""

    name: str = "append"
    once: bool = True

    def write(self, connection: Connection, target: Table, staged: Staged) -> Changed:
        """Insert."""
        return Changed(insert_all(connection, target, staged))


@dataclass(frozen=True)
class Replace(Plain):
    """`{mode: replace}`: the rows become the whole table, where that can't be exchanged."""

    name: str = "replace"
    whole: bool = True
    deletes: bool = True

    def write(self, connection: Connection, target: Table, staged: Staged) -> Changed:
        """Delete and insert: TRUNCATE would commit."""
        deleted = run(connection, f"DELETE FROM {tables.sql(target)}")
        return Changed(insert_all(connection, target, staged), deleted=deleted)


@dataclass(frozen=True)
class Partition(Plain):
    """`{mode: partition, column: day}`: the rows become those of one interval of time."""

    column: str
    kind: str | None  # the load's type; None when it holds nulls only
    interval: Interval
    outside: str = "fail"
    name: str = "partition"
    deletes: bool = True

    def bounds(self, kind: str) -> Bounds:
        """As values that compare with a column of this type. Raises `BadOption`."""
        word = parts_of(kind)[0]
        if word in ("datetime", "timestamp"):
            return self.interval.utc
        if word != "date":
            raise interval.no_time(self.column, kind)
        return self.interval.days(self.column)

    def verify(self, target: Existing) -> None:
        """The target has the column, and it is a time."""
        self.bounds(interval.require(self.column, target.columns))

    def stay(self, staged: Staged) -> str:
        """Those outside the interval."""
        return f"NOT coalesce({self._inside(staged, 't.')}, false)"

    def _inside(self, staged: Staged, of: str = "") -> str:
        kind = next(each.type for each in staged.columns if each.name == self.column)
        start, end = (value(bound) for bound in self.bounds(kind))
        own = of + name(self.column)
        return f"({own} >= {start} AND {own} < {end})"

    def _outside(self, staged: Staged) -> str:
        if self.kind is None:
            return "true"
        return f"NOT coalesce({self._inside(staged)}, false)"

    def tidy(self, connection: Connection, staged: Staged) -> int:
        """Remove what is outside the interval, if so asked; so is a null."""
        if self.outside == "fail":
            return 0
        where = self._outside(staged)
        dropped = run(connection, f"DELETE FROM {tables.sql(staged.table)} WHERE {where}")
        log.info("dropped %d rows outside %s", dropped, self.interval)
        return dropped

    def guard(self, connection: Connection, staged: Staged) -> Guard[Connection] | None:
        """No row is outside."""
        if self.outside == "drop":
            return None
        where = self._outside(staged)
        return Guard(raw(f"coalesce(max({where}), false)"), partial(self._refuse, staged, where))

    def _refuse(self, staged: Staged, where: str, connection: Connection) -> None:
        ((count, example),) = ask(
            connection,
            f"SELECT count(*), min({name(self.column)}) FROM {tables.sql(staged.table)}"
            f" WHERE {where}",
        )
        if count:
            raise interval.outside(self.column, count, staged.rows, self.interval, example)

    def write(self, connection: Connection, target: Table, staged: Staged) -> Changed:
        """Delete the interval's rows and insert the load's."""
        inside = self._inside(staged)
        deleted = run(connection, f"DELETE FROM {tables.sql(target)} WHERE {inside}")
        return Changed(insert_all(connection, target, staged), deleted=deleted)


def partition(write: writes.Partition, given: Given) -> Partition:
    """Its column is one of the load, and its interval is one."""
    column, found = interval.of(write, given)
    kind = None if column.empty else column.type
    result = Partition(write.column, kind, found, write.outside)
    if kind is not None:
        result.bounds(kind)
    return result
