"""What Airflow does with a DAG after its Dag file was read, done for each DAG by itself.

Airflow records what goes wrong there as an error of the loader, which stops the scheduling of
all its DAGs. So a DAG that would fail is refused beforehand.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any

from airflow.sdk import DAG

from factory.diagnostics import quoted
from factory.errors import BuildError, said, words
from factory.fields import MAX_INT
from factory.in_airflow.dag import dag_of, in_a_task
from factory.plan.kind import builtin_names
from factory.plan.model import Pipeline

Bound = tuple[type, int]
"""The type that a column takes, and the largest number or the longest text."""

SHORT_PATH = 1000
"""Characters of a path of which no column is asked: Airflow's models are slow to import."""


def require_fit(dag: DAG, plan: Pipeline) -> None:
    """Check what Airflow will check.

    :raises BuildError: Airflow would refuse the DAG.
    """
    of_others = not all(task.uses in builtin_names() for task in plan.tasks)
    if of_others:
        _require_own(dag, plan)
    try:
        dag.validate()  # type: ignore[no-untyped-call]
    except Exception as error:
        raise BuildError("", (), f"Airflow refuses the pipeline: {words(error)}") from error
    _require_no_cycle(dag)
    if wrong := _refused_path(dag.fileloc):
        raise BuildError("", (), f"Airflow cannot store the pipeline: {wrong}")
    for task in plan.tasks:
        executor = task.settings.get("executor", task.arguments.get("executor"))
        if executor:
            _require_executor(task.step, executor)
    if of_others or (plan.waits is not None and plan.waits.watched and not in_a_task()):
        with _storing():
            _require_rows(dag)


def _require_no_cycle(dag: DAG) -> None:
    """Airflow finds one when it has loaded all DAGs of a file, and then has none of them.

    :raises BuildError: there is one.
    """
    try:
        dag.check_cycle()
    except KeyError as error:
        message = f"an operator changes what comes behind a task: there is no {words(error)}"
        raise BuildError("", (), message) from error
    except Exception as error:
        raise BuildError("", (), f"Airflow refuses the pipeline: {words(error)}") from error


def _require_own(dag: DAG, plan: Pipeline) -> None:
    """An operator is given its DAG, and may have made another one of it.

    Of two DAGs with one id Airflow blames the loader, and schedules none of its DAGs.

    :raises BuildError: it did.
    """
    made, planned = set(dag.task_ids), {task.id for task in plan.tasks}
    for name in sorted(made ^ planned):
        what = "adds the task" if name in made else "takes away the task"
        raise BuildError("", (), f"an operator {what} {name!r}")
    meant = dag_of(plan)
    for name in _OWN:
        if getattr(dag, name, None) != getattr(meant, name, None):
            raise BuildError("", (), f"an operator changes `{name}` of the pipeline")


def _require_executor(step: str, executor: str) -> None:
    from airflow.configuration import conf
    from airflow.executors.executor_loader import ExecutorLoader

    if conf.getboolean("core", "multi_team", fallback=False):
        return  # a team may have executors of its own, and a loader does not know its team
    try:
        ExecutorLoader.lookup_executor_name_by_str(executor)
    except Exception as error:
        raise BuildError(
            step,
            ("executor",),
            f"there is no executor {executor!r}",
            "add it to [core] executors in Airflow's configuration",
        ) from error


@contextmanager
def _storing() -> Iterator[None]:
    """Only for DAGs with tasks of other packages: it takes longer than all the rest.

    Those of the built-in kinds are plain and typed, and bounded where they are defined.
    """
    try:
        yield
    except Exception as error:
        cause = error.__cause__ or error
        raise BuildError("", (), f"Airflow cannot store the pipeline: {words(cause)}") from error


def _require_rows(dag: DAG) -> None:
    """Make of a DAG what Airflow's database is given, and ask its columns.

    What they refuse would end the Dag processor, or the scheduler at the first run.

    :raises ValueError: they refuse it; and whatever serialization raises.
    """
    from airflow.serialization.serialized_objects import LazyDeserializedDAG

    serialized = LazyDeserializedDAG.from_dag(dag)
    json.dumps(serialized.data, allow_nan=False)
    _require_storable(serialized.data)
    stored = serialized._real_dag
    _require(_beyond(stored, "dag", _DAG_COLUMNS))
    _require([_refused("owners", stored.owner, _bounds()["dag"]["owners"])])
    _require(_refused("tag", tag, _bounds()["tag"]["name"]) for tag in stored.tags or ())
    weights = 0
    for task in stored.tasks:
        _require(_wrong_in_task(task), f"the task {task.task_id}: ")
        weights += abs(task.priority_weight)
    if weights > MAX_INT:  # a task's own is the sum of those behind it
        raise ValueError("the priority weights of all tasks are too large to be added up")
    for made in dag.tasks:
        for asset in (*(made.inlets or ()), *(made.outlets or ())):
            _require(_wrong_in_asset(asset), "an asset of it: ")


def _require(wrong: Iterable[str], where: str = "") -> None:
    for what in filter(None, wrong):
        raise ValueError(f"{where}{what}")


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


_OWN = (
    "dag_id",
    "schedule",
    "start_date",
    "end_date",
    "catchup",
    "dagrun_timeout",
    "tags",
    "max_active_runs",
    "max_active_tasks",
    "max_consecutive_failed_dag_runs",
    "dag_display_name",
    "description",
)
_LONGEST = timedelta(days=10_000)
_DAG_COLUMNS = ("dag_display_name", "max_active_runs", "max_active_tasks")
_TASK_COLUMNS = {
    "pool": "pool",
    "pool_slots": "pool_slots",
    "queue": "queue",
    "executor": "executor",
    "priority_weight": "priority_weight",
    "retries": "max_tries",
    "task_display_name": "task_display_name",
    "task_type": "operator",
    "operator_name": "custom_operator_name",
}
_MAX_NAME_AND_URI = 2600  # bytes: both are in one index, whose rows have 2,704 in PostgreSQL


def _wrong_in_task(task: Any) -> Iterator[str]:
    bounds = _bounds()
    for name, column in _TASK_COLUMNS.items():
        yield _refused(name, getattr(task, name, None), bounds["task"][column])
    yield _refused("owner", task.owner, bounds["dag"]["owners"])
    for name in ("retry_delay", "max_retry_delay", "execution_timeout"):
        value = getattr(task, name, None)
        if isinstance(value, timedelta) and not timedelta(0) <= value <= _LONGEST:
            yield f"its {name} is not between 0 and {_LONGEST.days:,} days"


def _wrong_in_asset(asset: Any) -> Iterator[str]:
    yield from _beyond(asset, "asset", ("name", "uri", "group"))
    both = "".join(str(getattr(asset, part, "")) for part in ("name", "uri"))
    if (size := len(both.encode(errors="replace"))) > _MAX_NAME_AND_URI:
        yield f"{size:,} bytes in its name and address, and {_MAX_NAME_AND_URI:,} is the most"


def _beyond(thing: Any, table: str, columns: Iterable[str]) -> Iterator[str]:
    for name in columns:
        yield _refused(name, getattr(thing, name, None), _bounds()[table][name])


def _refused(name: str, value: Any, bound: Bound) -> str:
    """Why a column does not take a value; empty when it does."""
    kind, most = bound
    if value is None:
        return ""
    if not isinstance(value, kind) or isinstance(value, bool):
        return f"its {name} is {said(value, 40)}, and Airflow keeps {_KINDS[kind]}"
    if isinstance(value, str):
        found = len(value) > most
        return f"its {name} has {len(value):,} characters, and {most:,} is the most" * found
    too_large = isinstance(value, int) and abs(value) > most
    return f"its {name} is {value}, and {most} is the most" * too_large


_KINDS: dict[type, str] = {str: "a text", int: "a whole number"}


def _refused_path(path: str) -> str:
    if len(path) <= SHORT_PATH:
        return ""
    return _refused("fileloc", path, _bounds()["dag"]["fileloc"])


@cache
def _bounds() -> dict[str, dict[str, Bound]]:
    """The type, and the largest number or longest text, of each column: by Airflow's own models."""
    from airflow.models.asset import AssetModel
    from airflow.models.dag import DagModel, DagTag
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import Integer, String

    models = {"dag": DagModel, "tag": DagTag, "task": TaskInstance, "asset": AssetModel}
    found: dict[str, dict[str, Bound]] = {}
    for name, model in models.items():
        found[name] = {}
        for column in model.__table__.columns:  # type: ignore[attr-defined]
            if isinstance(column.type, Integer):
                found[name][column.name] = (int, MAX_INT)
            elif isinstance(column.type, String) and column.type.length:
                found[name][column.name] = (str, column.type.length)
    return found
