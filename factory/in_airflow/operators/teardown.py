"""What teardowns share: a run that a person ends does not succeed because of them.

While a teardown is still to run, Airflow forgets that a run was marked failed: it skips what is
pending, runs the teardown, and where nothing has failed the run would succeed. So such a step has a
task `done` behind its last one; where `done` is skipped and the last one has not succeeded, a
teardown that fails the run says so. (Not of a run that ends before the step has begun: then the
teardown is skipped, too.)
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException  # it moved after Airflow 3.1

from factory.in_airflow import each

if TYPE_CHECKING:
    from airflow.sdk import Context

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
        raise AirflowFailException("a person ended this run: it counts as failed")
