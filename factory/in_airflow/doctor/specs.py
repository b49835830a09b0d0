"""The project: where it is, which environment is chosen, which pipelines are broken."""

from __future__ import annotations

import os
from collections.abc import Iterator

from factory.in_airflow.doctor.finding import Finding, error, ok, shortened, warning
from factory.in_airflow.doctor.installation import Installation
from factory.project import CONFIGS, ENVIRONMENT, Outcome
from factory.spec import discover


def check(found: Installation) -> Iterator[Finding]:
    """The configuration folder, its environment and its files."""
    if found.unusable is not None:
        yield error(found.unusable.message, found.unusable.hint)
        return
    by = f", by {CONFIGS}" if os.environ.get(CONFIGS) == str(found.root) else ""
    yield ok(f"the pipelines are those of {found.root}{by}")
    yield _environment(found)
    yield _files(found)


def _environment(found: Installation) -> Finding:
    known = discover.environments(found.root) if found.root else []
    if os.environ.get(ENVIRONMENT):
        return ok(f"the environment is {found.environment}, by {ENVIRONMENT}")
    if found.home is not None and len(known) > 1:
        return warning(
            f"{ENVIRONMENT} is not set: an Airflow that is started like this builds the pipelines "
            f"for the environment {discover.DEFAULT_ENVIRONMENT}",
            f"set {ENVIRONMENT} to one of {', '.join(known)} for every component of Airflow",
        )
    return ok(f"the environment is {found.environment}; {ENVIRONMENT} is not set")


def _files(found: Installation) -> Finding:
    lines = [wrong[0] for wrong in map(problems, found.outcomes) if wrong]
    good = sum(len(outcome.plans) for outcome in found.outcomes)
    if lines:
        return error(
            f"{len(lines)} of {len(found.outcomes)} files are broken, and their pipelines missing",
            "`factory lint` tells all, line by line",
            shortened(lines),
        )
    if not good:
        return warning("there is no pipeline", "`factory new bash hello` writes a first one")
    return ok(f"{good} pipelines in {len(found.outcomes)} files, all can be built")


def problems(outcome: Outcome) -> list[str]:
    """What is wrong with one file, each as `file: message`."""
    errors = (entry for entry in outcome.diagnostics if entry.severity == "error")
    return [f"{entry.file}: {entry.message}" for entry in errors]
