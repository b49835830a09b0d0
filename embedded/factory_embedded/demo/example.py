"""What a demo shows: a pipeline, the services that it needs, and what it should leave."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Protocol

from factory_embedded.airflow_api import AirflowApi, DagRun
from factory_embedded.demo.screen import Screen
from factory_embedded.services.airflow import Cancelled


class Stop:
    """Remembers SIGINT, SIGTERM and SIGHUP, so that the demo ends between two steps, not in one."""

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
        """Whether the demo should end."""
        return bool(self.signal)

    def check(self) -> None:
        """Raise Cancelled when it should."""
        if self.signal:
            raise Cancelled

    def sleep(self, seconds: float) -> None:
        """Wait, or raise Cancelled as soon as the demo should end."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.check()
            time.sleep(min(0.2, seconds))
        self.check()


class Services(Protocol):
    """The services of an example, while they run."""

    @property
    def connections(self) -> Mapping[str, str]:
        """Airflow's connections to them, in JSON, by conn_id."""

    @property
    def addresses(self) -> Sequence[tuple[str, str]]:
        """What a person may look at while the demo stays, by name."""

    def start(self, api: AirflowApi) -> None:
        """Let the example's pipeline run."""

    def problems(self, show: Screen) -> list[str]:
        """Show what the runs left, and tell what is wrong with it."""


@dataclass(frozen=True)
class Example:
    """``runs`` of a pipeline; ``label`` names one of them.

    ``services`` starts what the pipeline needs, until its block ends; it takes the project's folder
    and the one below which it may write.
    """

    pipeline: str
    runs: int
    label: Callable[[DagRun], str]
    services: Callable[[Path, Path, Screen, Stop], AbstractContextManager[Services]]
