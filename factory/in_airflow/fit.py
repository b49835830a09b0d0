"""What Airflow does with a DAG after its Dag file was read, done for each DAG by itself.

Airflow records what goes wrong there as an error of the loader, which stops the scheduling of
all its DAGs. So a DAG that would fail is refused beforehand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from typing import Any

from airflow.sdk import DAG

from factory.diagnostics import quoted
from factory.errors import BuildError
from factory.plan.kind import builtin_names
from factory.plan.model import Pipeline
from factory.spec.model import MAX_INT


def require_fit(dag: DAG, plan: Pipeline) -> None:
    """Check what Airflow will check.

    :raises BuildError: Airflow would refuse the DAG.
    """
    try:
        dag.validate()  # type: ignore[no-untyped-call]
    except Exception as error:
        raise BuildError("", (), f"Airflow refuses the pipeline: {error}") from error
    for wrong in _beyond(dag, "dag", ("fileloc",)):
        raise BuildError("", (), f"Airflow cannot store the pipeline: {wrong}")
    for task in plan.tasks:
        executor = task.settings.get("executor", task.arguments.get("executor"))
        if executor:
            _require_executor(task.id, executor)
    if not all(task.uses in builtin_names() for task in plan.tasks):
        _require_columns(dag, plan)
        _require_serializable(dag)


def _require_executor(task_id: str, executor: str) -> None:
    from airflow.configuration import conf
    from airflow.executors.executor_loader import ExecutorLoader

    if conf.getboolean("core", "multi_team", fallback=False):
        return  # a team may have executors of its own, and a loader does not know its team
    try:
        ExecutorLoader.lookup_executor_name_by_str(executor)
    except Exception as error:
        raise BuildError(
            task_id.partition(".")[0],
            ("executor",),
            f"there is no executor {executor!r}",
            "add it to [core] executors in Airflow's configuration",
        ) from error


def _require_serializable(dag: DAG) -> None:
    """Only for DAGs with tasks of other packages: it takes longer than all the rest.

    Those of the built-in kinds are plain and typed.
    """
    from airflow.serialization.serialized_objects import LazyDeserializedDAG

    try:
        serialized = LazyDeserializedDAG.from_dag(dag)
        _require_storable(serialized.data)
    except Exception as error:
        cause = error.__cause__ or error
        raise BuildError("", (), f"Airflow cannot serialize the pipeline: {cause}") from error


def _require_storable(value: Any) -> None:
    """A text that no database takes would end the Dag processor.

    :raises ValueError: there is one.
    """
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError(f"the text {quoted(value)} holds a NUL character")
        value.encode()  # not a lone surrogate
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            _require_storable(key)
            _require_storable(entry)
    elif isinstance(value, list | tuple | set | frozenset):
        for entry in value:
            _require_storable(entry)


_LONGEST = timedelta(days=10_000)
_DAG_COLUMNS = (
    "dag_display_name",
    "max_active_runs",
    "max_active_tasks",
    "max_consecutive_failed_dag_runs",
)
_TASK_COLUMNS = (
    "pool",
    "queue",
    "executor",
    "pool_slots",
    "priority_weight",
    "task_display_name",
    "owner",
)
_ASSET_COLUMNS = ("name", "uri", "group")


def _require_columns(dag: DAG, plan: Pipeline) -> None:
    """A value beyond its column in Airflow's database ends the scheduler or the Dag processor.

    Those of a spec are bounded where they are defined; an operator of another package may make
    others.

    :raises BuildError: there is one.
    """
    for wrong in _beyond(dag, "dag", _DAG_COLUMNS):
        raise BuildError("", (), f"Airflow cannot store the pipeline: {wrong}")
    owners = ", ".join({str(task.owner) for task in dag.tasks})
    if too_long := _too_long("owners", owners, _bounds()["dag"]["owners"]):
        raise BuildError("", ("owner",), f"Airflow cannot store the pipeline: {too_long}")
    for planned in plan.tasks:
        task = dag.get_task(planned.id)
        for wrong in _wrong_in_task(task):
            step = planned.id.partition(".")[0]
            raise BuildError(step, (), f"Airflow cannot store the task: {wrong}")


def _wrong_in_task(task: Any) -> Iterator[str]:
    yield from _beyond(task, "task", _TASK_COLUMNS)
    for name in ("retry_delay", "max_retry_delay", "execution_timeout"):
        value = getattr(task, name, None)
        if isinstance(value, timedelta) and not timedelta(0) <= value <= _LONGEST:
            yield f"its {name} is not between 0 and {_LONGEST.days:,} days"
    for asset in (*(task.inlets or ()), *(task.outlets or ())):
        for wrong in _beyond(asset, "asset", _ASSET_COLUMNS):
            yield f"an asset of it: {wrong}"


def _beyond(thing: Any, table: str, columns: tuple[str, ...]) -> Iterator[str]:
    bounds = _bounds()[table]
    for column in columns:
        value = getattr(thing, column, None)
        if value is not None and (wrong := _too_long(column, value, bounds[column])):
            yield wrong


def _too_long(name: str, value: Any, bound: int) -> str:
    if isinstance(value, str):
        found = len(value) > bound
        return f"its {name} has {len(value):,} characters, and {bound:,} is the most" * found
    if isinstance(value, int):
        return f"its {name} is {value}, and {bound} is the most" * (abs(value) > bound)
    return ""


@cache
def _bounds() -> dict[str, dict[str, int]]:
    """The largest number and the longest text that each column takes, by Airflow's own models."""
    from airflow.models.asset import AssetModel
    from airflow.models.dag import DagModel
    from airflow.models.taskinstance import TaskInstance

    tables = {"dag": DagModel, "task": TaskInstance, "asset": AssetModel}
    found: dict[str, dict[str, int]] = {}
    for name, model in tables.items():
        columns = model.__table__.columns  # type: ignore[attr-defined]
        found[name] = {
            column.name: getattr(column.type, "length", None) or MAX_INT for column in columns
        }
    found["task"]["owner"] = found["dag"]["owners"]
    return found
