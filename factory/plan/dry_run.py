"""The plan of a run in which nothing runs: its tasks ask what their statements would read."""

from __future__ import annotations

from msgspec import UNSET
from msgspec.structs import replace

from factory.plan import alerts
from factory.plan.kind import UNASKED
from factory.plan.model import Output, Pipeline, Task


def dry_run(plan: Pipeline, only: str = "") -> Pipeline:
    """The tasks that ask, without edges and whatever else a run does; `only` a task or a group."""
    asking = [
        _asking(task, task.dry_run)
        for task in plan.tasks
        if only in ("", task.id, task.group) and task.dry_run is not UNSET
    ]
    return replace(alerts.without(plan), tasks=tuple(asking), edges=(), fail_fast=False)


def _asking(task: Task, operator: str) -> Task:
    """What stands in a task's place; what takes another's output has nothing to ask."""
    arguments, files = task.arguments, task.files
    if (
        task.expand
        or task.for_each is not UNSET
        or any(isinstance(value, Output) for value in arguments.values())
    ):
        operator, arguments, files = UNASKED, {"conn_id": arguments["conn_id"]}, UNSET
    return Task(
        id=task.id,
        operator=operator,
        step=task.step,
        uses=task.uses,
        arguments={**arguments, "do_xcom_push": True},
        group=task.group,
        connections=task.connections,
        files=files,
        values=task.values,
    )
