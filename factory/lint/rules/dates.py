"""Tasks that need a date which the runs of their pipeline do not have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from factory.diagnostics import Diagnostic, Path
from factory.lint.rules.scope import Scope
from factory.problem import Problem
from factory.spec.resolve import Resolved
from factory.spec.validate import diagnose


def of_asset_runs(scope: Scope) -> Iterator[Diagnostic]:
    """A run that assets start has no logical date and no interval of data."""
    for outcome in scope.outcomes:
        for resolved in outcome.specs:
            schedule = resolved.value.get("schedule")
            if isinstance(schedule, dict) and "assets" in schedule:
                found = list(_needed(resolved))
                if found:
                    yield from diagnose(resolved, found)


def _needed(resolved: Resolved) -> Iterator[Problem]:
    for index, task in enumerate(resolved.value["tasks"]):
        given: Any = task.get("with", {})
        above: Path = ("tasks", index, "with")
        if task["uses"] == "wait" and given["for"]["type"] == "pipeline":
            yield _problem(
                (*above, "for"), "the other run of the same date", "a wait for something else"
            )
        elif task["uses"] == "ingest" and _is_of_the_run(given["write"]):
            yield _problem((*above, "write"), "the interval", "`start:` and `end:`")


def _is_of_the_run(write: dict[str, Any]) -> bool:
    return write["mode"] == "partition" and "start" not in write


def _problem(path: Path, what: str, expected: str) -> Problem:
    return Problem(
        path,
        "no-date",
        f"a run that assets start has no date, so {what} is not known: this task fails",
        expected=expected,
        severity="warning",
    )
