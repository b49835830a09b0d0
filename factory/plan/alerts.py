"""All that a pipeline sends, of its runs and of its tasks."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UNSET
from msgspec.structs import replace

from factory.plan.model import Alert, Pipeline


def every(plan: Pipeline) -> Iterator[Alert]:
    """Each of the alerts; the same one may stand there several times."""
    yield from (*plan.on_failure, *plan.on_retry, *plan.on_success)
    yield from plan.deadline.alerts if plan.deadline else ()
    for task in plan.tasks:
        if told := task.alerts:
            yield from (*told.on_failure, *(told.on_retry or ()), *told.on_success)


def without(plan: Pipeline) -> Pipeline:
    """A plan that tells nobody."""
    tasks = tuple(replace(task, alerts=UNSET) for task in plan.tasks)
    return replace(plan, tasks=tasks, on_failure=(), on_retry=(), on_success=(), deadline=None)
