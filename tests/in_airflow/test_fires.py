"""When schedules fire is what Airflow says."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from airflow.timetables.trigger import CronTriggerTimetable
from hypothesis import given, settings
from hypothesis import strategies as st
from pendulum import instance

from factory.lint.fires import _FIRST, _moments, cron

DAYS = 100
START = datetime(_FIRST.year, _FIRST.month, _FIRST.day, tzinfo=timezone.utc)


def of_airflow(schedule: str, zone: str) -> list[int]:
    """Its moments from the second day on, in minutes."""
    timetable = CronTriggerTimetable(schedule, timezone=zone)
    moment = instance(START + timedelta(days=1))
    found: list[int] = []
    while True:
        moment = timetable._get_next(moment)
        minutes = int((moment.timestamp() - START.timestamp()) // 60)
        if minutes >= (DAYS - 2) * 24 * 60:
            return found
        found.append(minutes)


def ours(schedule: str, zone: str) -> list[int]:
    read = cron(schedule)
    assert read is not None
    first, last = 24 * 60, (DAYS - 2) * 24 * 60
    return sorted(moment for moment in _moments(read, zone, DAYS) if first < moment < last)


def field(low: int, high: int) -> st.SearchStrategy[str]:
    one = st.integers(low, high).map(str)
    span = st.tuples(st.integers(low, high), st.integers(low, high)).map(
        lambda ends: f"{min(ends)}-{max(ends)}"
    )
    step = st.integers(2, 9).map(lambda count: f"*/{count}")
    return st.one_of(
        st.just("*"), one, span, step, st.lists(one, min_size=2, max_size=3).map(",".join)
    )


CRONS = st.tuples(
    st.integers(0, 59).map(str), field(5, 22), field(1, 28), field(1, 4), field(0, 6)
).map(" ".join)


@settings(max_examples=40, deadline=None)
@given(CRONS)
def test_in_utc(schedule: str) -> None:
    assert ours(schedule, "UTC") == of_airflow(schedule, "UTC")


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata"])
@pytest.mark.parametrize(
    "schedule", ["0 6 * * *", "@hourly", "15 3 * * 1-5", "@weekly", "0 6 1 * 1"]
)
def test_in_a_zone(schedule: str, zone: str) -> None:
    # the hour that clocks leave out stands there twice
    assert {*ours(schedule, zone)} == {*of_airflow(schedule, zone)}
