"""The boundary of every built-in operator: a failure is told in words, without our frames.

The error itself goes on as it is: retries, retry policies, skips and deferrals are Airflow's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import lru_cache, wraps
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

    from factory.in_airflow.failure import Told

log = logging.getLogger(__name__)

_FAILURE = "failure"
"""XCom of a task that failed: what alerts of the run tell of it."""
FOR_ALERTS = ("public", "place", "connection", "data")
"""What of a failure goes into alerts."""
_here: dict[tuple[str, str, str, int], Mapping[str, str]] = {}
_GUARDED = ("render_template_fields", "execute", "resume_execution")
_RETURNING = ("execute", "resume_execution")
_OF_MAPPED = ("_do_render_template_fields",)
"""How a mapped task has the templates of a copy filled in."""
_NO_FAILURES = {
    "AirflowSkipException",
    "AirflowRescheduleException",
    "DagRunTriggerException",
    "DownstreamTasksSkipped",
    "TaskAwaitingInput",
    "TaskDeferred",
}


@lru_cache(maxsize=256)
def guarded(operator: type[BaseOperator]) -> type[BaseOperator]:
    """The operator with the boundary. Airflow stores, shows and imports it under its own name."""
    own: dict[str, Any] = {
        "__module__": operator.__module__,
        "__qualname__": operator.__qualname__,
        "__doc__": operator.__doc__,
    }
    own |= {name: _guarded(operator, name) for name in (*_GUARDED, *_OF_MAPPED)}
    metaclass: Any = type(operator)
    made: type[BaseOperator] = metaclass(operator.__name__, (operator,), own)
    return made


def _guarded(operator: type[BaseOperator], name: str) -> Callable[..., Any]:
    # no context manager: it would give the error the frames back that are hidden
    @wraps(getattr(operator, name))
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            # the operator's own of that moment, as of any class below it
            result = getattr(operator, name)(self, *args, **kwargs)
            if name in _RETURNING and result is not None:
                _require_kept(self, result)
            return result
        except BaseException as error:
            if not _is_failure(error) or hasattr(error, "told_by_factory"):
                raise
            with suppress(Exception):  # telling must not hide what is told
                _tell(self, context_of((*args, *kwargs.values())), error)
            raise error

    return call


def _require_kept(task: Any, result: Any) -> None:
    from factory.in_airflow import kept

    kept.require(task, result)


def context_of(given: Iterable[Any]) -> Mapping[str, Any]:
    """Airflow's context, among what one of its methods is given."""
    return next(each for each in given if isinstance(each, Mapping) and "task_instance" in each)


def _is_failure(error: BaseException) -> bool:
    """Not a skip, a deferral or a person's Ctrl-C; Airflow's time-out is no `Exception`."""
    names = {known.__name__ for known in type(error).__mro__}
    return bool(names & {"Exception", "AirflowTaskTimeout"}) and not names & _NO_FAILURES


def _tell(task: Any, context: Mapping[str, Any], error: BaseException) -> None:
    from factory.in_airflow import failure
    from factory.in_airflow.hiding import redacted

    data = getattr(error, "consequence", "") or consequence(task)
    said = failure.told(error, place=where(task), conn_ids=_conn_ids(task), data=data)
    setattr(error, failure.ATTRIBUTE, said)
    instance = context["task_instance"]
    for line in (f"{instance.task_id} failed: {said.what}", *said.lines()):
        for each in redacted(line).splitlines():
            log.error(each)
    log.debug("all frames", exc_info=error)
    _trim(error)
    _leave(task, instance, said)


def where(task: Any) -> str:
    """The YAML's file and line that a task was made of, or an empty string."""
    from factory.in_airflow.failure import place_of

    dag = task.dag
    file, root = getattr(dag, "spec_file", ""), getattr(dag, "spec_root", "")
    return place_of(Path(root), dag.dag_id, task.task_id, Path(file)) if file and root else ""


def _conn_ids(task: Any) -> list[str]:
    named = vars(task).items()
    found = [value for name, value in named if name.endswith("conn_id") and isinstance(value, str)]
    request = getattr(task, "request", None)  # of an `http` step
    what = getattr(task, "what", None)  # of a `wait` step
    inner = [each.get("conn_id") for each in (request, what) if isinstance(each, Mapping)]
    return [*found, *filter(None, inner)]


def consequence(task: Any) -> str:
    """What a failure of the task means for the data, as its operator says."""
    return str(getattr(task, "consequence", ""))


def _leave(task: Any, instance: Any, said: Told) -> None:
    """What alerts will tell: of a retry in this process, of the run in another one."""
    from factory.in_airflow.hiding import redacted

    told = {name: redacted(getattr(said, name)) for name in FOR_ALERTS}
    index = -1 if instance.map_index is None else instance.map_index
    _here[instance.dag_id, instance.run_id, instance.task_id, index] = told
    if getattr(task.dag, "on_failure_callback", None):
        instance.xcom_push(_FAILURE, told)


def left(dag_id: str, run_id: str, task_id: str, map_index: int) -> Mapping[str, str] | None:
    """What a failed task left for alerts, by the names of `Told`."""
    from airflow.sdk.execution_time.xcom import XCom

    if found := _here.get((dag_id, run_id, task_id, map_index)):
        return found
    try:
        kept = XCom.get_one(
            key=_FAILURE, dag_id=dag_id, run_id=run_id, task_id=task_id, map_index=map_index
        )
    except Exception:
        # in the triggerer nobody answers this
        log.debug("no reason for %s %s %s", dag_id, run_id, task_id, exc_info=True)
        return None
    return kept if isinstance(kept, dict) and "public" in kept else None


def _trim(error: BaseException) -> None:
    """Hide our frames, unless they are what a report of a defect needs."""
    from factory.in_airflow.failure import is_defect

    if is_defect(error):
        return
    found: BaseException | None = error
    seen: set[int] = set()
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        own = type(found).__module__.startswith("factory.")
        found.__traceback__ = None if own else _without_ours(found.__traceback__)
        if own:
            found.__suppress_context__, found.__cause__ = True, None
            return
        found = found.__cause__ or found.__context__


def _without_ours(trace: TracebackType | None) -> TracebackType | None:
    from factory.in_airflow.failure import is_ours

    if trace is None:
        return None
    following = _without_ours(trace.tb_next)
    if is_ours(trace.tb_frame.f_code.co_filename):
        return following
    return TracebackType(following, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)
