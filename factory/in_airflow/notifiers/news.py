"""What happened, as an alert tells it.

A callback of a run gets the context of one of its tasks, or only `dag`, `run_id` and `reason`;
all that is optional there is optional here. That of a deadline is made in `deadline`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from factory.in_airflow import failure
from factory.in_airflow.guard import FOR_ALERTS, left
from factory.in_airflow.hiding import redacted
from factory.spec import discover

log = logging.getLogger(__name__)

_REASONS = {
    "timed_out": "it took longer than its dagrun_timeout",
    "all_tasks_deadlocked": "its remaining tasks cannot run",
}
_STATES = {
    "failed": "failed",
    "queued": "has not started",
    "running": "still runs",
    "success": "succeeded too late",
}
_ENDED = {"failure": "failed", "success": "succeeded"}
_FROM = {"queued_at": "it was queued", "logical_date": "its logical date"}
_OF_TASK = ("retry", "task_failure", "task_success")
"""Events of one task; the others are a run's."""
_MANY = 10
_EXPLAINED = 3


@dataclass(frozen=True)
class Reason:
    """Why a task failed, and what that means for the data."""

    task_id: str
    error: str
    place: str = ""
    connection: str = ""
    data: str = ""

    def lines(self) -> Iterator[str]:
        """What happened, where, the connection at fault, what it means for the data."""
        yield f"{self.task_id}: {self.error}"
        connection = f"connection: {self.connection}" if self.connection else ""
        yield from (text for text in (self.place, connection, self.data) if text)


@dataclass(frozen=True)
class News:
    """One event. `task_id` is the task that failed; for a run, the last of them.

    `reasons` say what happened to each task that failed, and where that stands in the YAML: no
    values of the data. `log_url` is empty where Airflow does not know its own address.
    """

    event: str
    dag_id: str
    run_id: str
    owner: str
    task_id: str | None
    failed_tasks: tuple[str, ...]
    logical_date: str | None
    log_url: str
    headline: str
    message: str
    reasons: tuple[Reason, ...] = ()

    @property
    def whole(self) -> str:
        """The message and the reasons, a line each."""
        return "\n".join([self.message, *(line for one in self.reasons for line in one.lines())])


def news(event: str, context: Mapping[str, Any]) -> News:
    """What an alert tells of a callback's context."""
    dag, task = context["dag"], context.get("task_instance")
    run_id: str = context["run_id"]
    failed = _failed_tasks(dag.dag_id, run_id, task) if event == "failure" else ()
    if event == "task_failure" and task is not None:
        failed = (task.task_id,)
    of_task = task is not None and (event in _OF_TASK or task.task_id in failed)
    about_task = task if of_task else None
    moment = context.get("logical_date")
    headline, message = _told(event, dag.dag_id, run_id, failed, context)
    tasks = (task.task_id,) if event == "retry" and task is not None else failed[:_EXPLAINED]
    base = _base_url()
    return News(
        event=event,
        dag_id=dag.dag_id,
        run_id=run_id,
        owner=dag.owner,
        task_id=about_task.task_id if about_task else None,
        failed_tasks=failed,
        logical_date=moment.isoformat() if moment else None,
        log_url=_url(base, dag.dag_id, run_id, about_task) if base else "",
        headline=headline,
        message=message,
        reasons=tuple(_reasons(tasks, dag, run_id, task, context.get("exception"))),
    )


def filled(
    template: str,
    context: Mapping[str, Any],
    told: News,
    default: str,
    escape: Callable[[str], str] = str,
) -> str:
    """A template of the spec; when it fails, the default, for an alert must not be lost.

    :param escape: for what is filled in and for the default, not for the template's own text.
    """
    from airflow.sdk import DAG

    if not template:
        return escape(default)
    try:
        # the context's own DAG may be one that Airflow read from its database, without templates
        environment = DAG(told.dag_id).get_template_env()
        environment.finalize = lambda value: escape(str(value))
        text: str = environment.from_string(template).render(
            {**context, "event": told.event, "message": told.whole}
        )
    except Exception:
        # any value may be missing from the context of a run that never had a task
        log.exception("the template %r of an alert cannot be filled in", template)
        return escape(default)
    return redacted(text)


def _told(
    event: str, dag_id: str, run_id: str, failed: tuple[str, ...], context: Mapping[str, Any]
) -> tuple[str, str]:
    if event == "retry":
        task = context["task_instance"]
        headline = f"{dag_id}: {task.task_id} is tried again"
        tries = f"{task.try_number} of {(task.max_tries or 0) + 1}"
        return headline, f"Task {task.task_id} of {dag_id} failed at try {tries} of run {run_id}."
    if event in _OF_TASK:
        task_id, word = context["task_instance"].task_id, event.partition("_")[2]
        said = _ENDED[word]
        return f"{dag_id}: {task_id} {said}", f"Task {task_id} of {dag_id} {said} in run {run_id}."
    if event == "success":
        return f"{dag_id} succeeded", f"Pipeline {dag_id} succeeded: run {run_id}."
    if event == "deadline":
        state = context["dag_run"]["state"]
        headline = f"{dag_id} missed its deadline"
        happened = f"run {run_id} {_STATES.get(state, state)}"
        return headline, f"Pipeline {dag_id} missed its deadline: {happened}. {_due(context)}"
    reason = _REASONS.get(context.get("reason") or "", "")
    parts = [f"Pipeline {dag_id} failed: run {run_id}{f', {reason}' if reason else ''}."]
    if failed:
        more = f" and {len(failed) - _MANY} more" if len(failed) > _MANY else ""
        parts.append(f"Failed: {', '.join(failed[:_MANY])}{more}.")
    others = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
    at = f" at {failed[0]}{others}" if failed else ""
    return f"{dag_id} failed{at}", " ".join(parts)


def _due(context: Mapping[str, Any]) -> str:
    deadline = context["deadline"]
    late = datetime.now(timezone.utc) - deadline["due"]
    allowed = f"{deadline['after']} after {_FROM[deadline['from']]}"
    moment = deadline["due"].isoformat(sep=" ", timespec="seconds")
    return f"It was due {timedelta(seconds=round(late.total_seconds()))} ago: {moment}, {allowed}."


def _failed_tasks(dag_id: str, run_id: str, task: Any) -> tuple[str, ...]:
    """Tasks that failed themselves; those that only waited for them are not named."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    one = (task.task_id,) if task is not None else ()
    try:
        runs = RuntimeTaskInstance.get_task_states(dag_id=dag_id, run_ids=[run_id])
    except Exception:
        # outside of a worker and of the DAG processor nobody answers this
        log.debug("no task states for %s %s", dag_id, run_id, exc_info=True)
        return one
    states = runs.get(run_id, {})
    return tuple(sorted(name for name, state in states.items() if state == "failed"))


def _reasons(
    tasks: Iterable[str], dag: Any, run_id: str, task: Any, error: Any
) -> Iterator[Reason]:
    """What the boundary of each task said; of an operator that has none, the error itself."""
    for task_id in tasks:
        is_this = task is not None and task.task_id == task_id
        index = task.map_index if is_this and task.map_index is not None else -1
        found = left(dag.dag_id, run_id, task_id, index)
        if found is None and is_this and isinstance(error, BaseException):
            said = failure.told(error)
            found = {"public": said.public, "place": _file(dag)}
        if found:
            said_of = {name: redacted(str(found.get(name, ""))) for name in FOR_ALERTS}
            yield Reason(task_id, error=said_of.pop("public"), **said_of)


def _file(dag: Any) -> str:
    """The YAML of a DAG, as it is written below the configuration root's parent."""
    file, root = getattr(dag, "spec_file", ""), getattr(dag, "spec_root", "")
    return discover.display(Path(root), Path(file)) if file and root else ""


def _base_url() -> str:
    """Airflow's address, unless it leads nobody but its own machine there."""
    from airflow.configuration import conf

    base = (conf.get("api", "base_url", fallback=None) or "").rstrip("/")
    host = urlsplit(base).hostname or ""
    own = host in ("", "localhost", "::1", "0.0.0.0") or host.startswith("127.")
    return "" if own else base


def _url(base: str, dag_id: str, run_id: str, task: Any) -> str:
    """Of a task, its log; else the run."""
    if task is not None:
        return str(task.log_url)
    return f"{base}/dags/{dag_id}/runs/{quote(run_id)}"
