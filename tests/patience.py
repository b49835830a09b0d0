"""Waits that end by what comes to pass; how long is enough tells `factory_embedded.patience`."""

import subprocess
import time
from collections.abc import Callable
from typing import TypeVar

from factory_embedded.patience import Patience, seconds

__all__ = ["Patience", "output", "seconds", "until"]

Answer = TypeVar("Answer")


def until(
    ready: Callable[[], Answer | None], what: str = "it", limit: float = 180, pause: float = 0.05
) -> Answer:
    """The first answer that is not empty; fails when even this machine should have had it.

    :param limit: seconds of a usual machine.
    """
    patience = Patience(limit)
    while not (answer := ready()):
        assert not patience.is_over, f"{what} has not come to pass in {patience.waited:.0f} s"
        time.sleep(pause)
    return answer


def output(child: "subprocess.Popen[str]", limit: float = 120) -> tuple[str, str]:
    """What a process printed, once it has ended.

    :raises subprocess.TimeoutExpired: it does not end.
    """
    patience = Patience(limit)
    while True:
        try:
            return child.communicate(timeout=1)
        except subprocess.TimeoutExpired:
            if patience.is_over:
                raise
