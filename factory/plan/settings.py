"""Airflow's settings of a task: what its step says, its kind, and the defaults around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from factory.plan import each
from factory.plan.kind import Fragment
from factory.plan.model import Task
from factory.spec.model import SETTINGS
from factory.spec.resolve import Resolved


class Said(NamedTuple):
    """Airflow's settings of a step, and which of them the task says itself."""

    settings: dict[str, Any]
    own: frozenset[str]


def said(resolved: Resolved, index: int, written: Mapping[str, Any]) -> Said:
    """What stands at a step, with the defaults around it; `index` is its place in `tasks`."""
    here = resolved.task_place[index].value()
    found = {key: written[key] for key in written if key in SETTINGS}
    return Said(found, frozenset(found).intersection(here))


def of_task(task: Task, here: Said, fragment: Fragment) -> Mapping[str, Any]:
    """What a kind sets is more than a default, and less than what the task says itself.

    Of several tasks, a kind knows best what one of them needs: there its settings stay.
    """
    if not here.settings:
        return task.settings
    by_kind = {*task.settings, *task.arguments, *task.expand}
    if sum(task.operator not in each.ADDED for task in fragment.tasks) == 1:
        by_kind -= here.own
    found = {key: value for key, value in here.settings.items() if key not in by_kind}
    if task.id not in fragment.first:
        # the rule is about what the step needs, not about its own tasks
        found.pop("trigger_rule", None)
    return {**task.settings, **found} if task.settings else found
