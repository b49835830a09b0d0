"""Work that two runs at once would do twice."""

from __future__ import annotations

from collections.abc import Iterator

from factory.diagnostics import Diagnostic, Path
from factory.lint.rules.scope import Scope
from factory.problem import Problem


def at_once(scope: Scope) -> Iterator[Diagnostic]:
    """A step that needs its run to be the only one, where the pipeline lets several run."""
    for linted in scope.linted():
        if linted.plan.max_active_runs != 1:
            yield from linted.diagnose(
                _problem(linted.place(step.id, place))
                for step in linted.plan.steps
                for place in step.alone
            )


def _problem(place: Path) -> Problem:
    return Problem(
        place,
        "runs-at-once",
        "two runs at once both find these files, and append their rows twice",
        expected="`max_active_runs: 1`",
        hint="`only_new: true` beside it loads each file once",
        at_key=True,
        severity="warning",
    )
