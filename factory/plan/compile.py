"""A validated spec → the plan: each step's kind gives a fragment, and the needs join them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from factory import choices
from factory.errors import BuildError, is_fault, said, together
from factory.fields import seconds
from factory.plan import alerts, bracket, each, schedules, typed
from factory.plan import kind as kinds
from factory.plan import settings as of_steps
from factory.plan.fragment import MAX_ID, wrong
from factory.plan.join import Joined, joined
from factory.plan.kind import Fragment, Step
from factory.plan.model import Deadline, Pipeline, Task
from factory.spec import discover, model, schedule
from factory.spec.model import SETTINGS
from factory.spec.resolve import Resolved


def arguments_of(uses: str, given: Any = None) -> Any:
    """The type of a kind's arguments; None when any mapping will do.

    :param given: the arguments, which may name what other packages offer.
    :raises KeyError: there is no such kind.
    :raises choices.Unusable: what is named cannot be used.
    """
    return None if "." in uses else kinds.arguments(kinds.find(uses), given)


def steps(resolved: Resolved) -> list[tuple[kinds.Kind, Step, dict[str, Any]]]:
    """Each task of a valid spec with its kind and its typed arguments."""
    stage = resolved.value.get("stage")
    retention = seconds(resolved.value.get("stage_retention", model.STAGE_RETENTION))
    own, folder = resolved.document, resolved.document.path.parent
    found = []
    for index, task in enumerate(resolved.value["tasks"]):
        uses, given, place = task["uses"], task.get("with", {}), resolved.task_place[index]
        kind = kinds.find(uses)
        arguments = given if "." in uses else msgspec.convert(given, kinds.arguments(kind, given))
        step = Step(
            id=task["id"],
            uses=uses,
            arguments=arguments,
            dag_id=resolved.dag_id,
            stage=stage,
            stage_retention=retention,
            folder=folder if place.document is own else place.document.path.parent,
            beside=discover.KINDS if place.call else "",
        )
        found.append((kind, step, task))
    return found


def compile(resolved: Resolved, source: str) -> Pipeline:
    """The plan of a valid spec; `source` is its path below the configuration root.

    :raises BuildError: a kind refuses its step, or fails; all that do, as one.
    """
    compiled, errors = [], []
    for entry in steps(resolved):
        try:
            compiled.append((*entry, _compile(*entry)))
        except BuildError as error:
            errors.append(error)
    if (refused := together(errors)) is not None:
        raise refused
    return _pipeline(resolved, source, joined(resolved, compiled))


def _compile(kind: kinds.Kind, step: Step, written: Mapping[str, Any]) -> Fragment:
    found = _typed(kind, step, written)
    if each.WORD in written:
        found = each.mapped(step, found, written)
    return bracket.teardown(step, found) if written.get("teardown_for") else found


def _typed(kind: kinds.Kind, step: Step, written: Mapping[str, Any]) -> Fragment:
    if not typed.reads(written.get("with")):
        return _fragment(kind, step)
    marked = msgspec.structs.replace(step, arguments=typed.marked(step.arguments))
    fragment = _fragment(kind, marked)
    tasks = tuple(map(typed.settled, fragment.tasks))
    return msgspec.structs.replace(fragment, tasks=tasks)


def _fragment(kind: kinds.Kind, step: Step) -> Fragment:
    try:
        fragment: Any = kind.compile(step)
        ours = kinds.is_builtin(kind) and not choices.added(type(step.arguments))
        broken = "" if ours else wrong(fragment, step.id)
    except BuildError:
        raise
    except choices.Unusable as error:
        raise BuildError(step.id, ("with", *error.path), error.message) from error
    except BaseException as error:
        if not is_fault(error):
            raise
        # code of another package may fail in any way; the error belongs to this task alone
        message = f"{kinds.called(step)} fails: {said(error)}"
        raise BuildError(step.id, ("uses",), message) from error
    if broken:
        raise BuildError(step.id, ("uses",), f"{kinds.called(step)} fails: {broken}")
    for task in fragment.tasks:
        _require_short_id(task, step)
    return cast("Fragment", fragment)


def _require_short_id(task: Task, step: Step) -> None:
    """What is made of several values may be longer than each: Airflow's columns are bounded.

    :raises BuildError: the id is too long.
    """
    if len(task.id) > MAX_ID:
        message = f"it becomes the task {task.id[:40]}…, whose id has {len(task.id)} characters"
        raise BuildError(step.id, ("id",), message, f"write a shorter id: at most {MAX_ID} in all")


def settings(resolved: Resolved) -> list[Mapping[str, Any]]:
    """Airflow's settings of each step; where an outside kind makes one task, that task's.

    :raises BuildError: a kind fails.
    """
    found: list[Mapping[str, Any]] = []
    for index, (kind, step, written) in enumerate(steps(resolved)):
        here = of_steps.said(resolved, index, written)
        known = "." in step.uses or step.uses in kinds.builtin_names()
        fragment = None if known else _compile(kind, step, written)
        if fragment is None or len(fragment.tasks) != 1:
            found.append(here.settings)
            continue
        (task,) = fragment.tasks
        given = {key: value for key, value in task.arguments.items() if key in SETTINGS}
        found.append({**given, **of_steps.of_task(task, here, fragment)})
    return found


def _pipeline(resolved: Resolved, source: str, made: Joined) -> Pipeline:
    value = resolved.value
    timeout = value.get("dagrun_timeout")
    told = msgspec.convert(value.get("alerts") or {}, model.Alerts)
    plain = {key: value[key] for key in _PLAIN if key in value}
    written = value.get("schedule")
    started = schedules.planned(written, resolved.dag_id)
    if written == "@continuous":
        plain["max_active_runs"] = 1  # Airflow takes no other number, and has another default
    return Pipeline(
        dag_id=resolved.dag_id,
        source=source,
        tasks=tuple(made.tasks),
        steps=tuple(made.steps),
        groups=tuple(made.groups),
        edges=tuple(dict.fromkeys(made.edges)),
        tags=tuple(value.get("tags", ())),
        schedule=started.schedule,
        or_assets=started.or_assets,
        covers=schedule.covers(written),
        dagrun_timeout=None if timeout is None else seconds(timeout),
        deadline=_deadline(value.get("deadline"), told),
        on_failure=alerts.planned(told.on_failure),
        on_retry=alerts.planned(told.on_retry),
        on_success=alerts.planned(told.on_success),
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


def _deadline(written: Any, told: model.Alerts) -> Deadline | None:
    if written is None:
        return None
    given = {"after": written} if isinstance(written, str) else written
    deadline = msgspec.convert(given, model.Deadline)
    return Deadline(
        after=deadline.after, reference=deadline.from_, alerts=alerts.planned(told.on_deadline)
    )
