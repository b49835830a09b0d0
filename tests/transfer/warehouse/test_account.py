"""What a load says of its rows, at its end."""

from dataclasses import replace

import pytest

from factory.transfer.counts import Source, each
from factory.transfer.warehouse.audit import Result
from factory.transfer.warehouse.load import Loaded, account
from factory.transfer.warehouse.parts import Changed

PASSED = Result("row_count", "error", passed=True, message="")
WARNED = Result("unique", "warn", passed=False, message="")
LOADED = Loaded(
    table="raw.orders",
    mode="merge",
    published=True,
    read=1203,
    quarantined=3,
    dropped=0,
    rows=1200,
    bytes=10,
    seconds=1.23,
    changed=Changed(900, 300),
    checks=(PASSED, PASSED),
    peak_memory=1,
)


@pytest.mark.parametrize(
    ("loaded", "expected"),
    [
        (
            LOADED,
            "raw.orders: 1,203 rows read, 3 set aside, 1,200 published by merge "
            "(900 inserted, 300 updated), 2 checks passed, 1.2 s",
        ),
        (
            replace(LOADED, quarantined=0, dropped=1, checks=(PASSED, WARNED)),
            "raw.orders: 1,203 rows read, 1 dropped, 1,200 published by merge "
            "(900 inserted, 300 updated), 1 check passed, 1 check failed, 1.2 s",
        ),
        (
            replace(LOADED, read=0, quarantined=0, rows=0, changed=Changed(0, deleted=7)),
            "raw.orders: no row read, 0 published by merge (7 deleted), 2 checks passed, 1.2 s",
        ),
        (
            replace(LOADED, read=0, quarantined=0, rows=0, changed=Changed(0), checks=()),
            "raw.orders: no row read, 0 published by merge (nothing changed), 1.2 s",
        ),
        (
            replace(LOADED, quarantined=0, changed=None, checks=()),
            "raw.orders: 1,203 rows read, said instead, 1.2 s",
        ),
    ],
    ids=["merged", "dropped", "emptied", "empty", "before"],
)
def test_what_became_of_the_rows(loaded: Loaded, expected: str) -> None:
    assert account(loaded, "said instead") == expected


def test_each_of_several_files() -> None:
    found = [Source("in/a.csv", 1199, 1), Source("in/b.csv", 1)]
    assert list(each(found)) == ["a.csv: 1,200 rows read, 1 set aside", "b.csv: 1 row read"]
    assert list(each(found[:1])) == []


def test_files_of_one_name_are_told_apart() -> None:
    found = [Source("mon/a.csv", 1), Source("tue/a.csv", 2)]
    assert list(each(found)) == ["mon/a.csv: 1 row read", "tue/a.csv: 2 rows read"]


def test_of_very_many_files_the_first_are_told() -> None:
    *_, twentieth, more = each([Source(f"{number}.csv", 1) for number in range(1022)])
    assert (twentieth, more) == ("19.csv: 1 row read", "… and 1,002 more files")
