"""What each run of a pipeline is of: its data interval, by the schedule and the time zone.

Moments are in UTC. Intervals are [start, end); those of one pipeline follow each other without
gaps, since the end of one is found as the start of the next.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

import msgspec

from factory import cron

Period = Literal[
    "previous_hour",
    "previous_day",
    "previous_week",
    "previous_month",
    "previous_quarter",
    "previous_year",
]
Covers = Literal["since_last_run", Period, "none"]
PERIODS: tuple[Period, ...] = get_args(Period)
"""The words for a period of the calendar."""
NAMES = ("start", "end", "day", "last_day", "month", "year")
"""What templates and functions may ask of a run's `interval`."""
_INSTANT = timedelta(microseconds=1)


class Interval(NamedTuple):
    """From `start` until before `end`."""

    start: datetime
    end: datetime


class Run(NamedTuple):
    """A run by the schedule: its moment, and what it covers."""

    moment: datetime
    interval: Interval


def moment(text: str, zone: str) -> datetime:
    """A date or a moment as a pipeline says it: in its zone unless it says its own.

    :raises ValueError: it is neither.
    """
    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))


class Runs(msgspec.Struct, frozen=True, kw_only=True):
    """When a pipeline runs, and what each run covers; `covers` is not `none`.

    At most one of `cron` and `every` (seconds, counted from `anchor`); without, runs are started
    by others only, and `covers` is a period.
    """

    covers: Covers
    zone: str = "UTC"
    cron: str | None = None
    every: float | None = None
    anchor: datetime = datetime(1970, 1, 1, tzinfo=timezone.utc)

    @property
    def scheduled(self) -> bool:
        """Whether there are runs by the schedule."""
        return self.cron is not None or self.every is not None

    def first(self, start: datetime) -> Run:
        """The first run whose interval does not begin before `start`."""
        start = _plain(start)
        if self.covers == "since_last_run":
            begin = self._grid_from(start)
            moment = self._grid_after(begin)
            return Run(moment, Interval(begin, moment))
        moment = self._grid_from(self._holding(self._start_from(start)).end)
        return Run(moment, self.of(moment))

    def of(self, moment: datetime) -> Interval:
        """What the run of a moment of the schedule covers."""
        moment = _plain(moment)
        if self.covers == "since_last_run":
            return Interval(self._grid_before(moment), moment)
        end = self._holding(moment).start
        return Interval(self._holding(end - _INSTANT).start, end)

    def newest(self, now: datetime) -> Run:
        """The newest run whose moment has come."""
        moment = self._grid_until(_plain(now))
        return Run(moment, self.of(moment))

    def next(self, last: Interval) -> Run:
        """The run after that of an interval, which a schedule of before may have given.

        Where that ended within a period whose first moment may be the date of another run, this
        one is of the rest of the period: Airflow takes one run a date.
        """
        last = Interval(*map(_plain, last))
        held = self._holding(last.end)
        if self.covers != "since_last_run" and held.start > last.start:
            return self.first(held.start)
        begin, moment = max(last.end, last.start + _INSTANT), self._grid_from(held.end)
        if self.of(moment) == held:
            return Run(moment, Interval(begin, held.end))
        return self.first(begin)

    def holding(self, moment: datetime, now: datetime) -> Interval:
        """What a run by hand is of: what holds the moment if it is over by now, else the last."""
        held, now = self._holding(_plain(moment)), _plain(now)
        return held if held.end <= now else self._holding(self._holding(now).start - _INSTANT)

    def _holding(self, moment: datetime) -> Interval:
        if self.covers == "since_last_run":
            start = self._grid_until(moment)
            return Interval(start, self._grid_after(start))
        return period(self.covers, self.zone, moment)

    def _start_from(self, moment: datetime) -> datetime:
        held = self._holding(moment)
        return held.start if held.start == moment else held.end

    def _grid_from(self, moment: datetime) -> datetime:
        return self._grid_after(moment - _INSTANT)

    def _grid_until(self, moment: datetime) -> datetime:
        return self._grid_before(moment + _INSTANT)

    def _grid_after(self, moment: datetime) -> datetime:
        """The first moment of the schedule after another."""
        if self.cron is not None:
            return cron.after(self.cron, self.zone, moment)
        step = timedelta(seconds=self.every or 0)
        return self.anchor + ((moment - self.anchor) // step + 1) * step

    def _grid_before(self, moment: datetime) -> datetime:
        if self.cron is not None:
            return cron.before(self.cron, self.zone, moment)
        step = timedelta(seconds=self.every or 0)
        return self.anchor - ((self.anchor - moment) // step + 1) * step


def period(covers: Covers, zone: str, moment: datetime) -> Interval:
    """The hour, day, … of the calendar that holds a moment."""
    here, moment = ZoneInfo(zone), _plain(moment)
    if covers == "previous_hour":
        return _hour(here, moment)
    day = first_day(covers, moment.astimezone(here).date())
    start, end = _midnight(day, here), _midnight(_next(covers, day), here)
    while end <= moment:  # a midnight that comes twice: the first of them is meant
        day = _next(covers, day)
        start, end = end, _midnight(_next(covers, day), here)
    return Interval(start, end)


def _plain(moment: datetime) -> datetime:
    """In UTC and Python's own: Airflow's, of pendulum, may lose its zone when one adds to it."""
    utc = moment.astimezone(timezone.utc)
    return datetime.combine(utc.date(), utc.time(), timezone.utc)


def first_day(covers: Covers, day: date) -> date:
    """The first day of the period that a day is in."""
    if covers == "previous_week":
        return day - timedelta(days=day.weekday())
    if covers == "previous_month":
        return day.replace(day=1)
    if covers == "previous_quarter":
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    return day.replace(month=1, day=1) if covers == "previous_year" else day


def _next(covers: Covers, day: date) -> date:
    """The first day of the period after the one that begins on a day."""
    longest = {
        "previous_day": 1,
        "previous_week": 7,
        "previous_month": 31,
        "previous_quarter": 92,
        "previous_year": 366,
    }
    return first_day(covers, day + timedelta(days=longest[covers]))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(timezone.utc)


def _hour(zone: ZoneInfo, moment: datetime) -> Interval:
    """Between two full hours on the clock; longer or shorter where it changes by half an hour."""
    start = moment
    while past := _past_the_hour(start, zone):
        start -= past
    end = start + timedelta(hours=1)
    while past := _past_the_hour(end, zone):
        end += timedelta(hours=1) - past
    return Interval(start, end)


def _past_the_hour(moment: datetime, zone: ZoneInfo) -> timedelta:
    wall = moment.astimezone(zone)
    return timedelta(minutes=wall.minute, seconds=wall.second, microseconds=wall.microsecond)
