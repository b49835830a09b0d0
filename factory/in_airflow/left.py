"""What runs on elsewhere while no worker waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable


class Left(Exception):
    """It takes long, and is left: `trigger` fires once it has ended, with the `job_id` of it.

    Who then asks for the same again finds it.
    """

    def __init__(self, trigger: Any, what: str) -> None:
        super().__init__(what)
        self.trigger = trigger


@runtime_checkable
class Leaves(Protocol):
    """A hook whose `run` may raise `Left`, once it knows for whom."""

    def leaves_for(self, task: Sequence[object], number: int, awaited: str) -> None:
        """Let it leave what takes long.

        :param task: what names the task of a run, whichever try it is.
        :param number: of the try. What a try before it has begun, and still runs, is found.
        :param awaited: the `job_id` of what was left in this try, and has ended.
        """
