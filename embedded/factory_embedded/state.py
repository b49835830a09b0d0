"""Which services run in a folder: a file that their process keeps while it lives."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from factory_embedded.folders import is_in_use


@dataclass(frozen=True)
class State:
    """The process that runs them, their names by the ids of their connections, and whether all are
    ready."""

    pid: int
    services: Mapping[str, str]
    ready: bool = False


def lock(home: Path) -> Path:
    """The file that their process holds: it alone tells whether that process lives."""
    return home / ".lock"


def read(home: Path) -> State | None:
    """What runs; None where nothing does, whatever a killed process has left."""
    with suppress(OSError, ValueError):  # it ends just now
        state = State(**json.loads(_file(home).read_text()))
        # asked last: to ask is to hold the lock for a moment, which who begins must not find held
        return state if is_in_use(lock(home)) else None
    return None


def forget(home: Path) -> None:
    """Remove what a killed process has left."""
    _file(home).unlink(missing_ok=True)


@contextmanager
def kept(home: Path, services: Mapping[str, str]) -> Iterator[Callable[[], None]]:
    """Tell others until the block ends; what it gives says that all are ready."""
    state = State(os.getpid(), dict(services))
    _write(home, state)
    try:
        yield lambda: _write(home, State(state.pid, state.services, ready=True))
    finally:
        forget(home)


def _write(home: Path, state: State) -> None:
    new = _file(home).with_suffix(".new")
    new.write_text(json.dumps(asdict(state)))
    new.replace(_file(home))


def _file(home: Path) -> Path:
    return home / "running.json"
