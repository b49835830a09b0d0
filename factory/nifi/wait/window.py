"""Totals of a run, from counters that tell only the last five minutes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

from factory.nifi.model import NOTHING, Counters

WINDOW = 300.0
_SLACK = 2.0
"""Seconds that NiFi's window may be longer than it should."""
_APART = 1.0
"""Seconds between two points at least."""


@dataclass(frozen=True)
class Totals:
    """What was moved since the start, at least. `exact` while nothing could be missed.

    :param points: (time, totals by then), the last five minutes of them.
    :param latest: the counters at the last look.
    """

    sums: Counters = NOTHING
    latest: Counters = NOTHING
    base: Counters = NOTHING
    points: tuple[tuple[float, Counters], ...] = ()
    exact: bool = True

    def add(self, counters: Counters, now: float) -> Totals:
        """What a further look told."""
        sums = _least(self, counters, now)
        return replace(
            self,
            sums=sums,
            latest=counters,
            points=_kept(self.points, sums, now),
            exact=self.exact and _exact(self, now),
        )

    def rose(self, before: Totals) -> bool:
        """Work was done since that look.

        The counters rose; or they did not fall although older work has left the window: so does a
        source that never ends, when no look happens to find its short tasks.
        """
        return self.latest.rose(before.latest) or self.sums.rose(before.sums)

    def missed(self) -> Totals:
        """NiFi was not reached, and may have been restarted: its counters begin anew."""
        return replace(self, exact=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {
            "sums": astuple(self.sums),
            "latest": astuple(self.latest),
            "base": astuple(self.base),
            "points": [[when, *astuple(sums)] for when, sums in self.points],
            "exact": self.exact,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Totals:
        """The opposite of `to_dict`."""
        return cls(
            sums=Counters(*data["sums"]),
            latest=Counters(*data["latest"]),
            base=Counters(*data["base"]),
            points=tuple((point[0], Counters(*point[1:])) for point in data["points"]),
            exact=data["exact"],
        )


NONE = Totals()


def begin(counters: Counters, now: float) -> Totals:
    """Before the start, with what an earlier run has left in the window."""
    return Totals(
        latest=counters, base=counters, points=((now, NOTHING),), exact=not _passed(counters)
    )


def _passed(counters: Counters) -> bool:
    return any(astuple(counters)[:4])  # in and out; the others are only signs of work


def _least(totals: Totals, counters: Counters, now: float) -> Counters:
    """Three ways to count, none of which counts too much; so the highest is the nearest."""
    out = _before_window(totals.points, now)
    return Counters(
        *(
            max(
                total + max(0, current - latest),  # a rise is new
                current - base if out is None else current + gone,  # what was there has gone
            )
            for total, latest, current, base, gone in zip(
                astuple(totals.sums),
                astuple(totals.latest),
                astuple(counters),
                astuple(totals.base),
                astuple(out or NOTHING),
                strict=True,
            )
        )
    )


def _before_window(points: Sequence[tuple[float, Counters]], now: float) -> Counters | None:
    """What had been moved when the window began; None while it holds what came before the run."""
    gone = None
    for when, sums in points:
        if when <= now - WINDOW - _SLACK:
            gone = sums
    return gone


def _kept(
    points: tuple[tuple[float, Counters], ...], sums: Counters, now: float
) -> tuple[tuple[float, Counters], ...]:
    old = [index for index, (when, _) in enumerate(points) if when <= now - WINDOW - _SLACK]
    kept = points[old[-1] :] if old else points
    if kept and now - kept[-1][0] < _APART:
        return kept
    return (*kept, (now, sums))


def _exact(totals: Totals, now: float) -> bool:
    return not totals.points or now - totals.points[0][0] <= WINDOW
