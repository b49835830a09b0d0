"""What is installed: versions, extras, and who else brings a package named `factory`."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import (
    PackageNotFoundError,
    distribution,
    packages_distributions,
    version,
)
from typing import TYPE_CHECKING, Any

from factory import extras
from factory.extras import NAME, install_hint
from factory.in_airflow.doctor.finding import Finding, error, names, ok, warning
from factory.in_airflow.doctor.installation import Installation
from factory.plan import alerts
from factory.stores import BUILTIN, scheme_of

if TYPE_CHECKING:
    from packaging.requirements import Requirement


def check(found: Installation) -> Iterator[Finding]:
    """Python, this package, Airflow, and what the pipelines need beside them."""
    yield ok(f"Python {platform.python_version()}, {NAME} {version(NAME)}")
    yield from _one_factory()
    if found.airflow is None:
        yield ok(
            "Airflow is not installed: this machine can lint, render and explain; nothing that "
            "needs Airflow is looked at"
        )
        return
    yield from _airflow(found.airflow)
    yield from _extras(needed(found))


def _one_factory() -> Iterator[Finding]:
    givers = sorted(set(packages_distributions().get("factory", ())) - {NAME})
    if givers:
        yield error(
            f"{' and '.join(givers)} brings a package named `factory`, too: of two files of one "
            "name the one that was installed last is there",
            f"pip uninstall {' '.join(givers)}, then install {NAME} again; or keep them in two "
            "environments",
        )


def _airflow(installed: str) -> Iterator[Finding]:
    wanted = next(one for one in requirements()["airflow"] if one.name == "apache-airflow")
    if wanted.specifier.contains(installed, prereleases=True):
        yield ok(f"Airflow {installed}")
    else:
        yield error(
            f"Airflow {installed} is not supported: {wanted.specifier} is",
            "install one of these versions, by Airflow's own constraints",
        )


def _extras(needed: Mapping[str, list[str]]) -> Iterator[Finding]:
    whole = []
    for extra in sorted(requirements()):
        missing, unfit = _lacks(extra)
        if extra in needed and missing:
            yield error(
                f"the extra {extra!r} is needed by {names(needed[extra])}, and lacks "
                f"{names(missing)}",
                install_hint(extra),
            )
        elif unfit and not missing:
            tell = error if extra in needed else warning
            yield tell(f"the extra {extra!r} does not fit: {'; '.join(unfit)}", install_hint(extra))
        elif not missing:
            whole.append(extra)
    unmet = set(needed) - set(whole)
    if whole:
        state = "all that the pipelines need" if not unmet else f"missing is {names(unmet)}"
        yield ok(f"extras that are installed: {', '.join(whole)} ({state})")


def needed(found: Installation) -> dict[str, list[str]]:
    """The extras that the pipelines need, each with those pipelines."""
    by: dict[str, list[str]] = {}
    for plan in found.plans:
        paths = [task.operator for task in plan.tasks]
        paths += [f"{alert.notifier}.send" for alert in alerts.every(plan)]
        stored = {one for task in plan.tasks for one in _of_stores(task.arguments)}
        for extra in sorted({*stored, *(one for path in paths for one in extras.needed(path))}):
            by.setdefault(extra, []).append(plan.dag_id)
    return by


def _of_stores(value: Any) -> Iterator[str]:
    """The extras of the stores whose addresses stand in a task's arguments."""
    if isinstance(value, str):
        one = BUILTIN.get(scheme_of(value))
        yield from extras.owners(f"{one.module.replace('.', '/')}/") if one else ()
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _of_stores(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _of_stores(each)


def _lacks(extra: str) -> tuple[list[str], list[str]]:
    """Packages of an extra that are not there, and those of another version than it takes."""
    missing, unfit = [], []
    for one in requirements()[extra]:
        try:
            has = distribution(one.name).version
        except PackageNotFoundError:
            missing.append(one.name)
            continue
        if not one.specifier.contains(has, prereleases=True):
            unfit.append(f"{one.name} {has} is installed, {one.specifier} is needed")
    return missing, unfit


@cache
def requirements() -> dict[str, list[Requirement]]:
    """What each extra brings, with what the extras bring that it stands on; `all` is left out."""
    from packaging.requirements import Requirement  # comes with Airflow

    about = distribution(NAME)
    given = [Requirement(text) for text in about.requires or ()]
    every = [one for one in about.metadata.get_all("Provides-Extra") or () if one != "all"]

    def of(extra: str) -> Iterator[Requirement]:
        for one in given:
            if one.marker and not one.marker.evaluate({"extra": ""}):
                if not one.marker.evaluate({"extra": extra}):
                    continue
                if one.name == NAME:
                    for below in sorted(one.extras):
                        yield from of(below)
                else:
                    yield one

    return {extra: list(of(extra)) for extra in every}
