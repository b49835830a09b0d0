"""Totals of runs that are longer than NiFi's window."""

import pytest

from factory.nifi.model import Counters
from factory.nifi.wait.window import Totals, begin


def _run(per_second: int, seconds: int, poll: int, before: int = 0) -> Totals:
    """A steady flow as NiFi would show it, and two looks after its end."""
    totals = begin(Counters(flow_files_out=before), 0)
    for now in range(poll, seconds + 2 * poll + 1, poll):
        window = per_second * (min(now, seconds) - max(min(now - 300, seconds), 0))
        totals = totals.add(Counters(flow_files_out=window), now)
    return totals


def test_short_runs_are_exact() -> None:
    totals = _run(per_second=10, seconds=250, poll=5)
    assert totals.exact
    assert totals.sums.flow_files_out == 2500


@pytest.mark.parametrize("minutes", [6, 20, 60])
def test_long_runs_are_counted_nearly(minutes: int) -> None:
    totals = _run(per_second=10, seconds=minutes * 60, poll=5)
    assert not totals.exact
    assert 0.95 * minutes * 600 <= totals.sums.flow_files_out <= minutes * 600


def test_what_was_before_is_not_counted() -> None:
    totals = begin(Counters(flow_files_out=100), 0)
    for now, window in ((5, 100), (10, 130), (15, 90), (20, 95)):
        totals = totals.add(Counters(flow_files_out=window), now)
    assert totals.sums.flow_files_out == 35
    assert not totals.exact


def test_a_restart_of_nifi_takes_nothing_away() -> None:
    totals = begin(Counters(), 0).add(Counters(flow_files_out=50), 5).missed()
    totals = totals.add(Counters(), 30).add(Counters(flow_files_out=7), 35)
    assert totals.sums.flow_files_out == 57


def test_few_points_are_kept() -> None:
    assert len(_run(per_second=1, seconds=3600, poll=1).points) < 310
    assert len(_run(per_second=1, seconds=3600, poll=10).points) < 40
