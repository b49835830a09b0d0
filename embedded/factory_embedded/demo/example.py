"""What a demo shows: a pipeline, the services that it needs, and what it should leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from factory_embedded.airflow_api import AirflowApi, DagRun
from factory_embedded.demo.screen import Screen
from factory_embedded.service import Connection
from factory_embedded.stop import Stop


class Services(Protocol):
    """The services of an example, while they run."""

    @property
    def connections(self) -> Mapping[str, Connection]:
        """Airflow's connections to them, by conn_id."""

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
