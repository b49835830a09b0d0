"""Random columns: the database finds what Python finds."""

import re
from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import Check, Rows

FEW = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
NUMBERS = st.lists(st.none() | st.integers(-5, 5), max_size=12)
WORDS = st.lists(st.none() | st.text("aB1'\\ é\n", max_size=3), max_size=12)
MOMENTS = st.lists(
    st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), min_size=1, max_size=6
)


def measured(rows: Rows, check: Check, **subject: Any) -> tuple[bool, dict[str, Any]]:
    (result,) = rows.audit(check, **subject)
    return result.passed, result.measured


def fill(rows: Rows, kind: str, values: list[Any]) -> None:
    rows.make(f"v {kind}", *[(value,) for value in values])


@FEW
@given(NUMBERS, st.none() | st.integers(-6, 6), st.integers(-6, 6))
def test_range(rows: Rows, values: list[int | None], least: int | None, most: int) -> None:
    fill(rows, "int", values)
    there = [value for value in values if value is not None]
    bad = [value for value in there if value > most or (least is not None and value < least)]
    assert measured(rows, {"type": "range", "column": "v", "min": least, "max": most}) == (
        not bad,
        {"outside": len(bad), "min": min(there, default=None), "max": max(there, default=None)},
    )


@FEW
@given(WORDS, st.lists(st.text("aB1'\\ é\n", max_size=3), min_size=1, max_size=12))
def test_accepted_values(rows: Rows, values: list[str | None], accepted: list[str]) -> None:
    fill(rows, "text", values)
    bad = [value for value in values if value is not None and value not in accepted]
    check = {"type": "accepted_values", "column": "v", "values": accepted}
    assert measured(rows, check) == (not bad, {"unaccepted": len(bad)})


@FEW
@given(WORDS, st.sampled_from(["a", "^a", "[B1]$", "^[^a]*$", "1{2}", "é|'", r"\\", "^$"]))
def test_matches(rows: Rows, values: list[str | None], pattern: str) -> None:
    fill(rows, "text", values)
    ours = pattern.replace("$", r"\Z")  # Python's `$` also stands before a last newline
    bad = [value for value in values if value is not None and not re.search(ours, value)]
    check = {"type": "matches", "column": "v", "pattern": pattern}
    assert measured(rows, check) == (not bad, {"unmatched": len(bad)})


@FEW
@given(st.lists(st.tuples(st.none() | st.integers(0, 2), st.sampled_from("ab")), max_size=12))
def test_unique_and_not_null(rows: Rows, values: list[tuple[int | None, str]]) -> None:
    rows.make("n int, c text", *values)
    times = Counter(value for value in values if value[0] is not None)
    repeated = [count for count in times.values() if count > 1]
    found = measured(rows, {"type": "unique", "columns": ["n", "c"]})
    assert found == (not repeated, {"repeated_values": len(repeated), "rows": sum(repeated)})
    nulls = sum(n is None for n, _ in values)
    found = measured(rows, {"type": "not_null", "columns": ["n", "c"]})
    assert found == (not nulls, {"nulls": {"n": nulls, "c": 0}})


@FEW
@given(MOMENTS, st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), st.integers(1, 10**7))
def test_freshness(
    rows: Rows, values: list[datetime | None], as_of: datetime, seconds: int
) -> None:
    fill(rows, "timestamp", values)
    newest = max((value for value in values if value is not None), default=None)
    fresh = newest is not None and newest >= as_of - timedelta(seconds=seconds)
    check = {"type": "freshness", "column": "v", "max_age": f"{seconds}s"}
    passed, numbers = measured(rows, check, as_of=as_of.replace(tzinfo=timezone.utc))
    assert passed == fresh
    if newest is not None:
        assert abs(numbers["age_seconds"] - (as_of - newest).total_seconds()) < 1e-3


@FEW
@given(NUMBERS, NUMBERS)
def test_sql(rows: Rows, first: list[int | None], second: list[int | None]) -> None:
    pairs = list(zip(first, second, strict=False))
    rows.make("a int, b int", *pairs)
    bad = [pair for pair in pairs if None not in pair and not pair[0] < pair[1]]  # type: ignore[operator]
    found = measured(rows, {"type": "sql", "condition": "a < b"})
    assert found == (not bad, {"untrue": len(bad)})
    query = f"SELECT count(*) = {len(pairs)} FROM {{table}}"
    assert measured(rows, {"type": "sql", "query": query}) == (True, {"answer": True})
