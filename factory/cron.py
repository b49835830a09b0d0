"""When a cron expression fires in a time zone, as Airflow has it.

Where clocks go back, a time of the day that comes twice is the second; where they go forward, one
that does not come is as much later. A cron of every hour fires in each hour that there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
}
"""The presets that are short for a cron expression."""


def after(expression: str, zone: str, moment: datetime) -> datetime:
    """The first time that it fires after a moment, in UTC."""
    return min(_near(expression, zone, moment, +1, lambda found: found > moment))


def before(expression: str, zone: str, moment: datetime) -> datetime:
    """The last time that it fired before a moment, in UTC."""
    return max(_near(expression, zone, moment, -1, lambda found: found < moment))


def on_the_wall(expression: str, start: datetime) -> Iterator[datetime]:
    """When it fires on a clock that nobody changes, after a time without a zone."""
    from croniter import croniter  # costs as much as reading 100 specs

    times = croniter(PRESETS.get(expression, expression), start)
    while True:
        yield times.get_next(datetime)


def _near(
    expression: str, zone: str, moment: datetime, step: int, wanted: Callable[[datetime], bool]
) -> Iterator[datetime]:
    """The nearest that are wanted; several where clocks change, since their order may, too."""
    from croniter import croniter

    here = ZoneInfo(zone)
    start = _wall(moment, here) + timedelta(microseconds=1 - step) / 2  # `before` is strict
    times = croniter(PRESETS.get(expression, expression), start - step * _change(moment, here))
    hourly = times.expanded[1] == ["*"]
    last: datetime | None = None
    while True:
        wall: datetime = times.get_next(datetime) if step > 0 else times.get_prev(datetime)
        if last is not None and step * (wall - last) > timedelta(0):
            return
        for found in _moments(wall, here, hourly):
            if wanted(found):
                yield found
                last = last or _wall(found, here) + step * _change(found, here)


def _moments(wall: datetime, zone: ZoneInfo, hourly: bool) -> list[datetime]:
    """The moments at which a cron of this time on the clock fires."""
    first, second = (_utc(wall.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    if first == second:
        return [first]
    if _wall(second, zone) != wall:  # clocks go forward over it
        return [] if hourly else [first]
    return [first, second] if hourly else [second]


def _change(moment: datetime, zone: ZoneInfo) -> timedelta:
    """By how much clocks change within two days of a moment."""
    return _changes(zone, _utc(moment).replace(minute=0, second=0, microsecond=0))


@lru_cache(maxsize=4096)
def _changes(zone: ZoneInfo, hour: datetime) -> timedelta:
    days = (hour + timedelta(days=number) for number in (-2, 0, 2))
    offsets = [day.astimezone(zone).utcoffset() or timedelta() for day in days]
    return max(offsets) - min(offsets)


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc)
