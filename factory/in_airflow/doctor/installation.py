"""What is examined: a project, and the Airflow that runs it, if there is one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from factory.errors import FactoryError
from factory.in_airflow.doctor.finding import Finding
from factory.plan.model import Pipeline
from factory.project import Outcome, Project, find_root


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """A project with its pipelines, and the Airflow around it.

    `home` is where Airflow's settings are; None when nobody has made any. `connect` asks to reach
    the systems that connections name.
    """

    root: Path | None
    environment: str
    outcomes: tuple[Outcome, ...] = ()
    unusable: FactoryError | None = None
    airflow: str | None = None
    home: Path | None = None
    connect: bool = False

    @property
    def plans(self) -> Iterator[Pipeline]:
        """Every pipeline that can be built."""
        for outcome in self.outcomes:
            yield from outcome.plans


Check = Callable[[Installation], Iterator[Finding]]


def look(configs: Path | None, environment: str | None, *, connect: bool) -> Installation:
    """The project of a folder, or that of the current one, and the Airflow of this process."""
    chosen = environment or os.environ.get("FACTORY_ENV") or "dev"
    installed = _installed("apache-airflow-core")
    home = _home() if installed else None
    root = configs
    outcomes: tuple[Outcome, ...] = ()
    unusable = None
    try:
        root = root or find_root()
        outcomes = tuple(Project(root, chosen).outcomes())
    except FactoryError as error:
        unusable = error
    return Installation(
        root=root,
        environment=chosen,
        outcomes=outcomes,
        unusable=unusable,
        airflow=installed,
        home=home,
        connect=connect,
    )


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _home() -> Path | None:
    """Where Airflow would read its settings; it makes such a folder itself where there is none."""
    if named := os.environ.get("AIRFLOW_HOME"):
        return Path(named).expanduser()
    usual = Path("~/airflow").expanduser()
    configured = any(name.startswith("AIRFLOW__") for name in os.environ)
    return usual if configured or (usual / "airflow.cfg").is_file() else None
