"""What a pipeline sends, of its runs and of its tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from factory.plan import names
from factory.plan.describe import connections
from factory.plan.model import Alert, Pipeline, TaskAlerts
from factory.spec import model
from factory.spec.resolve import Resolved


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


def silent(resolved: Resolved) -> frozenset[str]:
    """Events of which an environment tells nobody, by `on_failure: []`: of no step either."""
    top = resolved.layers[-1]
    alerts = top.value().get("alerts") if top.prefix else None
    found = alerts.items() if isinstance(alerts, dict) else ()
    return frozenset(event for event, told in found if told == [])


def of_task(written: Any, silent: frozenset[str], *, is_last: bool) -> TaskAlerts | UnsetType:
    """What a task tells, of what its step says.

    :param silent: events of which nobody is told.
    :param is_last: the step has succeeded when this task has.
    """
    if not written:
        return UNSET
    heard = {event: alerts for event, alerts in written.items() if event not in silent}
    told = msgspec.convert(heard, model.StepAlerts)
    return TaskAlerts(
        on_failure=planned(told.on_failure),
        on_retry=UNSET if told.on_retry is UNSET else planned(told.on_retry),
        on_success=planned(told.on_success) if is_last else (),
    )


def planned(written: Sequence[model.Alert]) -> tuple[Alert, ...]:
    """Alerts as the plan has them."""
    return tuple(
        Alert(alert.notifier, msgspec.structs.asdict(alert), connections(names.in_fields(alert)))
        for alert in written
    )
