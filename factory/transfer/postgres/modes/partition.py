"""`{mode: partition, column: pickup_at}`: the rows become those of one interval of time.

The interval is the run's, or `start` and `end`: `start <= column < end`. A `timestamp` without a
time zone is taken as UTC; so is a `date`, but that the run's own interval is of days of its zone.
"""

import logging
import re
from dataclasses import dataclass
from datetime import date, datetime, timezone
from functools import partial

from psycopg import sql

from factory.definitions import writes
from factory.transfer.errors import BadOption, BadRow, unknown
from factory.transfer.postgres.modes.parts import Changed, Given, Plain, Staged, insert, turned_away
from factory.transfer.postgres.rows import guard_of
from factory.transfer.postgres.table import Connection, Existing, Table
from factory.transfer.warehouse.rows import Guard

log = logging.getLogger(__name__)

HOW_TO = (
    "Say in `schedule` what a run covers, such as `{cron: …, covers: previous_day}`, or write "
    'bounds: `start: "{{ interval.day }}"`, `end: …`'
)

Bounds = tuple[date, date]


@dataclass(frozen=True)
class Partition(Plain):
    """Of this column, from `start` until before `end`."""

    column: str
    kind: str | None  # the staged column's type; None when it holds nulls only
    start: datetime
    end: datetime
    outside: str = "fail"
    name: str = "partition"
    needs: tuple[str, ...] = ("SELECT", "INSERT", "DELETE")

    def bounds(self, kind: str) -> Bounds:
        """As values that compare with a column of this type. Raises `BadOption`."""
        word = re.sub(r"\(\d\)", "", kind)
        if word == "timestamp with time zone":
            return self.start, self.end
        if word == "timestamp without time zone":
            return _in_utc(self.start), _in_utc(self.end)
        if word != "date":
            raise BadOption(
                f"the column {self.column!r} of the write mode partition is {kind}",
                "Name a date or a timestamp",
            )
        start, end = (moment.replace(tzinfo=None) for moment in (self.start, self.end))
        if start != _midnight(start) or end != _midnight(end):
            raise BadOption(
                f"the interval {self} cuts days, but the column {self.column!r} is a date", HOW_TO
            )
        return start.date(), end.date()

    def __str__(self) -> str:
        return f"{_shown(self.start)} … {_shown(self.end)}"

    def verify(self, target: Existing) -> None:
        """The target has the column, and it is a time."""
        if self.column not in target.columns:
            raise unknown("column of the write mode partition", self.column, target.columns)
        self.bounds(target.columns[self.column])

    def tidy(self, connection: Connection, staged: Staged) -> int:
        """Remove what is outside the interval, if so asked; so is a null."""
        if self.outside == "fail":
            return 0
        query = sql.SQL("DELETE FROM {} WHERE {}")
        cursor = connection.execute(self._asked(query, staged))
        log.info("dropped %d rows outside %s", cursor.rowcount, self)
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
            raise BadRow(
                f"{self.column!r} of {count} of {staged.rows} rows is outside the interval "
                f"{self}, for example {example or 'null'}",
                "Correct the interval, or write `outside: drop`",
            )

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
    columns = {column.name: column for column in given.columns}
    if write.column not in columns:
        raise unknown("column of the write mode partition", write.column, columns)
    column = columns[write.column]
    kind = None if column.empty else column.type
    result = Partition(write.column, kind, *_interval(write, given), write.outside)
    if kind is not None:
        result.bounds(kind)
    return result


def _interval(write: writes.Partition, given: Given) -> tuple[datetime, datetime]:
    start, end = write.start, write.end
    if (start is None) != (end is None):
        raise BadOption("the write mode partition has one of `start` and `end`", HOW_TO)
    if start is not None and end is not None:
        first, last, whose = _moment("start", start), _moment("end", end), "the interval"
    elif given.interval is None:
        raise BadOption("this run has no data interval", HOW_TO)
    else:
        first, last = given.interval  # in the pipeline's time zone, whose days a date is of
        whose = "the run's data interval"
    if first >= last:
        hint = HOW_TO if start is None else "`end` is the first moment that is not in it"
        raise BadOption(f"{whose} is empty: {_shown(first)} … {_shown(last)}", hint)
    return first, last


def _moment(name: str, text: str) -> datetime:
    try:
        found = datetime.fromisoformat(re.sub("[Zz]$", "+00:00", text.strip()))
        return found.replace(tzinfo=found.tzinfo or timezone.utc).astimezone(timezone.utc)
    except (ValueError, OverflowError):  # the last: in UTC, it is not of the years 1 to 9999
        raise BadOption(
            f"`{name}` of the write mode partition is {text!r}",
            "Write an ISO date or time, such as 2024-01-31 or 2024-01-31T06:00:00Z",
        ) from None


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc).replace(tzinfo=None)


def _shown(moment: datetime) -> str:
    return _in_utc(moment).strftime("%Y-%m-%d %H:%M:%SZ").replace(" 00:00:00Z", "")
