"""A validated spec → the plan: each step's kind gives a fragment, and the needs join them."""

from __future__ import annotations

import graphlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import msgspec
from msgspec import UNSET, UnsetType

from factory import choices
from factory.errors import BuildError, is_fault, said, together
from factory.fields import seconds
from factory.plan import bracket, conditions, each, names, schedules, typed, watch
from factory.plan import kind as kinds
from factory.plan.describe import connections, describe
from factory.plan.fragment import MAX_ID, wrong
from factory.plan.kind import Fragment, Step
from factory.plan.model import (
    Alert,
    Deadline,
    Group,
    Pipeline,
    PlannedStep,
    Task,
    TaskAlerts,
)
from factory.spec import assets, discover, model, schedule, teardown
from factory.spec.model import SETTINGS
from factory.spec.resolve import Resolved
from factory.spec.written import Call


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


_Compiled = tuple[kinds.Kind, Step, dict[str, Any], Fragment]


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
    return _joined(resolved, source, compiled)


def _joined(resolved: Resolved, source: str, compiled: Sequence[_Compiled]) -> Pipeline:
    """The plan, of what each step was compiled to."""
    fragments: dict[str, Fragment] = {}
    planned: list[PlannedStep] = []
    tasks: list[Task] = []
    groups = [_group(*one) for one in zip(resolved.groups, resolved.group_call, strict=True)]
    edges: list[tuple[str, str]] = []
    around, silent = conditions.around(resolved), _silent(resolved)
    lists = {group["id"]: group[each.WORD] for group in resolved.groups if each.WORD in group}
    for index, (_, step, written, fragment) in enumerate(compiled):
        if each.WORD not in written and ("updates" in written or "alerts" in written):
            fragment = _with_one_end(fragment, step)
        fragments[step.id] = fragment
        here = _said(resolved, index, written)
        about = written.get("description", "")
        own = [
            msgspec.structs.replace(
                task,
                step=step.id,
                uses=step.uses,
                group=task.group or resolved.task_group[index],
                settings=_settings(task, here, fragment),
                outlets=_outlets(task, step, _of_last(task, fragment, written.get("updates"))),
                connections=_connections(task, step),
                values=resolved.scope_of(index).tree() if task.files else UNSET,
                folder=step.beside or UNSET,
                description=task.description or about,
                alerts=_task_alerts(task, fragment, written.get("alerts"), silent),
            )
            for task in fragment.tasks
        ]
        if "if" in written or around[index]:
            own = conditions.put(own, fragment, written, around[index])
        copy_of = _copy_of(resolved, index)
        begun = [name for name in lists if step.id.startswith(f"{name}.")]
        asked = [lists.pop(name) for name in begun]
        planned.append(describe(step, written, fragment, own, copy_of, asked))
        tasks += own
        edges += fragment.edges
        if fragment.group is not None:
            groups.append(fragment.group)
    if any(each.WORD in group for group in resolved.groups):
        placed = {
            step.id: each.Placed(step, fragments[step.id], planned[index].needs, around[index])
            for index, (_, step, _, _) in enumerate(compiled)
        }
        groups = each.of_groups(resolved.groups, groups, placed, tasks, edges)
    each.require_free(tasks, groups)
    tasks = _ordered(planned, fragments, tasks, edges)
    if resolved.value.get("fail_fast"):
        _require_one_rule(tasks)
    else:
        skipping = {name for fragment in fragments.values() for name in fragment.skipping}
        more, behind = watch.put(tasks, edges, groups, skipping)
        tasks += more
        edges += behind
    return _pipeline(resolved, source, tasks, planned, groups, edges)


def _group(written: Mapping[str, Any], call: Call | None) -> Group:
    group = Group(written["id"], written.get("description", ""))
    if call is None or not call.kind.outputs:
        return group
    outputs = {name: (one.step, one.output) for name, one in call.kind.outputs.items()}
    return msgspec.structs.replace(group, outputs=outputs)


def _ordered(
    planned: Sequence[PlannedStep],
    fragments: Mapping[str, Fragment],
    tasks: Sequence[Task],
    edges: list[tuple[str, str]],
) -> list[Task]:
    """Put the edges between steps to `edges`; the tasks, some with a part in a teardown."""
    needs = {step.id: step.needs for step in planned}
    ended = {step.id: step.teardown_for for step in planned if step.teardown_for}
    begun = {name for names in ended.values() for name in names}
    # its needs say it, without the teardowns that wait for the same task as this one does
    after = teardown.followers(needs) if ended else {}
    work = {
        name: teardown.within(name, names, after).intersection(needs[name])
        for name, names in ended.items()
    }
    found = {task.id: task for task in tasks}
    for step in planned:
        theirs = {*work.get(step.id, ()), *step.teardown_for}
        # a teardown runs whatever happened: its `done` fails with what it needs. Of what another
        # one ends, that one's `done` does, and Airflow takes no rule behind a setup
        heads = fragments[step.id].first
        every = tuple(task.id for task in fragments[step.id].tasks) if step.teardown_for else heads
        for need in step.needs:
            for first in (heads if need in begun else every) if need not in theirs else ():
                before = fragments[need]
                ends = bracket.ends(before, found[first]) if need in ended else before.last
                edges += [(end, first) for end in ends]
    inner_first = graphlib.TopologicalSorter(needs).static_order() if ended else ()
    behind = bracket.Behind(edges if ended else ())
    order = {name: place for place, name in enumerate(needs)}
    for name in inner_first:
        if name in ended:
            set_up = [fragments[other] for other in ended[name]]
            inside = [fragments[other] for other in sorted(work[name], key=order.__getitem__)]
            changed, more = bracket.close(fragments[name], set_up, inside, found, behind)
            found |= changed
            edges += more
            behind.add(more)
    return [*found.values()]


def _copy_of(resolved: Resolved, index: int) -> str:
    """What a step is called that a `matrix`, its own or a group's, made this one of."""
    return resolved.task_called[index] if resolved.is_copy(index) else ""


def _require_one_rule(tasks: list[Task]) -> None:
    """Airflow skips all that is left when a task fails: also what would end a step as failed.

    :raises BuildError: a task has another rule, or its step a clean-up.
    """
    for task in tasks:
        step, rule = task.step, bracket.rule(task)
        if task.group and (task.role != "task" or rule != "all_success"):
            message = f"`fail_fast` would skip what ends the step {step!r}, and the run succeed"
            hint = "leave `fail_fast` out: what needs a failed step is not run anyway"
            raise BuildError(step, ("uses",), message, hint)
        if rule != "all_success":
            message = (
                f"with `fail_fast` Airflow takes no trigger rule but all_success, not {rule!r}"
            )
            part = (
                ("trigger_rule",) if "trigger_rule" in task.settings else ("with", "trigger_rule")
            )
            raise BuildError(step, part, message)


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


def _with_one_end(fragment: Fragment, step: Step) -> Fragment:
    """Of a step that ends in several tasks its end is told once, when all of them are done."""
    if len(fragment.last) == 1:
        return fragment
    end = kinds.done(step)
    edges = (*fragment.edges, *((last, end.id) for last in fragment.last))
    tasks = (*fragment.tasks, end)
    return msgspec.structs.replace(fragment, tasks=tasks, edges=edges, last=(end.id,))


def _of_last(task: Task, fragment: Fragment, found: Any) -> Any:
    """What is said of a step when it has succeeded: its last tasks say it."""
    return found or () if task.id in fragment.last else ()


def _silent(resolved: Resolved) -> frozenset[str]:
    """Events of which an environment tells nobody, by `on_failure: []`: of no step either."""
    top = resolved.layers[-1]
    alerts = top.value().get("alerts") if top.prefix else None
    found = alerts.items() if isinstance(alerts, dict) else ()
    return frozenset(event for event, told in found if told == [])


def _task_alerts(
    task: Task, fragment: Fragment, written: Any, silent: frozenset[str]
) -> TaskAlerts | UnsetType:
    if not written:
        return UNSET
    heard = {event: alerts for event, alerts in written.items() if event not in silent}
    told = msgspec.convert(heard, model.StepAlerts)
    return TaskAlerts(
        on_failure=_alerts(told.on_failure),
        on_retry=UNSET if told.on_retry is UNSET else _alerts(told.on_retry),
        on_success=_alerts(_of_last(task, fragment, told.on_success)),
    )


def _outlets(task: Task, step: Step, more: Sequence[str]) -> tuple[str, ...]:
    try:
        return tuple(dict.fromkeys(map(assets.normalized, (*task.outlets, *more))))
    except assets.Refused as error:
        message = f"the task updates an asset that Airflow refuses: {error}"
        raise BuildError(step.id, ("uses",), message, error.hint) from error


def _connections(task: Task, step: Step) -> tuple[str, ...]:
    """Which arguments take a connection's id: a kind hands it on by its field's own name."""
    if not isinstance(step.arguments, msgspec.Struct):
        return ()
    fields = names.connection_fields(type(step.arguments))
    return tuple(name for name in task.arguments if name in fields) if fields else ()


class _Said(NamedTuple):
    """Airflow's settings of a step, and which of them the task says itself."""

    settings: dict[str, Any]
    own: frozenset[str]


def _said(resolved: Resolved, index: int, written: dict[str, Any]) -> _Said:
    here = resolved.task_place[index].value()
    found = {key: written[key] for key in written if key in SETTINGS}
    return _Said(found, frozenset(found).intersection(here))


def _settings(task: Task, here: _Said, fragment: Fragment) -> Mapping[str, Any]:
    """What a kind sets is more than a default, and less than what the task says itself.

    Of several tasks, a kind knows best what one of them needs: there its settings stay.
    """
    if not here.settings:
        return task.settings
    by_kind = {*task.settings, *task.arguments, *task.expand}
    if sum(task.operator not in each.ADDED for task in fragment.tasks) == 1:
        by_kind -= here.own
    found = {key: value for key, value in here.settings.items() if key not in by_kind}
    if task.id not in fragment.first:
        # the rule is about what the step needs, not about its own tasks
        found.pop("trigger_rule", None)
    return {**task.settings, **found} if task.settings else found


def settings(resolved: Resolved) -> list[Mapping[str, Any]]:
    """Airflow's settings of each step; where an outside kind makes one task, that task's.

    :raises BuildError: a kind fails.
    """
    found: list[Mapping[str, Any]] = []
    for index, (kind, step, written) in enumerate(steps(resolved)):
        here = _said(resolved, index, written)
        known = "." in step.uses or step.uses in kinds.builtin_names()
        fragment = None if known else _compile(kind, step, written)
        if fragment is None or len(fragment.tasks) != 1:
            found.append(here.settings)
            continue
        (task,) = fragment.tasks
        given = {key: value for key, value in task.arguments.items() if key in SETTINGS}
        found.append({**given, **_settings(task, here, fragment)})
    return found


def _pipeline(
    resolved: Resolved,
    source: str,
    tasks: list[Task],
    planned: list[PlannedStep],
    groups: list[Group],
    edges: list[tuple[str, str]],
) -> Pipeline:
    value = resolved.value
    timeout = value.get("dagrun_timeout")
    alerts = value.get("alerts")
    told = msgspec.convert(alerts, model.Alerts) if alerts else model.Alerts()
    plain = {key: value[key] for key in _PLAIN if key in value}
    written = value.get("schedule")
    started = schedules.planned(written, resolved.dag_id)
    if written == "@continuous":
        plain["max_active_runs"] = 1  # Airflow takes no other number, and has another default
    return Pipeline(
        dag_id=resolved.dag_id,
        source=source,
        tasks=tuple(tasks),
        steps=tuple(planned),
        groups=tuple(groups),
        edges=tuple(dict.fromkeys(edges)),
        tags=tuple(value.get("tags", ())),
        schedule=started.schedule,
        or_assets=started.or_assets,
        covers=schedule.covers(written),
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


def _deadline(written: Any, told: model.Alerts) -> Deadline | None:
    if written is None:
        return None
    given = {"after": written} if isinstance(written, str) else written
    deadline = msgspec.convert(given, model.Deadline)
    return Deadline(
        after=deadline.after, reference=deadline.from_, alerts=_alerts(told.on_deadline)
    )


def _alerts(written: Sequence[model.Alert]) -> tuple[Alert, ...]:
    return tuple(
        Alert(alert.notifier, msgspec.structs.asdict(alert), connections(names.in_fields(alert)))
        for alert in written
    )
