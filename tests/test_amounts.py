"""Amounts, as people read them."""

import pytest

from factory.amounts import counted, size, spent


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (counted(0, "row"), "0 rows"),
        (counted(1, "row"), "1 row"),
        (counted(1203, "row"), "1,203 rows"),
        (counted(2, "entry"), "2 entries"),
        (counted(2, "key"), "2 keys"),
        (size(0), "0 bytes"),
        (size(1), "1 byte"),
        (size(999), "999 bytes"),
        (size(1000), "1.0 kB"),
        (size(999_949), "999.9 kB"),
        (size(999_951), "1.0 MB"),
        (size(1_140_000_000), "1.1 GB"),
        (size(5e15), "5,000.0 TB"),
        (spent(0.04), "0.0 s"),
        (spent(59.9), "59.9 s"),
        (spent(59.99), "1 min 0 s"),
        (spent(125), "2 min 5 s"),
        (spent(3600), "1 h 0 min"),
        (spent(100_000_000), "27,777 h 46 min"),
    ],
)
def test_as_people_read_it(said: str, expected: str) -> None:
    assert said == expected
