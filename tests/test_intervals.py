"""What runs are of, against a slow count of all moments."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st
from pendulum import instance

from factory import cron
from factory.intervals import PERIODS, Covers, Interval, Runs, period

UTC = timezone.utc
ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/Sao_Paulo",  # clocks changed at midnight
        "America/St_Johns",  # at one minute past it
        "Australia/Lord_Howe",  # by half an hour
        "Asia/Kathmandu",
        "Pacific/Apia",  # left a day out
    ]
)
MOMENTS = st.datetimes(datetime(2009, 1, 1), datetime(2026, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)
CRONS = st.sampled_from(
    [
        "0 6 * * *",
        "30 2 * * *",
        "0 0 * * *",
        "15 1,2,3 * * *",
        "0 * * * *",
        "*/20 * * * *",
        "30 2 * * 0",
        "0 6 2 * *",
        "0 0 1 */3 *",
        "0 3 1 * 1",
    ]
)


def slowly(expression: str, zone: str, start: datetime, end: datetime) -> Iterator[datetime]:
    """All moments between: each minute of the clock that matches, in every way it may be meant."""
    here = ZoneInfo(zone)
    wall = (start - timedelta(days=2)).astimezone(here).replace(tzinfo=None)
    hourly = croniter(expression).expanded[1] == ["*"]
    found = set()
    for one in croniter(expression, wall).all_next(datetime):
        if one > wall + (end - start) + timedelta(days=4):
            break
        both = [one.replace(tzinfo=here, fold=fold).astimezone(UTC) for fold in (0, 1)]
        there = [it for it in both if it.astimezone(here).replace(tzinfo=None) == one]
        if hourly:
            found.update(there)
        else:
            found.add(there[-1] if there else both[0])
    return (moment for moment in sorted(found) if start <= moment <= end)


@settings(max_examples=100, deadline=None)
@given(CRONS, ZONES, MOMENTS)
def test_a_cron_fires_where_the_slow_count_says(expression: str, zone: str, now: datetime) -> None:
    far = timedelta(days=100)
    known = [*slowly(expression, zone, now - far, now + far)]
    assert cron.after(expression, zone, now) == min(it for it in known if it > now)
    assert cron.before(expression, zone, now) == max(it for it in known if it < now)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(PERIODS), ZONES, MOMENTS)
def test_periods_follow_each_other(covers: Covers, zone: str, now: datetime) -> None:
    one = period(covers, zone, now)
    assert one.start <= now < one.end
    assert period(covers, zone, one.end).start == one.end
    assert period(covers, zone, one.start) == one
    assert period(covers, zone, one.start - timedelta(microseconds=1)).end == one.start


RUNS = st.builds(
    lambda covers, expression, zone: Runs(covers=covers, cron=expression, zone=zone),
    st.sampled_from(["since_last_run", *PERIODS]),
    CRONS,
    ZONES,
)


@settings(max_examples=100, deadline=None)
@given(RUNS, MOMENTS)
def test_runs_follow_each_other(runs: Runs, start: datetime) -> None:
    run = runs.first(start)
    assert run.interval.start >= start
    for _ in range(5):
        assert run.interval.start < run.interval.end <= run.moment
        assert runs.of(run.moment) == run.interval
        after = runs.next(run.interval)
        assert after.interval.start >= run.interval.end
        assert after.moment > run.moment
        if runs.covers == "since_last_run":
            assert after.interval.start == run.interval.end
        run = after


@settings(max_examples=100, deadline=None)
@given(RUNS, RUNS, MOMENTS, st.integers(0, 40))
def test_a_schedule_that_changes_leaves_no_time_out_and_takes_no_date_twice(
    before: Runs, now: Runs, start: datetime, count: int
) -> None:
    run = before.first(start)
    dates = {run.interval.start}
    for _ in range(count):
        run = before.next(run.interval)
        dates.add(run.interval.start)
    after = now.next(run.interval)
    assert after.interval.start not in dates
    assert after.moment >= after.interval.end > run.interval.end
    if now.covers == "since_last_run":
        assert after.interval.start == run.interval.end
    elif after.interval.start > run.interval.end:  # only where the cron skips periods
        assert now.first(run.interval.end).interval.start == after.interval.start


def test_a_period_that_began_with_the_runs_of_another_schedule_is_ended() -> None:
    runs = Runs(covers="previous_month", cron="0 6 2 * *")
    found = runs.next(
        Interval(datetime(2024, 1, 15, tzinfo=UTC), datetime(2024, 1, 16, tzinfo=UTC))
    )
    assert found.interval == (datetime(2024, 1, 16, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC))
    assert found.moment == datetime(2024, 2, 2, 6, tzinfo=UTC)


def test_after_runs_of_a_moment_the_next_run_is_not_left_out() -> None:
    moment = datetime(2024, 1, 2, 6, tzinfo=UTC)
    found = Runs(covers="since_last_run", cron="0 6 * * *").next(Interval(moment, moment))
    assert found.moment == found.interval.end == datetime(2024, 1, 3, 6, tzinfo=UTC)
    assert moment < found.interval.start < moment + timedelta(seconds=1)


@settings(max_examples=100, deadline=None)
@given(RUNS, MOMENTS)
def test_the_moments_of_airflow_are_as_good(runs: Runs, moment: datetime) -> None:
    run, same = runs.newest(moment), instance(moment)
    assert runs.newest(same) == run
    assert runs.first(same) == runs.first(moment)
    assert runs.of(instance(run.moment)) == run.interval
    assert runs.next(Interval(*map(instance, run.interval))) == runs.next(run.interval)
    assert runs.holding(same, same) == runs.holding(moment, moment)


@settings(max_examples=100, deadline=None)
@given(RUNS, MOMENTS, MOMENTS)
def test_by_hand_a_run_is_of_what_holds_the_date(runs: Runs, date: datetime, now: datetime) -> None:
    held = runs.holding(date, now)
    assert held.end <= now
    if not held.start <= date < held.end:
        assert date >= held.end
        assert runs.holding(held.end, datetime(2030, 1, 1, tzinfo=UTC)).end > now
    assert runs.holding(held.start, now) == held


@pytest.mark.parametrize("every", [900.0, 7 * 86_400.0])
def test_a_fixed_interval_is_counted_from_its_first_day(every: float) -> None:
    first = datetime(2024, 1, 2, 0, 7, tzinfo=UTC)
    runs = Runs(covers="since_last_run", every=every, anchor=first)
    found = [runs.first(first)]
    for _ in range(3):
        found.append(runs.next(found[-1].interval))
    step = timedelta(seconds=every)
    assert [run.interval for run in found] == [
        Interval(first + number * step, first + (number + 1) * step) for number in range(4)
    ]
    assert runs.newest(first + 2.5 * step).moment == first + 2 * step


def test_days_have_as_many_hours_as_their_zone_gives_them() -> None:
    runs = Runs(covers="previous_day", cron="0 6 * * *", zone="Europe/Berlin")
    run = runs.first(datetime(2024, 3, 29, 23, tzinfo=UTC))
    days = [run := runs.next(run.interval) for _ in range(215)]
    hours = [(one.interval.end - one.interval.start).total_seconds() / 3600 for one in days]
    assert {*hours} == {23.0, 24.0, 25.0}
    assert all(a.interval.end == b.interval.start for a, b in itertools.pairwise(days))
