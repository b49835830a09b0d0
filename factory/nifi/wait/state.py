"""What is known so far; plain data, so that another process can go on with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from factory.nifi.model import Bulletin, Counters
from factory.nifi.wait.window import NONE, Totals, begin

Phase = Literal["starting", "waiting", "active", "draining", "idle"]
Mark = tuple[int, str]
Sources = Literal["none", "running", "ended"]


@dataclass(frozen=True)
class State:
    """Moments are seconds since 1970.

    :param expected: components that are to run.
    :param starting: since when they are awaited: the start, or NiFi's return.
    :param active: since when there was work; None before.
    :param changed: when something last moved, or a thread ran.
    :param moved: when a flow file last moved; threads that hang run, and move none.
    :param short: looks in a row at which something did not run or was not valid.
    :param missed: since when NiFi does not answer.
    :param marks: id and time of the last bulletin seen, by node.
    :param sources: those to be stopped are `running` or `ended`; `none` when there are none.
    :param stop_sources: it is time for the next look to stop them.
    :param until: of a group that is always on: NiFi's clock after work was handed over. What came
        later is not waited for. 0 for a group that this run has started.
    :param run: what the work that was handed over is marked with; empty when nothing was.
    """

    started: float
    expected: int
    phase: Phase = "starting"
    starting: float = 0.0
    active: float | None = None
    changed: float = 0.0
    moved: float = 0.0
    queued: int = 0
    queued_bytes: int = 0
    threads: int = 0
    idle: int = 0
    short: int = 0
    polls: int = 0
    missed: float | None = None
    marks: Mapping[str, Mark] = field(default_factory=dict)
    warnings: int = 0
    last_warning: str = ""
    sources: Sources = "none"
    stop_sources: bool = False
    totals: Totals = NONE
    until: float = 0.0
    run: str = ""

    @property
    def always_on(self) -> bool:
        """The group runs all the time, and others may hand work to it, too."""
        return self.until > 0

    def unseen(self, bulletins: Iterable[Bulletin]) -> tuple[Bulletin, ...]:
        """Those that came after the marks. A node that was restarted counts from 0 again."""
        listed = tuple(bulletins)
        newest = marks(listed)
        known = {
            node: mark[0]
            for node, mark in self.marks.items()
            if not _restarted(mark, newest.get(node, mark))
        }
        return tuple(each for each in listed if each.id > known.get(each.node, -1))

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {**vars(self), "marks": dict(self.marks), "totals": self.totals.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> State:
        """The opposite of `to_dict`."""
        marks = read_marks(data["marks"])
        return cls(**{**data, "marks": marks, "totals": Totals.from_dict(data["totals"])})


def first(
    *,
    now: float,
    expected: int,
    counters: Counters,
    marks: Mapping[str, Mark],
    sources: Sources = "none",
) -> State:
    """The state at the start, with the counters and bulletins of the moment before it."""
    return State(
        started=now,
        starting=now,
        changed=now,
        moved=now,
        expected=expected,
        marks=dict(marks),
        sources=sources,
        totals=begin(counters, now),
    )


def marks(bulletins: Iterable[Bulletin]) -> dict[str, Mark]:
    """The newest of each node."""
    newest: dict[str, Mark] = {}
    for each in bulletins:
        if each.id > newest.get(each.node, (-1, ""))[0]:
            newest[each.node] = (each.id, each.time)
    return newest


def read_marks(data: Mapping[str, Any]) -> dict[str, Mark]:
    """Marks as JSON has them."""
    return {node: (number, time) for node, (number, time) in data.items()}


def _restarted(mark: Mark, newest: Mark) -> bool:
    return newest[0] < mark[0] or (newest[0] == mark[0] and newest[1] != mark[1])
