"""What the steps were compiled to, joined by their needs: the tasks, groups and edges of a plan."""

from __future__ import annotations

import graphlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from factory.errors import BuildError
from factory.plan import alerts, bracket, conditions, each, names, settings, watch
from factory.plan import kind as kinds
from factory.plan.describe import describe
from factory.plan.kind import Fragment, Step
from factory.plan.model import Group, PlannedStep, Task
from factory.spec import assets, teardown
from factory.spec.resolve import Resolved
from factory.spec.written import Call

Compiled = tuple[kinds.Kind, Step, dict[str, Any], Fragment]
"""A step: its kind, itself, as it was written, and what the kind made of it."""


class Joined(NamedTuple):
    """The parts of a plan that all steps make together."""

    tasks: list[Task]
    steps: list[PlannedStep]
    groups: list[Group]
    edges: list[tuple[str, str]]


def joined(resolved: Resolved, compiled: Sequence[Compiled]) -> Joined:
    """What the steps of a spec make together.

    :raises BuildError: they do not go together.
    """
    fragments: dict[str, Fragment] = {}
    planned: list[PlannedStep] = []
    tasks: list[Task] = []
    groups = [_group(*one) for one in zip(resolved.groups, resolved.group_call, strict=True)]
    edges: list[tuple[str, str]] = []
    around, silent = conditions.around(resolved), alerts.silent(resolved)
    lists = {group["id"]: group[each.WORD] for group in resolved.groups if each.WORD in group}
    for index, (_, step, written, fragment) in enumerate(compiled):
        if each.WORD not in written and ("updates" in written or "alerts" in written):
            fragment = _with_one_end(fragment, step)
        fragments[step.id] = fragment
        own = _tasks(resolved, index, step, written, fragment, silent)
        if "if" in written or around[index]:
            own = conditions.put(own, fragment, written, around[index])
        begun = [name for name in lists if step.id.startswith(f"{name}.")]
        asked = [lists.pop(name) for name in begun]
        planned.append(describe(step, written, fragment, own, _copy_of(resolved, index), asked))
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
    return Joined(tasks, planned, groups, edges)


def _tasks(
    resolved: Resolved,
    index: int,
    step: Step,
    written: Mapping[str, Any],
    fragment: Fragment,
    silent: frozenset[str],
) -> list[Task]:
    """The tasks of a step, with what is said of the step."""
    here = settings.said(resolved, index, written)
    found = []
    for task in fragment.tasks:
        is_last = task.id in fragment.last  # the step has succeeded when it has
        tells = task.id == fragment.updating if fragment.updating else is_last
        own = msgspec.structs.replace(
            task,
            step=step.id,
            uses=step.uses,
            group=task.group or resolved.task_group[index],
            settings=settings.of_task(task, here, fragment),
            outlets=_outlets(task, step, written.get("updates", ()) if tells else ()),
            connections=_connections(task, step),
            values=resolved.scope_of(index).tree() if task.files else UNSET,
            folder=step.beside or UNSET,
            description=task.description or written.get("description", ""),
            alerts=alerts.of_task(written.get("alerts"), silent, is_last=is_last),
        )
        found.append(own)
    return found


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


def _with_one_end(fragment: Fragment, step: Step) -> Fragment:
    """Of a step that ends in several tasks its end is told once, when all of them are done."""
    if len(fragment.last) == 1:
        return fragment
    end = kinds.done(step)
    edges = (*fragment.edges, *((last, end.id) for last in fragment.last))
    tasks = (*fragment.tasks, end)
    return msgspec.structs.replace(fragment, tasks=tasks, edges=edges, last=(end.id,))


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
