"""When cron schedules fire, and whether one ever does at the moments of another."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, NamedTuple

from factory.cron import PRESETS
from factory.intervals import PERIODS, Covers, period

_FIRST = date(2024, 1, 1)  # the days that are looked at: a whole year with its changes of the clock
_DAYS = 400
_FEW_DAYS = 28
_MANY_A_DAY = 100
_DAY = 24 * 60


class Cron(NamedTuple):
    """The values of a cron expression's fields; None for a day or weekday that is not limited."""

    minutes: tuple[int, ...]  # of a day
    days: frozenset[int] | None
    months: frozenset[int]
    weekdays: frozenset[int] | None  # 0 is Sunday

    def on(self, day: date) -> bool:
        """Whether it fires on a day. Limited in both, a day or a weekday is enough."""
        if day.month not in self.months:
            return False
        weekday = day.isoweekday() % 7
        if self.days is not None and self.weekdays is not None:
            return day.day in self.days or weekday in self.weekdays
        return (self.days is None or day.day in self.days) and (
            self.weekdays is None or weekday in self.weekdays
        )

    @property
    def each_day(self) -> bool:
        """Whether every day is as any other."""
        return self.days is None and self.weekdays is None and len(self.months) == 12


class Met(NamedTuple):
    """Of so many runs, how many find one of the other schedule; `fits`: minutes that all would."""

    runs: int
    found: int
    fits: int | None


@lru_cache(maxsize=1024)
def cron(schedule: str) -> Cron | None:
    """A cron expression or a preset, read; None for one whose moments are not told by fields."""
    from croniter import croniter  # a pipeline that waits for another pays for it

    try:
        fields, by_number = croniter.expand(PRESETS.get(schedule, schedule))[:2]
        read: list[list[Any]] = [[*field] for field in fields]
        minutes, hours, days, months, weekdays = read
    except (ValueError, KeyError, AttributeError):
        return None
    if by_number or any("l" in field for field in (days, weekdays)):
        return None
    return Cron(
        tuple(60 * hour + minute for hour in _all(hours, 24) for minute in _all(minutes, 60)),
        None if days == ["*"] else frozenset(days),
        frozenset(range(1, 13) if months == ["*"] else months),
        None if weekdays == ["*"] else frozenset(day % 7 for day in weekdays),
    )


def _all(values: list[Any], count: int) -> list[int]:
    return [*range(count)] if values == ["*"] else values


class Dates(NamedTuple):
    """A schedule by cron, whose runs are found by their dates: the starts of what they cover."""

    cron: str
    zone: str
    covers: Covers


@lru_cache(maxsize=1024)
def compared(one: Dates, other: Dates, offset: float) -> Met | None:
    """Whether runs of one schedule find runs of the other, so much earlier; None: not known."""
    mine, theirs = cron(one.cron), cron(other.cron)
    if mine is None or theirs is None or offset % 60:
        return None
    days = _DAYS
    if max(len(mine.minutes), len(theirs.minutes)) > _MANY_A_DAY:
        if not (mine.each_day and theirs.each_day):
            return None
        days = _FEW_DAYS
    wanted = {*_dates(theirs, other, days)}
    margin, back = (_LONGEST if days == _DAYS else _DAYS_BACK) * _DAY, int(offset // 60)
    runs = [
        moment
        for moment in _dates(mine, one, days)
        if moment >= margin and _DAY <= moment - back <= (days - 1) * _DAY
    ]
    if not runs or not wanted:
        return None
    found = len(runs) - _missed(runs, wanted, back)
    fits = None if _nearly(found, runs) else _fitting(runs, wanted, margin)
    return Met(len(runs), len(runs) if _nearly(found, runs) else found, fits)


_LONGEST, _DAYS_BACK = 32, 8  # days that an offset may have, of all days and of few
_MOST = 200


def _missed(runs: list[int], wanted: set[int], offset: int) -> int:
    return sum(moment - offset not in wanted for moment in runs)


def _nearly(found: int, runs: list[int]) -> bool:
    """Whether all are found but those of the days on which clocks change."""
    return len(runs) - found <= len(runs) // 100


def _fitting(runs: list[int], wanted: set[int], longest: int) -> int | None:
    """The shortest time before each run at which there is always another's."""
    first = runs[0]
    near = sorted(first - moment for moment in wanted if 0 <= first - moment <= longest)
    for offset in near[:_MOST]:
        if _nearly(len(runs) - _missed(runs, wanted, offset), runs):
            return offset
    return None


def _dates(schedule: Cron, of: Dates, days: int) -> Iterator[int]:
    """The dates of the runs; those of runs since the last one are moments of the schedule, too."""
    moments = _moments(schedule, of.zone, days)
    if of.covers not in PERIODS:
        return moments
    return (_before(of, moment) for moment in moments)


_START = datetime(_FIRST.year, _FIRST.month, _FIRST.day, tzinfo=timezone.utc)


def _before(of: Dates, minutes: int) -> int:
    end = period(of.covers, of.zone, _START + timedelta(minutes=minutes)).start
    start = period(of.covers, of.zone, end - timedelta(minutes=1)).start
    return int((start - _START).total_seconds() // 60)


def _moments(schedule: Cron, zone: str, days: int) -> Iterator[int]:
    """When it fires, in minutes of UTC since the first day."""
    shifts = _shifts(zone, days + 1)
    for number in range(days):
        if schedule.on(_FIRST + timedelta(number)):
            before, after = shifts[number], shifts[number + 1]
            for minute in schedule.minutes:
                shift = before if before == after else _shift(zone, number, minute)
                yield number * _DAY + minute - shift


@lru_cache(maxsize=64)
def _shifts(zone: str, days: int) -> tuple[int, ...]:
    """By how many minutes each day of a zone begins before that of UTC."""
    return tuple(_shift(zone, number, 0) for number in range(days))


def _shift(zone: str, number: int, minute: int) -> int:
    if zone == "UTC":
        return 0
    from zoneinfo import ZoneInfo

    start = datetime(_FIRST.year, _FIRST.month, _FIRST.day, tzinfo=timezone.utc)
    moment = (start + timedelta(number, minutes=minute)).replace(tzinfo=ZoneInfo(zone))
    return int((moment.utcoffset() or timedelta()).total_seconds() // 60)
