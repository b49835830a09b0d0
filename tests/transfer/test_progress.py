"""How far a step is."""

import logging
from collections.abc import Callable, Iterator

import pytest

from factory.stores.memory import Memory
from factory.transfer import progress
from factory.transfer.progress import Progress
from factory.transfer.watched import Watched


def clock(*seconds: float) -> Callable[[], float]:
    """Each time it is asked, the next of these; then the last one."""

    def told() -> Iterator[float]:
        yield from seconds
        while True:
            yield seconds[-1]

    moments = told()
    return lambda: next(moments)


def test_it_is_told_from_time_to_time(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    # asked twice where it tells: whether it is time, and for the rate
    going = Progress(
        "downloading", "trips.csv", every=30, clock=clock(0.0, 10.0, 31.0, 31.0, 40.0, 62.0)
    )
    going.resume(1_000_000, 9_000_000)
    for came in (1_000_000, 2_100_000, 900_000, 2_200_000):
        going.add(bytes=came)
    assert [record.getMessage() for record in caplog.records] == [
        "downloading 45 %: 4.1 MB of 9.0 MB, 100.0 kB/s: trips.csv",
        "downloading 80 %: 7.2 MB of 9.0 MB, 100.0 kB/s: trips.csv",
    ]
    assert str(going) == "6.2 MB in 1 min 2 s, 100.0 kB/s"


def test_nothing_is_told_of_a_short_step(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with Progress("copying", rows=2) as going:
        going.add(rows=2, bytes=10)
    assert not caplog.records


@pytest.mark.parametrize(
    ("rows", "size", "expected"),
    [
        (None, None, "copying 2,000 rows, 1.5 MB, 1.5 MB/s"),
        (8000, None, "copying 25 %: 2,000 of 8,000 rows, 1.5 MB, 1.5 MB/s"),
        (None, 3_000_000, "copying 50 %: 2,000 rows, 1.5 MB of 3.0 MB, 1.5 MB/s"),
        (1000, None, "copying 100 %: 2,000 of 1,000 rows, 1.5 MB, 1.5 MB/s"),
    ],
    ids=["nothing known", "rows", "bytes", "wrong"],
)
def test_what_is_told(rows: int | None, size: int | None, expected: str) -> None:
    going = Progress("copying", rows=rows, size=size, clock=clock(0.0, 1.0))
    going.add(rows=2000, bytes=1_500_000)
    assert going.text() == expected


def test_what_this_process_does_now() -> None:
    assert progress.now() == ""
    with Progress("loading"), Progress("checking the rows"):
        assert progress.now() == "checking the rows"
    assert progress.now() == ""


def test_what_was_read_of_files_one_after_the_other() -> None:
    store = Memory("watched")
    for name, size in (("a", 10), ("b", 30)):
        with store.writer(name) as out:
            out.write(b"x" * size)
    watched = Watched(store, ["a", "b"])
    for name in ("a", "b"):  # to see what columns they have
        watched.store.open(name).read()
    watched.begin()
    assert (watched.size, watched.position()) == (40, 0)
    first = watched.store.open("a")
    first.read(4)
    assert watched.position() == 4
    first.close()
    assert watched.position() == 10
    watched.store.open("b").read(5)
    assert watched.position() == 15
