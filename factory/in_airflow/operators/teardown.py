"""What teardowns share: a run that a person ends does not succeed because of them.

While a teardown is still to run, Airflow forgets that a run was marked failed: it skips what is
pending, runs the teardown, and where nothing has failed the run would succeed. So such a step has a
task `done` behind its last one; where `done` is skipped and the last one has not succeeded, a
teardown that fails the run says so. (Not of a run that ends before the step has begun: then the
teardown is skipped, too.)
"""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException  # it moved after Airflow 3.1

from factory.in_airflow import each

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

TEAR_DOWN = "tear_down"
"""How the task of a `teardown_for` is called within its step."""
_ENDED = "a person ended this run: it counts as failed"
RETRIES: dict[str, Any] = {"retries": 5, "retry_delay": timedelta(seconds=30)}
"""Unless the spec says how often: what fails the run is not given up at once."""


def states(context: Context, *task_ids: str) -> dict[str, str | None]:
    """How these tasks of the run, and of this copy, ended; None: not yet."""
    task, index = context["task_instance"], each.own_index(context)
    found = task.get_task_states(
        dag_id=task.dag_id, map_index=index, task_ids=list(task_ids), run_ids=[task.run_id]
    ).get(task.run_id, {})
    end = "" if index is None else f"_{index}"
    return {task_id: found.get(f"{task_id}{end}") for task_id in task_ids}


def fail_if_ended(context: Context, *, last: str, done: str) -> None:
    """Raise when a person ended the run before the step's `last` task had succeeded."""
    found = states(context, last, done)
    if found[done] == "skipped" and found[last] != "success":
        raise AirflowFailException(_ENDED)


@lru_cache(maxsize=256)
def ending(operator: type[BaseOperator]) -> type[BaseOperator]:
    """The operator of a `teardown_for`, which any package may have made: it says so as well."""

    def post_execute(self: Any, context: Any, result: Any = None) -> None:
        operator.post_execute(self, context, result)
        fail_if_cut_short(self, context)

    own: dict[str, Any] = {
        "__module__": operator.__module__,
        "__qualname__": operator.__qualname__,
        "__doc__": operator.__doc__,
        "post_execute": post_execute,
    }
    metaclass: Any = type(operator)
    made: type[BaseOperator] = metaclass(operator.__name__, (operator,), own)
    return made


def fail_if_cut_short(tear_down: BaseOperator, context: Context) -> None:
    """Raise when a person ended the run while a task was at work between a teardown and its setups.

    By its rule `done` is skipped only with all that it waits for, and fails where one has failed.
    Of a run that was ended while nothing was at work nothing can be told: what is skipped by a
    person looks as what is skipped by its `if`.
    """
    done = f"{tear_down.task_id.removesuffix(TEAR_DOWN)}done"
    if states(context, done)[done] != "skipped":
        return
    dag: Any = tear_down.dag
    setups = [task for task in tear_down.upstream_list if task.is_setup]
    behind = {name for task in setups for name in task.get_flat_relative_ids(upstream=False)}
    inside = behind & tear_down.get_flat_relative_ids(upstream=True)
    ends = dag.get_task(done).upstream_task_ids
    if "failed" in _ends(context, inside) or "success" in _ends(context, ends):
        raise AirflowFailException(_ENDED)


def _ends(context: Context, task_ids: set[str]) -> set[str | None]:
    """How these tasks ended, all copies of each; in a copy of a group, those of the same copy."""
    if each.own_index(context) is not None:
        return {*states(context, *task_ids).values()}
    task = context["task_instance"]
    found = task.get_task_states(
        dag_id=task.dag_id, task_ids=sorted(task_ids), run_ids=[task.run_id]
    )
    return {*found.get(task.run_id, {}).values()}
