"""Timing in fresh processes, the sides taking turns, so that a busy machine slows all alike."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

_SECONDS, _PROCESSOR, _MEGABYTES = "SECONDS ", "PROCESSOR ", "MEGABYTES "


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One figure. `bound` is the most that `value` may be, or the least when `at_least`."""

    name: str
    value: float
    unit: str = "×"
    bound: float | None = None
    at_least: bool = False
    detail: str = ""

    @property
    def holds(self) -> bool:
        if self.bound is None:
            return True
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    @property
    def figure(self) -> str:
        return f"{self.value:.2f} {self.unit}"

    @property
    def bound_text(self) -> str:
        sign = "≥" if self.at_least else "≤"
        return "" if self.bound is None else f"{sign} {self.bound:g} {self.unit}"


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """Python code that a fresh process runs. What counts is the number that it gives to `took`,
    or the whole process when it never calls it."""

    code: str
    arguments: tuple[str, ...] = ()
    env: Mapping[str, str] = {}


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What a side took. `megabytes`: its peak above what it began with, 0 when it does not say;
    `processor`: the seconds of all its threads, of its whole process when it does not say."""

    seconds: float
    processor: float
    megabytes: float = 0.0


_PRELUDE = f"""
def took(seconds):
    print({_SECONDS!r} + str(seconds))
"""


@contextmanager
def work() -> Iterator[None]:
    """What counts of a side that is a function: its seconds, and its peak of memory (on Linux)."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak of the imports is not of the work
    before = _memory("VmRSS")
    begin, processor = time.perf_counter(), time.process_time()
    yield
    print(_SECONDS + str(time.perf_counter() - begin))
    print(_PROCESSOR + str(time.process_time() - processor))
    print(_MEGABYTES + str(_memory("VmHWM") - before))


def _memory(name: str) -> float:
    """Megabytes (10⁶ bytes), as the kernel counts them for this process."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024 / 1e6


def best(sides: Sequence[Side], rounds: int, home: Path) -> list[float]:
    """The least seconds of each side over some rounds: what disturbs only ever adds."""
    return [min(times) for times in _rounds(sides, rounds, home)]


def typical(sides: Sequence[Side], rounds: int, home: Path) -> list[float]:
    """The median seconds of each side."""
    return [statistics.median(times) for times in _rounds(sides, rounds, home)]


def _rounds(sides: Sequence[Side], rounds: int, home: Path) -> list[list[float]]:
    times: list[list[float]] = [[] for _ in sides]
    for side in sides:
        seconds(side, home)  # compiles modules and warms the file cache
    for _ in range(rounds):
        for index, side in enumerate(sides):
            times[index].append(seconds(side, home))
    return times


def seconds(side: Side, home: Path) -> float:
    """The seconds of one fresh process of a side."""
    return cost(side, home).seconds


def cost(side: Side, home: Path) -> Cost:
    """One fresh process of a side."""
    command = [sys.executable, "-c", _PRELUDE + side.code, *side.arguments]
    begin, processor = time.perf_counter(), _of_children()
    answer = subprocess.run(
        command, env=environment(home) | dict(side.env), capture_output=True, text=True
    )
    whole, used = time.perf_counter() - begin, _of_children() - processor
    if answer.returncode:
        said = (answer.stdout + answer.stderr)[-4000:]
        raise RuntimeError(f"{side.code}\nfailed:\n{said}")
    return Cost(
        seconds=_told(answer.stdout, _SECONDS, whole),
        processor=_told(answer.stdout, _PROCESSOR, used),
        megabytes=_told(answer.stdout, _MEGABYTES, 0.0),
    )


def _of_children() -> float:
    """Processor seconds of all that has ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _told(said: str, mark: str, default: float) -> float:
    told = [line for line in said.splitlines() if line.startswith(mark)]
    return float(told[-1].removeprefix(mark)) if told else default


def environment(home: Path) -> dict[str, str]:
    """The caller's environment with an Airflow home of its own, and no telemetry of peers."""
    theirs = ("AIRFLOW", "_AIRFLOW", "FACTORY_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
    return kept | {
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DAG_FACTORY__ENABLE_TELEMETRY": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "DO_NOT_TRACK": "1",
    }
