"""`none_failed_min_one_success` in a group that has copies: each copy asks for itself.

Airflow asks for the rule of a task once before it has copies, of all copies of what it needs: 3.1
finds none that succeeded, and skips every copy; for 3.3 one that failed fails all others. By
`none_failed` each copy goes by its own. So the task has that rule, and skips itself where all that
it needs was skipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException  # it moved after Airflow 3.1

from factory.account import say
from factory.in_airflow import each
from factory.in_airflow.conditions import deciding
from factory.plan.bracket import rule
from factory.plan.each import ITEMS

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, TaskGroup

    from factory.plan.model import Task

RULE = "none_failed_min_one_success"
ASKED = "none_failed"
"""What Airflow is told in its place."""


def asks(task: Task, group: TaskGroup | None) -> bool:
    """Whether a task asks for itself: of a list that stands there Airflow knows the copies."""
    return rule(task) == RULE and each.waits_for_list(group)


@lru_cache(maxsize=256)
def joining(operator: type[BaseOperator]) -> type[BaseOperator]:
    """The operator that skips itself where all that it needs was skipped."""
    return deciding(operator, _decide, "render_template_fields")


def _decide(self: Any, context: Mapping[str, Any]) -> None:
    if "success" not in _ends(self, context):
        say("skipped: all that it needs was")
        raise AirflowSkipException(RULE)


def _ends(operator: Any, context: Mapping[str, Any]) -> set[str]:
    """How what it needs has ended: of its own group in the same copy, of others in all copies."""
    ti, around = context["ti"], _copied(operator)
    # the task that gives the list is no need of its own, unless there is no other
    needs = [one for one in operator.upstream_list if _class(one) != ITEMS]
    needs = needs or operator.upstream_list
    beside = {one.task_id for one in needs if _copied(one) == around}
    others = {one.task_id for one in needs} - beside
    found: set[str] = set()
    for names, index in ((beside, ti.map_index), (others, None)):
        if names:
            told = ti.get_task_states(
                dag_id=ti.dag_id, map_index=index, task_ids=sorted(names), run_ids=[ti.run_id]
            )
            found.update(map(str, told.get(ti.run_id, {}).values()))
    return found


def _copied(task: Any) -> str:
    """The id of the group that a task has copies with."""
    around = task.get_closest_mapped_task_group()
    return "" if around is None else str(around.group_id)


def _class(task: Any) -> str:
    return f"{type(task).__module__}.{type(task).__qualname__}"
