"""Have rows arrived in a table? It is read, never written."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlglot import exp

from factory.definitions.checks.parts import count_of, name_of
from factory.transfer.errors import BadOption, unknown
from factory.transfer.warehouse.rows import Rows, S, Subject
from factory.transfer.warehouse.warehouse import Warehouse

Interval = tuple[datetime, datetime]
"""From the first moment until before the second."""


def rows_in(
    warehouse: Warehouse[S],
    address: Any,
    table: str,
    *,
    column: str = "",
    interval: Interval | None = None,
    where: str = "",
    most: int,
    seconds: float,
) -> int:
    """How many rows, up to `most`, meet `where` and have their `column` in `interval`.

    Raises `Missing` when there is no table, `BadOption`, and the warehouse's own errors.
    """
    target = warehouse.table(table)
    with warehouse.connected(address, seconds) as session:
        columns = warehouse.columns(session, target)
        if column and column not in columns:
            raise unknown(f"column of {target}", column, columns)
        rows = warehouse.rows(session, Subject(target, columns, where=where))
        with rows.reading():
            also = inside(rows, column, interval) if interval else None
            few = rows.select(exp.Literal.number(1), also=also).limit(max(most, 1))
            (found,) = rows.ask(exp.select(count_of()).from_(few.subquery("few"))).rows
    return int(found[0])


def inside(rows: Rows[S], column: str, interval: Interval) -> exp.Expr:
    """The condition that a column is within an interval. Raises `BadOption`: it is no time."""
    start, end = interval
    value: exp.Expr | None = name_of(column)
    if rows.types[column].lower() == "date":  # of days as the pipeline's own zone has them
        first, last = (rows.value(column, day(moment, interval)) for moment in interval)
    else:
        value = rows.moment(column, name_of(column))
        first, last = rows.instant(start), rows.instant(end)
    if value is None:
        kind = rows.types[column]
        raise BadOption(f"the column {column!r} is {kind}", "Name a date or a timestamp")
    return exp.and_(
        exp.GTE(this=value, expression=first), exp.LT(this=value.copy(), expression=last)
    )


def day(moment: datetime, interval: Interval) -> str:
    """The day that begins with a moment. Raises `BadOption`: the interval cuts days."""
    if moment.time() != datetime.min.time():
        shown = " … ".join(map(str, interval))
        raise BadOption(f"the interval {shown} cuts days, and the column is of days")
    return moment.date().isoformat()
