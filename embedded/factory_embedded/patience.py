"""How long to wait for what must come to pass, on a machine of any speed.

Limits are in seconds of a usual, idle machine. How much slower this one is, now, tells a known
piece of work: a Python that starts, counts, and writes to the disk.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

_USUAL = 0.2  # seconds, on two idle cores
_WORK = """\
import asyncio, decimal, email.message, http.client, json, logging, sqlite3, unittest
sum(n * n for n in range(2_000_000))
"""
_KEPT = 30.0
_known: list[tuple[float, float]] = []


class Patience:
    """A limit that grows while the machine is slow. Nothing is measured before it is reached."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._slowness = 1.0
        self._start = time.monotonic()

    @property
    def waited(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._start

    @property
    def is_over(self) -> bool:
        """Whether even a machine as slow as this one should have done it."""
        if self.waited <= self._seconds * self._slowness:
            return False
        self._slowness = max(self._slowness, slowness())
        return self.waited > self._seconds * self._slowness


def seconds(usual: float) -> float:
    """A limit for what takes one and cannot be asked again, such as a timeout of `subprocess`."""
    if not _known or time.monotonic() - _known[-1][0] > _KEPT:
        _known[:] = [(time.monotonic(), slowness())]
    return usual * _known[-1][1]


def slowness() -> float:
    """How many times longer a known piece of work takes now than on a usual machine; at least 1."""
    start = time.monotonic()
    subprocess.run([sys.executable, "-I", "-c", _WORK], check=True, stdin=subprocess.DEVNULL)
    with tempfile.TemporaryFile() as file:
        for _ in range(8):
            file.write(bytes(256 * 1024))
            file.flush()
            os.fsync(file.fileno())
    return max(1.0, (time.monotonic() - start) / _USUAL)
