"""Ctrl-C and its like, remembered."""

from __future__ import annotations

import signal
import time
from types import FrameType

from factory_embedded.service import Cancelled


class Stop:
    """Remembers SIGINT, SIGTERM and SIGHUP, so that work ends between two steps, not in one."""

    _NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        self.signal = 0

    def __enter__(self) -> Stop:
        self._before = [signal.signal(number, self._receive) for number in self._NUMBERS]
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in zip(self._NUMBERS, self._before, strict=True):
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.signal = self.signal or number

    def received(self) -> bool:
        """Whether it should end."""
        return bool(self.signal)

    def obey(self) -> None:
        """Raise Cancelled when it should."""
        if self.signal:
            raise Cancelled

    def sleep(self, seconds: float) -> None:
        """Wait, or raise Cancelled as soon as it should end."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.obey()
            time.sleep(min(0.2, seconds))
        self.obey()
