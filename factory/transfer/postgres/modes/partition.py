"""`{mode: partition, column: pickup_at}`: the rows become those of one interval of time."""

import logging
import re
from dataclasses import dataclass
from functools import partial

from psycopg import sql

from factory.definitions import writes
from factory.transfer.postgres.modes.parts import Changed, Given, Plain, Staged, insert, turned_away
from factory.transfer.postgres.rows import guard_of
from factory.transfer.postgres.table import Connection, Existing, Table
from factory.transfer.warehouse import interval
from factory.transfer.warehouse.interval import Bounds, Interval
from factory.transfer.warehouse.rows import Guard

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Partition(Plain):
    """Of this column, from `start` until before `end`."""

    column: str
    kind: str | None  # the staged column's type; None when it holds nulls only
    interval: Interval
    outside: str = "fail"
    name: str = "partition"
    needs: tuple[str, ...] = ("SELECT", "INSERT", "DELETE")

    def bounds(self, kind: str) -> Bounds:
        """As values that compare with a column of this type. Raises `BadOption`."""
        word = re.sub(r"\(\d\)", "", kind)
        if word == "timestamp with time zone":
            return self.interval.start, self.interval.end
        if word == "timestamp without time zone":
            return self.interval.utc
        if word != "date":
            raise interval.no_time(self.column, kind)
        return self.interval.days(self.column)

    def verify(self, target: Existing) -> None:
        """The target has the column, and it is a time."""
        self.bounds(interval.require(self.column, target.columns))

    def tidy(self, connection: Connection, staged: Staged) -> int:
        """Remove what is outside the interval, if so asked; so is a null."""
        if self.outside == "fail":
            return 0
        query = sql.SQL("DELETE FROM {} WHERE {}")
        cursor = connection.execute(self._asked(query, staged))
        log.info("dropped %d rows outside %s", cursor.rowcount, self.interval)
        return cursor.rowcount

    def guard(self, staged: Staged) -> Guard[Connection] | None:
        """No row is outside: cheaper asked of the least and the greatest than of each row."""
        if self.outside == "drop":
            return None
        doubt: sql.Composable = sql.SQL("count(*) > 0")
        if self.kind is not None:
            doubt = sql.SQL(
                "count({0}) < count(*) OR coalesce(min({0}) < {1} OR max({0}) >= {2}, false)"
            ).format(sql.Identifier(self.column), *map(sql.Literal, self.bounds(self.kind)))
        return guard_of(doubt, partial(self._refuse, staged))

    def _refuse(self, staged: Staged, connection: Connection) -> None:
        """Raise `BadRow` when there are rows outside."""
        query = sql.SQL("SELECT count(*), min({})::text FROM {} WHERE {}")
        column = sql.Identifier(self.column)
        found = connection.execute(self._asked(query, staged, column)).fetchone()
        assert found is not None
        count, example = found
        if count:
            raise interval.outside(self.column, count, staged.rows, self.interval, example)

    def _asked(self, query: sql.SQL, staged: Staged, *more: sql.Composable) -> sql.Composed:
        where: sql.Composable = sql.SQL("true")
        if self.kind is not None:
            where = sql.SQL("{0} IS NULL OR {0} < {1} OR {0} >= {2}").format(
                sql.Identifier(self.column), *map(sql.Literal, self.bounds(self.kind))
            )
        return query.format(*more, staged.table.identifier, where)

    def write(
        self, connection: Connection, target: Table, existing: Existing, staged: Staged
    ) -> Changed:
        """Delete the interval's rows and insert the load's."""
        query = sql.SQL("DELETE FROM {} WHERE {}")
        cursor = connection.execute(query.format(target.identifier, self._inside(existing)))
        return Changed(insert(connection, target, existing, staged), deleted=cursor.rowcount)

    def _inside(self, existing: Existing) -> sql.Composed:
        start, end = map(sql.Literal, self.bounds(existing.columns[self.column]))
        return sql.SQL("{0} >= {1} AND {0} < {2}").format(sql.Identifier(self.column), start, end)

    def arrived(
        self, connection: Connection, target: Table, existing: Existing, staged: Staged
    ) -> None:
        """The interval has these rows, and no others."""
        query = sql.SQL("SELECT count(*) FROM {} WHERE {}")
        query_ = query.format(target.identifier, self._inside(existing))
        (found,) = connection.execute(query_).fetchone() or (0,)
        if found != staged.rows:
            raise turned_away(target, found, staged.rows)


def of(write: writes.Partition, given: Given) -> Partition:
    """Its column is one of the load, and its interval is one."""
    column, found = interval.of(write, given)
    kind = None if column.empty else column.type
    result = Partition(write.column, kind, found, write.outside)
    if kind is not None:
        result.bounds(kind)
    return result
