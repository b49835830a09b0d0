"""The same values sum up to the same, whatever types they were read as."""

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from factory.transfer.values.sums import Sum

TS = pa.timestamp("us")
SAME: dict[str, list[pa.Array]] = {
    "whole": [
        pa.array([5, 100, 0, None]),
        pa.array([5, 100, 0, None], pa.int16()),
        pa.array([5.0, 100.0, 0.0, None]),
        pa.array([Decimal("5.00"), Decimal("100.00"), Decimal("0.00"), None]),
        pa.array([Decimal(5), Decimal(100), Decimal(0), None], pa.decimal256(60, 9)),
        pa.array(["5", "100", "0", None]),
        pa.array(["5", "100", "0", None]).dictionary_encode(),
    ],
    "fraction": [pa.array([0.5, 1e-9]), pa.array([Decimal("0.5"), Decimal("1E-9")]).cast("double")],
    "no value": [pa.nulls(2), pa.array([None, None], pa.string()), pa.nulls(2, pa.list_(TS))],
    "day": [pa.array(["2024-01-10"]), pa.array(["2024-01-10"]).cast(pa.date32())]
    + [pa.array([1704844800]).cast(pa.timestamp("s", zone)).cast(TS) for zone in (None, "UTC")],
    "time": [pa.array([10]).cast(kind) for kind in (pa.timestamp("s"), pa.timestamp("s", "UTC"))]
    + [pa.array(["1970-01-01 00:00:10"]), pa.array([10_000_000]).cast(TS)],
    "bytes": [pa.array(["ab"]), pa.array([b"ab"]), pa.array([b"ab"], pa.binary(2))],
}
OTHER: dict[str, tuple[pa.Array, pa.Array]] = {
    "a value": (pa.array([1, 2]), pa.array([1, 3])),
    "order": (pa.array([1, 2]), pa.array([2, 1])),
    "borders": (pa.array(["ab", "c"]), pa.array(["a", "bc"])),
    "empty": (pa.array([""]), pa.array([None], pa.string())),
    "large": (pa.array([2**53]), pa.array([2**53 + 1])),
    "tens": (pa.array([1]), pa.array([Decimal("10.00")])),
    "small": (
        pa.array([Decimal("1E-10")], pa.decimal128(38, 20)),
        pa.array([Decimal("1E-11")], pa.decimal128(38, 20)),
    ),
    "time": (pa.array([10]).cast(pa.timestamp("s")), pa.array([100]).cast(pa.timestamp("s"))),
    "nested": (pa.array([[1, None]]), pa.array([[1]])),
}


def summed(*columns: pa.Array) -> bytes:
    found = Sum()
    for column in columns:
        found.add(column)
    return found.digest()


@pytest.mark.parametrize("what", SAME)
def test_the_same_values(what: str) -> None:
    first, *others = SAME[what]
    assert [column.type for column in others if summed(column) != summed(first)] == []


@pytest.mark.parametrize("what", OTHER)
def test_other_values(what: str) -> None:
    one, other = OTHER[what]
    assert summed(one) != summed(other)


def test_batches_do_not_count() -> None:
    values: list[Any] = ["a", None, "", "bcd", "e"]
    column = pa.array(values)
    assert summed(column[:2], column[2:2], column[2:]) == summed(column)
