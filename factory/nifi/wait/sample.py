"""What one look at a group found."""

from __future__ import annotations

from dataclasses import dataclass

from factory.nifi.model import Bulletin, Load


@dataclass(frozen=True)
class Sample:
    """An answer of NiFi.

    :param bulletins: those not seen before.
    :param left: flow files in each failure connection (by its label) that has some; only looked at
        while nothing runs.
    :param detail: which processors do not run or are not valid, where that matters.
    :param sources_stopped: how many sources this look has just stopped.
    """

    running: int
    invalid: int
    load: Load
    bulletins: tuple[Bulletin, ...] = ()
    left: tuple[tuple[str, int], ...] = ()
    detail: str = ""
    sources_stopped: int = 0

    @property
    def left_over(self) -> int:
        """Flow files in failure connections: nobody will take them from there."""
        return sum(number for _, number in self.left)

    @property
    def quiet(self) -> bool:
        """Nothing is queued but what is left over, and nothing runs."""
        return self.load.queued <= self.left_over and self.load.threads == 0


@dataclass(frozen=True)
class Missed:
    """NiFi was not reached."""

    reason: str
