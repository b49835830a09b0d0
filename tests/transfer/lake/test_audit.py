"""Checks of rows that go into files: verdicts as a warehouse has them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from factory.transfer.errors import BadOption, ChecksFailed

from .conftest import Lake, on_disk, rows

NAN = float("nan")
DAYS = [dt.date(2024, 1, 1), dt.date(2024, 2, 1), None]
MOMENTS = [dt.datetime(2024, 1, day, tzinfo=dt.timezone.utc) for day in (1, 2, 3)]
TABLE = rows(
    *(1, 2, 3),
    country=["DE", None, "FR"],
    fee=[0.5, 20.0, NAN],
    total=[Decimal("1.50"), None, Decimal("-2.00")],
    day=DAYS,
    at=MOMENTS,
    none=[None, None, None],
)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return on_disk(tmp_path)


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ({"type": "row_count", "min": 3, "max": 3}, "3 rows"),
        ({"type": "not_null", "columns": ["id", "fee"]}, "no nulls in id, fee"),
        (
            {"type": "accepted_values", "column": "country", "values": ["DE", "FR"]},
            "country has only 2 accepted values",
        ),
        ({"type": "accepted_values", "column": "id", "values": [1, 2, 3]}, "id has only 3"),
        ({"type": "range", "column": "id", "min": 1, "max": 3}, "id is from 1 to 3"),
        ({"type": "range", "column": "fee", "min": 0}, "fee is from 0.5 to 20"),
        ({"type": "range", "column": "total", "min": -2, "max": 1.5}, "from -2.00 to 1.50"),
        ({"type": "range", "column": "day", "min": "2024-01-01"}, "2024-01-01 to 2024-02-01"),
        ({"type": "range", "column": "at", "max": "2024-01-03"}, "at is from 2024-01-01"),
        ({"type": "range", "column": "at", "max": "2024-01-03T01:00:00+01:00"}, "at is from"),
        ({"type": "range", "column": "none", "min": "a"}, "none has no values"),
        ({"type": "freshness", "column": "day", "max_age": "9999d"}, "day is 2024-02-01, "),
    ],
)
def test_passed(lake: Lake, check: dict[str, Any], message: str) -> None:
    (found,) = lake.load(TABLE, checks=[check]).checks
    assert found.passed
    assert message in found.message


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ({"type": "row_count", "min": 4}, "3 rows, expected at least 4"),
        ({"type": "not_null", "columns": ["country", "day"]}, "country is null in 1 row; day is"),
        (
            {"type": "accepted_values", "column": "country", "values": ["DE"]},
            "country has none of the 1 accepted value in 1 row, for example country = FR",
        ),
        (
            {"type": "range", "column": "fee", "max": 10},
            "expected at most 10: not so in 2 rows, for example fee = 20; fee = nan",
        ),
        (
            {"type": "range", "column": "day", "max": "2024-01-31"},
            "not so in 1 row, for example day = 2024-02-01",
        ),
        ({"type": "freshness", "column": "at", "max_age": "1d"}, "old, expected at most 1d"),
        ({"type": "freshness", "column": "day", "max_age": "1d"}, "expected at most 1d"),
    ],
)
def test_failed(lake: Lake, check: dict[str, Any], message: str) -> None:
    with pytest.raises(ChecksFailed) as caught:
        lake.load(TABLE, checks=[check])
    assert message in str(caught.value)
    assert lake.files() == []
    (found,) = lake.load(TABLE, checks=[{**check, "severity": "warn"}]).checks
    assert not found.passed


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ({"type": "range", "column": "id", "min": "a"}, "'a' in the check range is no bigint"),
        ({"type": "range", "column": "idd", "min": 1}, "Did you mean 'id'"),
        ({"type": "freshness", "column": "id", "max_age": "1d"}, "needs dates or timestamps"),
    ],
)
def test_checks_that_make_no_sense(lake: Lake, check: dict[str, Any], message: str) -> None:
    with pytest.raises(BadOption, match=message):
        lake.load(TABLE, checks=[check])


@pytest.mark.parametrize(("count", "passes"), [(2, True), (1, False)])
def test_a_change_is_told_from_the_load_before(lake: Lake, count: int, passes: bool) -> None:
    check = {"type": "row_count", "max_change": 0.5, "severity": "warn"}
    lake.load(rows(1, 2, 3, 4))
    lake.load(rows(*range(4)), checks=[check])  # its own rows are not those before it
    (found,) = lake.load(rows(*range(count)), run="run 2", checks=[check]).checks
    assert found.passed == passes
    assert "the previous load had 4" in found.message
