"""Have rows arrived in a table of any database? It is read, never written."""

from __future__ import annotations

from contextlib import closing
from datetime import date, datetime, timezone
from typing import Any

from factory.transfer.dbapi.driver import Database, Limit, Session
from factory.transfer.errors import BadOption
from factory.transfer.warehouse.arrived import Interval, day

_FETCHED = 1000  # rows


def rows_in(
    database: Database,
    table: str,
    *,
    column: str = "",
    interval: Interval | None = None,
    where: str = "",
    most: int,
    seconds: float,
) -> int:
    """As `factory.transfer.warehouse.arrived.rows_in`; what a driver raises is a `TransferError`:
    `Missing` where there is no such table, `Unavailable` where it cannot be asked now.

    What a column is of, its first value tells: a moment, a day, or either as text.
    """
    with Limit(seconds) as limit, closing(Session(database, limit, table)) as session:
        conditions = [f"({where}\n)"] if where else []
        bounds = None
        if interval:
            if (value := _first(session, table, column)) is None:
                return 0
            bounds = bounds_for(column, value, interval)
        statement = session.statement()
        if bounds:
            name = statement.column(column)
            first, last = map(statement.bound, bounds)
            conditions.append(f"{name} >= {first} AND {name} < {last}")
        also = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        text = f"SELECT 1 FROM {statement.name(table)}{also}"
        found = 0
        with session.run(text, statement) as cursor:
            while more := len(session.fetched(cursor, min(_FETCHED, max(most - found, 1)))):
                found += more
                if found >= most:
                    break
    return found


def _first(session: Session, table: str, column: str) -> Any:
    statement = session.statement()
    name = statement.column(column)
    text = f"SELECT {name} FROM {statement.name(table)} WHERE {name} IS NOT NULL"
    with session.run(text, statement) as cursor:
        rows = session.fetched(cursor, 1)
    return rows[0][0] if rows else None


def bounds_for(column: str, value: Any, interval: Interval) -> tuple[Any, Any]:
    """An interval's bounds as values like one of the column. Raises `BadOption`: it is no time."""
    if isinstance(value, datetime):
        return _moments(interval, bare=value.tzinfo is None)
    if isinstance(value, date):
        first, last = (date.fromisoformat(day(moment, interval)) for moment in interval)
        return first, last
    if isinstance(value, str) and len(value) == len("2024-01-31"):
        return day(interval[0], interval), day(interval[1], interval)
    if isinstance(value, str) and len(value) > len("2024-01-31"):
        first, last = _moments(interval, bare=True)
        return first.isoformat(value[10]), last.isoformat(value[10])
    kind = type(value).__name__
    raise BadOption(f"the column {column!r} holds values of {kind}", "Name a date or a timestamp")


def _moments(interval: Interval, *, bare: bool) -> tuple[datetime, datetime]:
    start, end = (moment.astimezone(timezone.utc) for moment in interval)
    return (start.replace(tzinfo=None), end.replace(tzinfo=None)) if bare else (start, end)
