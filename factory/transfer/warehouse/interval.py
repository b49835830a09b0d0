"""The interval that a write of the mode `partition` takes the place of: `start <= column < end`.

It is the run's, or `start` and `end`. A moment without a time zone is taken as UTC; so is a `date`,
but that the run's own interval is of days of its zone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import TypeVar

from factory.definitions import writes
from factory.transfer.errors import BadOption, BadRow, unknown
from factory.transfer.warehouse.parts import Column, Given

HOW_TO = (
    "Say in `schedule` what a run covers, such as `{cron: …, covers: previous_day}`, or write "
    'bounds: `start: "{{ interval.day }}"`, `end: …`'
)

Bounds = tuple[date, date]
T = TypeVar("T")


@dataclass(frozen=True)
class Interval:
    """From `start` until before `end`; both have a zone."""

    start: datetime
    end: datetime

    @property
    def utc(self) -> Bounds:
        """For a column of moments without a zone."""
        return _in_utc(self.start), _in_utc(self.end)

    def days(self, column: str) -> Bounds:
        """For a column of dates. Raises `BadOption` when it cuts days."""
        start, end = (moment.replace(tzinfo=None) for moment in (self.start, self.end))
        if start != _midnight(start) or end != _midnight(end):
            raise BadOption(
                f"the interval {self} cuts days, but the column {column!r} is a date", HOW_TO
            )
        return start.date(), end.date()

    def __str__(self) -> str:
        return f"{_shown(self.start)} … {_shown(self.end)}"


def no_time(column: str, kind: str) -> BadOption:
    """Build the error for a column that no interval is of."""
    return BadOption(
        f"the column {column!r} of the write mode partition is {kind}",
        "Name a date or a timestamp",
    )


def outside(column: str, count: int, rows: int, found: Interval, example: object) -> BadRow:
    """Build the error for rows that are not of the interval, of which `example` is one."""
    return BadRow(
        f"{column!r} of {count} of {rows} rows is outside the interval {found}, for example "
        f"{example or 'null'}",
        "Correct the interval, or write `outside: drop`",
    )


def require(column: str, columns: Mapping[str, T]) -> T:
    """The column of the mode among others. Raises `BadOption` when it is not there."""
    if column not in columns:
        raise unknown("column of the write mode partition", column, columns)
    return columns[column]


def of(write: writes.Partition, given: Given) -> tuple[Column, Interval]:
    """The load's column, and the interval. Raises `BadOption` when there is none of them."""
    column = require(write.column, {column.name: column for column in given.columns})
    return column, Interval(*_interval(write, given))


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
