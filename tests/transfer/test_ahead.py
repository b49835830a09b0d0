"""Items are made while the one before is used."""

from __future__ import annotations

import threading
from collections.abc import Generator

import pytest

from factory.transfer.ahead import ahead
from tests.patience import seconds


class Source:
    def __init__(self, count: int, fails_at: int | None = None) -> None:
        self.count, self.fails_at = count, fails_at
        self.made: list[int] = []
        self.arrived = threading.Condition()
        self.closed = False

    def items(self) -> Generator[int, None, None]:
        try:
            for number in range(self.count):
                if number == self.fails_at:
                    raise OSError("the disk is gone")
                with self.arrived:
                    self.made.append(number)
                    self.arrived.notify_all()
                yield number
        finally:
            self.closed = True

    def wait_for(self, count: int) -> bool:
        with self.arrived:
            return self.arrived.wait_for(lambda: len(self.made) >= count, timeout=seconds(30))


@pytest.mark.parametrize("count", [0, 1, 2, 100])
def test_the_same_items_in_the_same_order(count: int) -> None:
    source = Source(count)
    assert list(ahead(source.items())) == list(range(count))
    assert source.closed


def test_the_next_is_made_meanwhile_and_no_more() -> None:
    source = Source(100)
    items = ahead(source.items())
    assert next(items) == 0
    assert source.wait_for(2)
    assert not source.closed
    assert source.made == [0, 1]
    assert next(items) == 1
    assert source.wait_for(3)


def test_as_many_are_made_meanwhile_as_may_be() -> None:
    source = Source(100)
    items = ahead(source.items(), most=3)
    assert next(items) == 0
    assert source.wait_for(4)
    assert next(items) == 1
    assert source.wait_for(5)
    assert source.made == [0, 1, 2, 3, 4]
    items.close()
    assert source.closed


@pytest.mark.parametrize("most", [2, 9])
def test_a_failure_of_one_far_ahead_waits_for_its_turn(most: int) -> None:
    source = Source(5, fails_at=3)
    seen: list[int] = []
    with pytest.raises(OSError, match="the disk is gone"):
        seen.extend(ahead(source.items(), most=most))
    assert seen == [0, 1, 2]
    assert source.closed


def test_a_failure_comes_after_the_items_before_it() -> None:
    source = Source(5, fails_at=3)
    seen: list[int] = []
    with pytest.raises(OSError, match="the disk is gone"):
        seen.extend(ahead(source.items()))
    assert seen == [0, 1, 2]


def test_who_stops_early_leaves_nothing_open() -> None:
    source = Source(5)
    items = ahead(source.items())
    next(items)
    before = threading.active_count()
    items.close()
    assert source.closed
    assert threading.active_count() < before
