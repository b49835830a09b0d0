"""Tasks that need a date which the runs of their pipeline do not have."""

from __future__ import annotations

from collections.abc import Iterator

from factory.diagnostics import Diagnostic, Path
from factory.lint.rules.scope import Scope
from factory.plan.model import Assets, Dated
from factory.problem import Problem


def of_asset_runs(scope: Scope) -> Iterator[Diagnostic]:
    """A run that assets start has no logical date and no interval of data."""
    for linted in scope.linted():
        if isinstance(linted.plan.schedule, Assets):
            yield from linted.diagnose(
                _problem(linted.place(step.id, dated.place), dated)
                for step in linted.plan.steps
                for dated in step.dates
            )


def _problem(place: Path, dated: Dated) -> Problem:
    message = f"a run that assets start has no date, so {dated.what} is not known: this task fails"
    return Problem(place, "no-date", message, expected=dated.instead, severity="warning")
