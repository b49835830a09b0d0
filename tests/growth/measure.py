"""Whether work grows with its input.

What is sixteen times as large may take 16^1.35 (42) times as long: what grows by its square takes
256. Processor time, the best of several when it is too much, and nothing is said of what is over in
no time at the largest size. The steps between are not looked at by themselves: where a memory of
so many values no longer holds them all, one of them is steep.
"""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from tests.growth.inputs import Files

Work = Callable[[], object]

STEP = 4
POWER = 1.35
MORE_MEMORY = STEP**1.2
NO_TIME = 0.0075  # seconds
LITTLE_MEMORY = 2**19
ATTEMPTS = 4


def sizes(largest: int, count: int = 3) -> list[int]:
    """Sizes that grow, the largest last."""
    return [max(1, largest // STEP**below) for below in range(count - 1, -1, -1)]


def write(root: Path, files: Files) -> None:
    """The files of a project."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def require_growth(work: Sequence[Work]) -> None:
    """Fail when the largest takes too long, seen from the smallest."""
    times_as_long = STEP ** (POWER * (len(work) - 1))
    times: list[float] = []
    for attempt in range(1, ATTEMPTS + 1):
        times = [_seconds(each, attempt) for each in work]
        if times[-1] < max(times[0], NO_TIME) * times_as_long:
            return
    pytest.fail(f"times of sizes that grow by {STEP}: {times} s")


def require_memory(work: Sequence[Work]) -> None:
    """Fail when a size takes too much memory after the one before it."""
    used = [_memory(each) for each in work]
    for before, after in pairwise(used):
        assert after < max(before, LITTLE_MEMORY) * MORE_MEMORY, used


def _seconds(work: Work, rounds: int) -> float:
    """Processor time of the fastest round."""
    found = []
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            _forget()
            start = time.process_time()
            work()
            found.append(time.process_time() - start)
    finally:
        gc.enable()
    return min(found)


def _forget() -> None:
    """Empty what remembers so many values: the small sizes would fit, and the large ones not."""
    for name, module in list(sys.modules.items()):
        if name.startswith("factory."):
            for value in vars(module).values():
                about = getattr(value, "cache_parameters", None)
                if about is not None and about()["maxsize"] is not None:
                    value.cache_clear()


def _memory(work: Work) -> int:
    """Bytes of Python's own at their most."""
    _forget()
    gc.collect()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
