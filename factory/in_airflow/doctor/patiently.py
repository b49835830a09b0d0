"""Something of which nobody knows how long it takes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

Made = TypeVar("Made")

PATIENCE = 15.0  # seconds


class NoAnswerError(TimeoutError):
    """It was not waited for any longer; a TimeoutError of what was asked is another thing."""


def patiently(
    make: Callable[[], Made], seconds: float = PATIENCE
) -> tuple[Made | None, BaseException | None]:
    """What `make` returns, or what it raised; NoAnswerError when it was not done in time.

    It then goes on in its thread, which ends with the process.
    """
    made: list[Made] = []
    wrong: list[BaseException] = [NoAnswerError(f"there was no answer in {seconds:.0f} s")]

    def run() -> None:
        try:
            made.append(make())
        except BaseException as error:
            wrong[:] = [error]

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    return (made[0], None) if made else (None, wrong[0])
