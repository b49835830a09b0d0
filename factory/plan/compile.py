"""A validated spec → the plan: each step's kind gives a fragment, and the needs join them."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from factory.errors import BuildError, is_fault
from factory.plan import kind as kinds
from factory.plan.fragment import MAX_ID, wrong
from factory.plan.kind import Fragment, Step
from factory.plan.model import Alert, Assets, Deadline, Every, Group, Pipeline, Task, seconds
from factory.spec import model
from factory.spec.model import SETTINGS
from factory.spec.resolve import Resolved


def arguments_of(uses: str) -> Any:
    """The type of a kind's arguments; None when any mapping will do.

    :raises KeyError: there is no such kind.
    """
    return None if "." in uses else kinds.find(uses).Arguments


def steps(resolved: Resolved) -> list[tuple[kinds.Kind, Step, dict[str, Any]]]:
    """Each task of a valid spec with its kind and its typed arguments."""
    stage = resolved.value.get("stage")
    retention = seconds(resolved.value.get("stage_retention", model.STAGE_RETENTION))
    found = []
    for task in resolved.value["tasks"]:
        uses, given = task["uses"], task.get("with", {})
        kind = kinds.find(uses)
        arguments = given if "." in uses else msgspec.convert(given, kind.Arguments)
        step = Step(
            id=task["id"],
            uses=uses,
            arguments=arguments,
            dag_id=resolved.dag_id,
            stage=stage,
            stage_retention=retention,
        )
        found.append((kind, step, task))
    return found


def compile(resolved: Resolved, source: str) -> Pipeline:
    """The plan of a valid spec; `source` is its path below the configuration root.

    :raises BuildError: a kind fails.
    """
    fragments: dict[str, Fragment] = {}
    tasks: list[Task] = []
    groups: list[Group] = []
    edges: list[tuple[str, str]] = []
    for kind, step, written in steps(resolved):
        fragment = _compile(kind, step)
        fragments[step.id] = fragment
        settings = {key: written[key] for key in written if key in SETTINGS}
        about = written.get("description", "")
        tasks += [
            _settled(task, step.uses, settings, about, first=task.id in fragment.first)
            for task in fragment.tasks
        ]
        edges += fragment.edges
        if fragment.group is not None:
            groups.append(fragment.group)
    for task in resolved.value["tasks"]:
        for need in task.get("needs", ()):
            edges += [(a, b) for a in fragments[need].last for b in fragments[task["id"]].first]
    return _pipeline(resolved, source, tasks, groups, edges)


def _compile(kind: kinds.Kind, step: Step) -> Fragment:
    try:
        fragment: Any = kind.compile(step)
        broken = "" if kinds.is_builtin(kind) else wrong(fragment, step.id)
    except BuildError:
        raise
    except BaseException as error:
        if not is_fault(error):
            raise
        # a kind of another package may fail in any way; the error belongs to this task alone
        message = f"the kind {step.uses!r} fails: {error!r}"
        raise BuildError(step.id, ("uses",), message) from error
    if broken:
        raise BuildError(step.id, ("uses",), f"the kind {step.uses!r} fails: {broken}")
    for task in fragment.tasks:
        _require_bounds(task, step)
    return cast("Fragment", fragment)


def _require_bounds(task: Task, step: Step) -> None:
    """What is made of several values may be longer than each: Airflow's columns are bounded.

    :raises BuildError: an id or an asset is too long.
    """
    if len(task.id) > MAX_ID:
        message = f"it becomes the task {task.id[:40]}…, whose id has {len(task.id)} characters"
        raise BuildError(step.id, ("id",), message, f"write a shorter id: at most {MAX_ID} in all")
    for uri in task.outlets:
        if len(uri) > _MAX_ASSET:
            message = f"it updates the asset {uri[:40]}…, which has {len(uri):,} characters"
            raise BuildError(step.id, ("with",), message, f"Airflow takes {_MAX_ASSET:,} at most")


_MAX_ASSET = 1500


def _settled(task: Task, uses: str, settings: dict[str, Any], about: str, *, first: bool) -> Task:
    if not settings and not about:
        return msgspec.structs.replace(task, uses=uses)
    own = {**settings, **task.settings}
    if not first and "trigger_rule" not in task.settings:
        # the rule is about what the step needs, not about its own tasks
        own.pop("trigger_rule", None)
    return msgspec.structs.replace(
        task, uses=uses, settings=own, description=task.description or about
    )


def _pipeline(
    resolved: Resolved,
    source: str,
    tasks: list[Task],
    groups: list[Group],
    edges: list[tuple[str, str]],
) -> Pipeline:
    value = resolved.value
    timeout = value.get("dagrun_timeout")
    alerts = value.get("alerts")
    told = msgspec.convert(alerts, model.Alerts) if alerts else model.Alerts()
    plain = {key: value[key] for key in _PLAIN if key in value}
    return Pipeline(
        dag_id=resolved.dag_id,
        source=source,
        tasks=tuple(tasks),
        groups=tuple(groups),
        edges=tuple(dict.fromkeys(edges)),
        tags=tuple(value.get("tags", ())),
        schedule=_schedule(value.get("schedule")),
        dagrun_timeout=None if timeout is None else seconds(timeout),
        deadline=_deadline(value.get("deadline"), told),
        on_failure=_alerts(told.on_failure),
        on_retry=_alerts(told.on_retry),
        on_success=_alerts(told.on_success),
        **plain,
    )


_PLAIN = (
    "description",
    "owner",
    "source_url",
    "start_date",
    "end_date",
    "timezone",
    "catchup",
    "max_active_runs",
    "max_active_tasks",
    "max_consecutive_failed_dag_runs",
    "fail_fast",
    "paused",
    "params",
)


def _schedule(written: Any) -> str | Every | Assets | None:
    if not isinstance(written, dict):
        return written if written is None else str(written)
    if "every" in written:
        return Every(seconds(written["every"]))
    assets = written["assets"]
    if isinstance(assets, dict):
        return Assets(tuple(assets.get("any") or assets["all"]), any="any" in assets)
    return Assets(tuple(assets))


def _deadline(written: Any, told: model.Alerts) -> Deadline | None:
    if written is None:
        return None
    given = {"after": written} if isinstance(written, str) else written
    deadline = msgspec.convert(given, model.Deadline)
    return Deadline(
        after=deadline.after, reference=deadline.from_, alerts=_alerts(told.on_deadline)
    )


def _alerts(written: list[model.Alert]) -> tuple[Alert, ...]:
    return tuple(Alert(alert.notifier, msgspec.structs.asdict(alert)) for alert in written)
