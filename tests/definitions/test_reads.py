"""Parts of a table: together they are the whole, and nothing is of two."""

from datetime import date, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.definitions.reads import Part, parts, window

INTEGERS = st.integers(-(2**63), 2**63 - 1)


def holds(part: Part, value: int | date) -> bool:
    after = part.low is None or part.low <= value  # type: ignore[operator]
    return after and (part.high is None or value < part.high)  # type: ignore[operator]


@given(
    st.tuples(INTEGERS, INTEGERS, INTEGERS) | st.tuples(st.dates(), st.dates(), st.dates()),
    st.integers(2, 20),
)
def test_each_value_is_of_one_part(values: tuple[int, int, int], number: int) -> None:
    least, most, _ = sorted(values)
    found = parts("id", least, most, number)
    assert 1 <= len(found) <= number
    for value in values:
        assert [holds(part, value) for part in found].count(True) == 1


def test_parts_are_of_equal_width() -> None:
    cuts = [(part.low, part.high) for part in parts("id", 1, 100, 4)]
    assert cuts == [(None, 26), (26, 51), (51, 76), (76, None)]
    assert [(part.low, part.high) for part in parts("id", 5, 5, 4)] == [(None, None)]


@given(
    st.lists(st.datetimes(datetime(2024, 3, 30), datetime(2024, 4, 2)), min_size=3, unique=True),
    st.sampled_from(["date", "timestamp", "timestamptz"]),
    st.integers(0, 9000),
)
def test_windows_of_intervals_that_meet_meet(moments: list[datetime], kind: str, lag: int) -> None:
    zone = ZoneInfo("Europe/Berlin")
    ordered = [m.replace(tzinfo=timezone.utc).astimezone(zone) for m in sorted(moments)]
    windows = [window("at", *pair, 0, lag).bounds(kind) for pair in pairwise(ordered)]
    for one, other in pairwise(windows):
        assert one is not None
        assert other is not None
        assert one[1] == other[0]


@pytest.mark.parametrize("place", ["Europe/Berlin", "Australia/Lord_Howe", "America/Havana"])
def test_of_an_hour_that_comes_twice_nothing_is_read_twice(place: str) -> None:
    zone, quarter = ZoneInfo(place), timedelta(minutes=15)
    moments = [datetime(2024, 1, 1, tzinfo=timezone.utc) + n * quarter for n in range(366 * 96)]
    pairs = pairwise(moment.astimezone(zone) for moment in moments)
    windows = [window("at", *pair, 0, 0).bounds("timestamp") for pair in pairs]
    ends = [str(bound) for bounds in windows for bound in bounds or ()]
    assert ends == sorted(ends)
    assert len(set(ends)) < len(moments)


def test_lengths_are_of_time_and_not_of_the_clock() -> None:
    zone = ZoneInfo("Europe/Berlin")
    start = datetime(2024, 3, 31, 3, tzinfo=zone)  # an hour after 01:00
    found = window("at", start, start + timedelta(days=1), 3600, 0).bounds("timestamp")
    assert found is not None
    assert found[0] == datetime(2024, 3, 31, 1)
