"""Files of other programs that somebody has put among the pipelines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from factory.problem import Problem

Value = dict[str, Any]

_OURS = "a pipeline: `version: 1`, and `tasks:` as a list of steps"


def other(value: Value) -> Problem | None:
    """What a file that is no pipeline looks like; None when it may be one."""
    if "version" in value and isinstance(value.get("tasks"), list):
        return None
    for sign in _SIGNS:
        if sign.is_it(value):
            message = f"this looks like {sign.name}, not like a pipeline"
            return Problem((), "other-format", message, _OURS, sign.hint)
    return None


class _Sign(NamedTuple):
    """By what another program's file is known."""

    name: str
    is_it: Callable[[Value], bool]
    hint: str = "keep it outside of the folder of pipelines"


def _is_dag_factory(value: Value) -> bool:
    dags = [entry for entry in value.values() if isinstance(entry, dict)]
    words = {"default_args", "schedule_interval", "task_groups"}
    return "tasks" not in value and any(
        words & set(dag) or ("tasks" in dag and "schedule" in dag) for dag in dags
    )


def _is_compose(value: Value) -> bool:
    services = value.get("services")
    return isinstance(services, dict) and any(
        isinstance(one, dict) and {"image", "build"} & set(one) for one in services.values()
    )


def _is_gitlab(value: Value) -> bool:
    return any(isinstance(job, dict) and "script" in job for job in value.values())


_SIGNS = (
    _Sign(
        "Airflow's own YAML of a DAG",
        lambda value: "dag_id" in value and "tasks" in value,
        "write `version: 1` for `dag_id:`, which is the file's name here, and templates as text",
    ),
    _Sign(
        "a file of dag-factory",
        _is_dag_factory,
        "one file is one pipeline here, and its name the dag_id: move what stands under the dag's "
        "name to the top, `default_args` to `defaults`, and each task into the list `tasks`",
    ),
    _Sign("a workflow of GitHub Actions", lambda value: isinstance(value.get("jobs"), dict)),
    _Sign("a file of Docker Compose", _is_compose),
    _Sign("a manifest of Kubernetes", lambda value: {"apiVersion", "kind"} <= set(value)),
    _Sign("a pipeline of GitLab CI", _is_gitlab),
)
