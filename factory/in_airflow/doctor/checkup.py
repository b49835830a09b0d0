"""The checks, in their order. Each looks at one thing and says what it found."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import msgspec

from factory.errors import is_fault, said
from factory.in_airflow.doctor import (
    cost,
    database,
    loaded,
    named,
    packages,
    settings,
    specs,
    storage,
)
from factory.in_airflow.doctor.finding import Finding, error, warning
from factory.in_airflow.doctor.installation import Check, Installation

Needs = Literal["nothing", "airflow", "home"]


class Family(msgspec.Struct, frozen=True):
    """Checks of one thing; what they need of Airflow: nothing, its packages, or its settings."""

    title: str
    checks: tuple[Check, ...]
    needs: Needs = "home"


FAMILIES = (
    Family("packages", (packages.check,), "nothing"),
    Family("pipelines", (specs.check,), "nothing"),
    Family("Airflow", (settings.check,)),
    Family("registered", (loaded.check_registered,), "airflow"),
    Family("database", (database.check,)),
    Family("Dag files", (loaded.check_files,)),
    Family("names", (named.check_connections, named.check_variables, named.check_pools)),
    Family("stage", (storage.check_stage,), "airflow"),
    Family("temporary files", (storage.check_temporary,), "nothing"),
    Family("time and memory", (cost.check,), "airflow"),
)


class Section(msgspec.Struct, frozen=True):
    """What the checks of one family found."""

    title: str
    findings: tuple[Finding, ...]


def examine(found: Installation, more: tuple[Family, ...] = ()) -> Iterator[Section]:
    """Everything that can be looked at here."""
    with _some_home(found):
        for family in (*FAMILIES, *more):
            if _can(found, family.needs):
                yield Section(family.title, tuple(_findings(found, family)))
    if found.airflow and not _can(found, "home"):
        yield Section("Airflow", (_no_home(found),))


def _can(found: Installation, needs: Needs) -> bool:
    # one that is only usual is made by Airflow
    named = bool(os.environ.get("AIRFLOW_HOME"))
    has_home = found.home is not None and (found.home.is_dir() or not named)
    return {"nothing": True, "airflow": bool(found.airflow), "home": has_home}[needs]


def _findings(found: Installation, family: Family) -> Iterator[Finding]:
    for check in family.checks:
        try:
            yield from check(found)
        except BaseException as wrong:  # whatever an installation does to one check
            if not is_fault(wrong):
                raise
            todo = "the rest was looked at; please report it if the reason is not clear"
            yield error(f"this could not be looked at: {said(wrong, 300)}", todo)


def _no_home(found: Installation) -> Finding:
    seen = "connections, variables, pools, Dag files and settings are not looked at"
    if found.home is not None:
        return error(
            f"AIRFLOW_HOME is {found.home}, which is not there: {seen}",
            "set it to the folder of your Airflow",
        )
    return warning(
        f"AIRFLOW_HOME is not set, and no Airflow is set up here: {seen}",
        "set AIRFLOW_HOME, and what else your Airflow is started with, then ask again",
    )


@contextmanager
def _some_home(found: Installation) -> Iterator[None]:
    """Where none is, one for a while: Airflow writes its settings where it finds none."""
    if not found.airflow or _can(found, "home"):
        yield
        return
    before = os.environ.get("AIRFLOW_HOME")
    with TemporaryDirectory(prefix="factory-doctor-", ignore_cleanup_errors=True) as folder:
        os.environ["AIRFLOW_HOME"] = str(Path(folder))
        try:
            yield
        finally:
            os.environ.pop("AIRFLOW_HOME")
            os.environ.update({"AIRFLOW_HOME": before} if before is not None else {})
