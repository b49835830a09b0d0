"""How much all pipelines are together."""

from __future__ import annotations

from collections.abc import Iterator

from factory.diagnostics import Diagnostic
from factory.lint.rules.scope import Scope
from factory.spec.resolve import MAX_FILE_TASKS

MAX_TASKS = 100_000
"""Airflow tasks of all files: it builds them all in one Dag file, which has a limit of time."""


MAX_ASSETS = 5_000
"""Assets of all files: Airflow asks its database for all of a Dag file in one question."""


def too_many_assets(scope: Scope) -> Iterator[Diagnostic]:
    """More assets than Airflow can store at once: its question for them grows by their square."""
    found: set[str] = set()
    for outcome in scope.outcomes:
        for plan in outcome.plans:
            found.update(uri for task in plan.tasks for uri in task.outlets)
            found.update(plan.waits.every if plan.waits else ())
    if len(found) > MAX_ASSETS:
        yield _too_many(
            scope,
            f"all pipelines together have {len(found):,} assets",
            f"at most {MAX_ASSETS:,}: Airflow stores those of its Dag file at once, and takes "
            "minutes, or fails, for more",
        )


def too_many_tasks(scope: Scope) -> Iterator[Diagnostic]:
    """More tasks than Airflow can build before its time for one Dag file is over."""
    counts = {
        outcome.path: sum(len(plan.tasks) for plan in outcome.plans) for outcome in scope.outcomes
    }
    total = sum(counts.values())
    if total <= MAX_TASKS:
        return
    largest = sorted(counts, key=lambda path: (-counts[path], path))[:3]
    named = ", ".join(f"{path.stem} ({counts[path]:,})" for path in largest)
    yield _too_many(
        scope,
        f"all pipelines together have {total:,} tasks, as Airflow counts them",
        f"at most {MAX_TASKS:,}: all are built at each parse, within Airflow's "
        "`dagbag_import_timeout`",
        f"most are in {named}; one file may have {MAX_FILE_TASKS:,}",
    )


def _too_many(scope: Scope, message: str, expected: str, hint: str = "") -> Diagnostic:
    return Diagnostic(
        file=scope.project.root.name,
        line=1,
        column=1,
        width=0,
        code="too-many",
        message=message,
        expected=expected,
        hint=hint,
        severity="warning",
    )
