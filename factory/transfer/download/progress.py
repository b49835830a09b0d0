"""How far a long transfer is."""

import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)


class Progress:
    """Counts bytes and tells them every so many seconds."""

    def __init__(
        self, name: str, every: float = 30.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name = name
        self._every = every
        self._clock = clock
        self._started = self._told = clock()
        self._bytes = 0

    def add(self, count: int, *, have: int, total: int | None) -> None:
        """`count` bytes more, `have` of `total` now."""
        self._bytes += count
        now = self._clock()
        if now - self._told >= self._every:
            self._told = now
            of = "" if total is None else f" of {total}"
            log.info("%s: %d%s bytes, %s", self._name, have, of, self._rate(now))

    def __str__(self) -> str:
        now = self._clock()
        return f"{self._bytes} bytes in {now - self._started:.2f} s, {self._rate(now)}"

    def _rate(self, now: float) -> str:
        return f"{self._bytes / max(now - self._started, 1e-6) / 1e6:.1f} MB/s"
