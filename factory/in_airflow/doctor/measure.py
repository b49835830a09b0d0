"""Loads all pipelines as Airflow's Dag processor does, and prints what that took, as JSON.

    python -m factory.in_airflow.doctor.measure ROOT SECONDS

A process of its own: what a spec does while it is built may be anything, and what it imports is
paid anew by each parse.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from factory.in_airflow.net import Net


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds for the import of the Dag file, and those until it is stored, without the database.

    `pipelines` are seconds by file; `done` is False when Airflow's time limit ended it. `memory` is
    what the process took at most, in bytes; `refused` are problems, each as `file: message`.
    """

    imported: float
    stored: float
    pipelines: dict[str, float]
    done: bool
    memory: int
    refused: tuple[str, ...] = ()


class _TimeIsUp(BaseException):
    pass


_TimeIsUp.__name__ = "AirflowTaskTimeout"  # what Airflow raises, and the loader lets through


def measure(root: Path, limit: float) -> Cost:
    """Load a root's pipelines once, in at most `limit` seconds."""
    import airflow.sdk  # noqa: F401  a Dag processor has it before it looks at a file

    signal.signal(signal.SIGALRM, _ring)
    signal.setitimer(signal.ITIMER_REAL, limit)
    spent: dict[str, float] = {}
    made: list[tuple[str, Any]] = []
    refused: list[str] = []
    start = time.monotonic()
    try:
        _load(root, spent, made, refused)
        done = True
    except _TimeIsUp:
        done = False
    signal.setitimer(signal.ITIMER_REAL, 0)
    imported = time.monotonic() - start
    for source, dag in made:
        _count(spent, source, partial(_stored, dag))
    return Cost(
        imported=imported,
        stored=time.monotonic() - start,
        pipelines=spent,
        done=done,
        memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        refused=tuple(dict.fromkeys(refused)),
    )


def _load(
    root: Path, spent: dict[str, float], made: list[tuple[str, Any]], refused: list[str]
) -> None:
    from factory.in_airflow import loader

    clock = _clock(spent)
    for _, dag, wrong in loader.build(root, clock):
        if dag is not None:
            made.append((next(reversed(spent)), dag))
        refused += [f"{one.file}: {one.message}" for one in wrong if one.severity == "error"]


def _clock(spent: dict[str, float]) -> type[Net]:
    """The loader's net, which also notes how long each file takes."""
    from factory.in_airflow.net import Net

    class Clock(Net):
        def catch(self, source: str, make: Callable[[], Any], *, foreign: bool = True) -> Any:
            """As the net does."""
            return _count(spent, source, lambda: Net.catch(self, source, make, foreign=foreign))

        def trial(self, source: str, make: Callable[[], object]) -> str:
            """As the net does."""
            return str(_count(spent, source, lambda: Net.trial(self, source, make)))

    return Clock


def _count(spent: dict[str, float], source: str, work: Callable[[], Any]) -> Any:
    """Do it; the last of `spent` is what was done last."""
    start = time.monotonic()
    try:
        return work()
    finally:
        spent[source] = spent.pop(source, 0.0) + time.monotonic() - start


def _stored(dag: Any) -> None:
    """Make of a DAG what Airflow's database is given."""
    from airflow.serialization.serialized_objects import LazyDeserializedDAG

    LazyDeserializedDAG.from_dag(dag)


def _ring(number: int, frame: Any) -> None:
    raise _TimeIsUp


def main() -> None:
    """Measure; what pipelines print goes to standard error."""
    out = os.dup(1)
    os.dup2(2, 1)
    cost = measure(Path(sys.argv[1]), float(sys.argv[2]))
    os.write(out, msgspec.json.encode(cost))


if __name__ == "__main__":
    main()
