"""Values that are bound arrive as they are."""

from datetime import date, datetime, time, timezone
from decimal import Decimal
from typing import Any

import pytest

from factory.transfer.bigquery.jobs import Jobs
from factory.transfer.bigquery.parameters import bound
from factory.transfer.errors import BadOption

from .datasets import BigQuery

VALUES = [
    *(True, 7, 1.5, 'it\'s "so" – 😀', date(2024, 1, 2), time(1, 2, 3, 4)),
    *(Decimal("1.25"), datetime(2024, 1, 2, 3, 4, 5, 6)),
    datetime(2024, 1, 2, 3, 4, 5, 6, timezone.utc),
    None,
    *([], ["a", "b"], [1, 2]),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_each_type(bench: BigQuery, value: Any) -> None:
    jobs = Jobs(bench.api, None)
    for text, given in (("SELECT @x", {"x": value}), ("SELECT ?", [value])):
        assert jobs.rows(jobs.query(text, **bound(given)))[1] == [(value,)]


def test_a_text_is_compared_with_a_date(bench: BigQuery) -> None:
    jobs = Jobs(bench.api, None)
    done = jobs.query("SELECT DATE '2024-01-02' = @day", **bound({"day": "2024-01-02"}))
    assert jobs.rows(done)[1] == [(True,)]


def test_nothing_is_bound() -> None:
    assert bound(None) == bound({}) == bound([]) == {}


def test_what_has_no_type_is_refused() -> None:
    with pytest.raises(BadOption, match="no parameter of the type dict"):
        bound({"x": {"a": 1}})
