"""Data intervals in words."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from factory.intervals import PERIODS, Interval, Run, Runs
from factory.plan.model import Pipeline
from factory.plan.runs import bounds, runs

_SHORT = {
    "previous_hour": "%Y-%m-%d %H:%M",
    "previous_day": "%Y-%m-%d",
    "previous_week": "the week of %Y-%m-%d",
    "previous_month": "%Y-%m",
    "previous_quarter": "the quarter of %Y-%m",
    "previous_year": "%Y",
}


def said(its: Runs, interval: Interval) -> str:
    """What a run is of: `2024-01 (2024-01-01 00:00 → 2024-02-01 00:00 UTC), as …`."""
    text = _span(its, interval)
    run = its.first(interval.start) if its.scheduled else None
    if run is None or run.interval != interval:
        return text
    return f"{text}, as the scheduled run of {_minute(its, run.moment)}"


def _span(its: Runs, interval: Interval) -> str:
    whole = f"{_minute(its, interval.start)} → {_minute(its, interval.end)} {its.zone}"
    if its.covers not in PERIODS:
        return whole
    return f"{interval.start.astimezone(ZoneInfo(its.zone)).strftime(_SHORT[its.covers])} ({whole})"


def _minute(its: Runs, when: datetime) -> str:
    wall = when.astimezone(ZoneInfo(its.zone))
    return wall.strftime("%Y-%m-%d %H:%M:%S").removesuffix(":00")


def upcoming(plan: Pipeline, now: datetime, count: int = 3) -> Iterator[str]:
    """The first runs of a pipeline that catches up, else the next ones, and what each is of."""
    its = runs(plan)
    if its is None or not its.scheduled:
        return
    _, last = bounds(plan)
    for run in itertools.islice(_runs(plan, its, now), count):
        if last is None or run.interval.start <= last:
            yield f"{_minute(its, run.moment)} of {_span(its, run.interval)}"


def _runs(plan: Pipeline, its: Runs, now: datetime) -> Iterator[Run]:
    first, _ = bounds(plan)
    newest = its.newest(now).interval
    after = its.next(newest)
    run = its.first(first) if first and plan.catchup else after
    if first and first > run.interval.start:
        run = its.first(first)
    while True:
        yield run
        run = its.next(Interval(*run.interval))
