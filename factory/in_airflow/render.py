"""The plan → an Airflow DAG. Imports only the operators of the DAG that is being built."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Asset, TaskGroup

from factory.errors import FactoryError
from factory.in_airflow.notifiers import Notify
from factory.plan.model import Alert, Assets, Call, Every, Output, Pipeline, Ref, Task, seconds

_DURATIONS = {"retry_delay", "max_retry_delay", "execution_timeout"}
_MARKS = (Call, Ref, Output)


class PipelineDAG(DAG):
    """A DAG whose Code tab and template folder are those of its YAML file.

    Airflow's importer sets `fileloc` to the loader after building; `validate` runs after that.
    """

    spec_file: str = ""

    def validate(self) -> None:
        """Airflow's own validation, then `fileloc` is the spec's."""
        super().validate()  # type: ignore[no-untyped-call]
        if self.spec_file:
            self.fileloc = self.spec_file


def render(plan: Pipeline, root: Path) -> DAG:
    """The DAG of a plan.

    :param root: the configuration root that the plan's `source` is relative to.
    :raises FactoryError: an operator cannot be imported or refuses its arguments.
    """
    dag = PipelineDAG(**_dag_arguments(plan))
    dag.spec_file = dag.fileloc = str(root / plan.source)
    groups = {
        group.id: TaskGroup(group_id=group.id, tooltip=group.tooltip, dag=dag)
        for group in plan.groups
    }
    made: dict[str, Any] = {}
    on_retry = [_notify(alert, "retry") for alert in plan.on_retry]
    for task in plan.tasks:
        made[task.id] = _operator(task, plan, dag, groups, made, on_retry)
    for before, after in plan.edges:
        made[before].set_downstream(made[after])
    for task in plan.tasks:
        if task.role == "teardown":
            made[task.id].as_teardown(setups=[made[name] for name in task.setups])
        elif task.role == "setup":
            made[task.id].as_setup()
    return dag


def _dag_arguments(plan: Pipeline) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "dag_id": plan.dag_id,
        "description": plan.description or None,
        "doc_md": _doc(plan),
        "tags": list(plan.tags),
        "schedule": _schedule(plan.schedule),
        "start_date": _moment(plan.start_date, plan.timezone),
        "end_date": _moment(plan.end_date, plan.timezone),
        "catchup": plan.catchup,
        "default_args": {"owner": plan.owner},
        "fail_fast": plan.fail_fast,
        "is_paused_upon_creation": plan.paused,
    }
    for name in ("max_active_runs", "max_active_tasks", "max_consecutive_failed_dag_runs"):
        if (value := getattr(plan, name)) is not None:
            arguments[name] = value
    if plan.dagrun_timeout is not None:
        arguments["dagrun_timeout"] = timedelta(seconds=plan.dagrun_timeout)
    if plan.params:
        arguments["params"] = {name: _param(value) for name, value in plan.params.items()}
    if plan.on_failure:
        arguments["on_failure_callback"] = [_notify(a, "failure") for a in plan.on_failure]
    if plan.on_success:
        arguments["on_success_callback"] = [_notify(a, "success") for a in plan.on_success]
    return arguments


def _doc(plan: Pipeline) -> str:
    parts = [plan.description, f"Owner: **{plan.owner}**"]
    if plan.source_url:
        parts.append(f"[{plan.source}]({plan.source_url.rstrip('/')}/{plan.source})")
    return "\n\n".join(part for part in parts if part)


def _schedule(schedule: str | Every | Assets | None) -> Any:
    if isinstance(schedule, Every):
        return timedelta(seconds=schedule.seconds)
    if not isinstance(schedule, Assets):
        return schedule
    assets = [Asset(uri=uri, name=uri) for uri in schedule.uris]
    if not schedule.any:
        return assets
    from airflow.sdk import AssetAny

    return AssetAny(*assets)


@lru_cache(maxsize=256)
def _moment(text: str | None, zone: str) -> datetime | None:
    if text is None:
        return None
    import pendulum

    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return pendulum.instance(moment, tz=zone)


def _param(value: Any) -> Any:
    if not isinstance(value, Mapping) or not {"default", "type", "enum"} & set(value):
        return value
    from airflow.sdk import Param

    schema = {key: entry for key, entry in value.items() if key not in ("default", "description")}
    default = {"default": value["default"]} if "default" in value else {}
    return Param(**default, description=value.get("description"), **schema)


def _notify(alert: Alert, event: str) -> Notify:
    return Notify(alert.notifier, dict(alert.arguments), event)


def _operator(
    task: Task,
    plan: Pipeline,
    dag: DAG,
    groups: Mapping[str, Any],
    made: Mapping[str, Any],
    on_retry: list[Notify],
) -> Any:
    operator = _import(task.operator, task.id)
    arguments = {name: _value(value, task, made) for name, value in task.arguments.items()}
    for name, value in task.settings.items():
        arguments[name] = _duration(value) if name in _DURATIONS else value
    if task.outlets:
        arguments["outlets"] = [Asset(uri=uri, name=uri) for uri in task.outlets]
    if task.description:
        arguments["doc_md"] = task.description
    if on_retry:
        arguments["on_retry_callback"] = on_retry
    group = groups.get(task.group) if task.group else None
    try:
        return operator(
            task_id=task.id.removeprefix(f"{task.group}."), dag=dag, task_group=group, **arguments
        )
    except Exception as error:
        # an operator of any package may refuse in any way; the error belongs to this task alone
        name = task.operator.rpartition(".")[2]
        raise FactoryError(f"task {task.id!r}: {name} refuses its arguments: {error}") from error


@lru_cache(maxsize=1024)
def _duration(text: str) -> timedelta:
    return timedelta(seconds=seconds(text))


def _value(value: Any, task: Task, made: Mapping[str, Any]) -> Any:
    kind = value.__class__
    if kind is str or kind is bool or kind is int or value is None:
        return value
    if kind is dict:
        return {name: _value(entry, task, made) for name, entry in value.items()}
    if kind is list or kind is tuple:
        return [_value(entry, task, made) for entry in value]
    if kind is Call:
        target = _import(value.path, task.id)
        return target(**{name: _value(v, task, made) for name, v in value.arguments.items()})
    if kind is Ref:
        return _import(value.path, task.id)
    if kind is Output:
        return made[value.task].output
    return value


@lru_cache(maxsize=1024)
def _load(path: str) -> Callable[..., Any]:
    module, _, name = path.rpartition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def _import(path: str, task_id: str) -> Callable[..., Any]:
    try:
        return _load(path)
    except (ImportError, AttributeError, ValueError) as error:
        raise FactoryError(
            f"task {task_id!r}: {path} cannot be imported: {error}",
            "install the Airflow provider that has it, or correct the path",
        ) from error
