"""`for_each`: a step, or a group, of which there is one copy for each item of a list.

A list that stands in the spec is mapped over as it is. What an expression gives is known in a run
only: a small task before the step fills it in and hands the list on. So what is wrong with the list
is told of the step that asks for it, not of the one that made it; and what decides about the step
(`if`, its trigger rule, what it needs) decides once, before there are copies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import UNSET
from msgspec.structs import replace

from factory.errors import BuildError
from factory.plan import bracket, kind
from factory.plan.conditions import Around, is_in
from factory.plan.kind import Fragment, Step
from factory.plan.model import Group, Items, Output, Task, Template

WORD = "for_each"
ITEMS = "factory.in_airflow.operators.items.Items"
"""The operator of the task that gives the list."""
ADDED = frozenset({ITEMS, kind.EMPTY})
"""Operators of the tasks that are put beside those of a kind."""
_LIMIT = "max_active_tis_per_dagrun"
_RULE = "trigger_rule"
_ANYWAY = "all_done"
_OF_STEPS = re.compile(r"\b(tasks|xcom_pull)\b")


def mapped(step: Step, fragment: Fragment, written: Mapping[str, Any]) -> Fragment:
    """The step's fragment, a copy of it for each item.

    What it tells when it has succeeded (assets, alerts) is told once, by a task behind all copies.

    :raises BuildError: one of its tasks is mapped already.
    """
    _require_able(fragment, step, "step")
    first = items(step.id, written[WORD])
    listed = _listed(first, written[WORD])
    tasks = tuple(_limited(task, written) for task in fragment.tasks)
    group = fragment.group
    if group is None:
        tasks = tuple(replace(task, for_each=listed) for task in tasks)
    else:
        group = replace(group, for_each=listed)
    made = replace(fragment, tasks=tasks, group=group)
    if any(task.outlets for task in tasks) or "updates" in written or "alerts" in written:
        made = _with_one_end(made, step)
    return _behind(made, first) if first else made


def items(name: str, written: Any, group: str = "") -> Task | None:
    """The task that gives the list of a step or a group; None: the list stands there."""
    if not isinstance(written, str):
        return None
    given = {"items": Template(written), "of": name}
    return Task(id=beside(name, "items"), operator=ITEMS, arguments=given, group=group)


def beside(name: str, what: str) -> str:
    """The id of a task that stands beside a step for it: a copy of a `matrix` has such, too."""
    return f"{name}__{what}"


class Placed(NamedTuple):
    """A step, what it was compiled to, what it needs, and the conditions of the groups around."""

    step: Step
    fragment: Fragment
    needs: Sequence[str]
    around: Sequence[Around]


def of_groups(
    written: Sequence[Mapping[str, Any]],
    groups: Sequence[Group],
    steps: Mapping[str, Placed],
    tasks: list[Task],
    edges: list[tuple[str, str]],
) -> list[Group]:
    """The groups of steps, those with a `for_each` mapped.

    :param written: the groups as the spec resolves to, in the order of `groups`.
    :param steps: all, by their ids.
    :param tasks: all so far, to which those that give a list are added, and `edges` theirs.
    :raises BuildError: a task in one is mapped already, or never runs behind the list.
    """
    found = [*groups]
    for index, group in enumerate(written):
        if WORD not in group:
            continue
        inside = {name: steps[name] for name in steps if name.startswith(f"{group['id']}.")}
        for one in inside.values():
            _require_able(one.fragment, one.step, "group")
        own = {task.id for one in inside.values() for task in one.fragment.tasks}
        if isinstance(group[WORD], str):
            _require_asked(inside, [task for task in tasks if task.id in own])
        tasks[:] = [_limited(task, group) if task.id in own else task for task in tasks]
        first = items(group["id"], group[WORD], group["id"].rpartition(".")[0])
        found[index] = replace(groups[index], for_each=_listed(first, group[WORD]))
        if first:
            roots = [one for one in inside.values() if inside.keys().isdisjoint(one.needs)]
            ids = dict.fromkeys(head for one in roots for head in one.fragment.first)
            heads = [task for task in tasks if task.id in ids]
            place = min(tasks.index(task) for task in tasks if task.id in own)
            tasks.insert(place, _like(first, heads, roots[0].around, group["id"]))
            every = dict.fromkeys(need for one in roots for need in one.needs)
            edges += [(end, first.id) for need in every for end in steps[need].fragment.last]
            edges += [(first.id, head) for head in ids]
    return found


def _like(first: Task, heads: Sequence[Task], around: Sequence[Around], group: str) -> Task:
    """The task that gives a group's list, as the group's first ones: it decides before they do.

    :raises BuildError: one of those never runs behind it.
    """
    _require_run(heads)
    rules = {bracket.rule(task) for task in heads}
    said = tuple(each.condition for each in around if is_in(group, each.group))
    settings = {**heads[0].settings}
    # each goes by its own, and none is kept from it; but a step that was skipped gives no list
    if len(rules) > 1 and not _OF_STEPS.search(str(first.arguments["items"])):
        settings[_RULE] = _ANYWAY
    elif _RULE in heads[0].arguments:
        settings[_RULE] = heads[0].arguments[_RULE]
    return replace(
        first,
        step=heads[0].step,
        uses=heads[0].uses,
        settings=settings,
        conditions=said or UNSET,
    )


def require_free(tasks: Sequence[Task], groups: Sequence[Group]) -> None:
    """:raises BuildError: a task that `for_each` puts beside a step has the id of another, or of a
    group."""
    ids = [*(task.id for task in tasks), *(group.id for group in groups)]
    if len({*ids}) == len(ids):
        return
    added = {task.id: task for task in tasks if task.operator in ADDED and "__" in task.id}
    for task in tasks:
        if (own := added.get(task.id)) is not None and own.step != task.step:
            message = f"`{WORD}` of {_of(own)!r} puts a task of this id beside it"
            raise BuildError(task.step, ("id",), message, "write another id")
    for group in groups:
        if (own := added.get(group.id)) is not None:
            message = f"`{WORD}` of {_of(own)!r} puts a task beside it that is called as a group"
            hint = f"give the group {group.id!r} another id"
            raise BuildError(own.step, (WORD,), message, hint)


def _of(added: Task) -> str:
    """The step or the group that a task was put beside."""
    return str(added.arguments.get("of", added.step))


def _require_run(heads: Iterable[Task]) -> None:
    """:raises BuildError: a task that the list has succeeded before waits for no success."""
    for task in heads:
        if (rule := bracket.rule(task)) in _NO_SUCCESS:
            message = f"behind the task that gives the list of the group, which succeeds, {rule} "
            hint = "say it of a step before the group, which the group needs"
            raise BuildError(task.step, ("trigger_rule",), f"{message}never holds", hint)


_NO_SUCCESS = ("all_failed", "all_skipped")


def _require_asked(inside: Mapping[str, Placed], tasks: Iterable[Task]) -> None:
    """Airflow asks for a task's rule once before there are copies, and by some makes none.

    :raises BuildError: a task of the group has such a rule.
    """
    for task in tasks:
        if (said := bracket.rule(task)) == "always":
            why = "it waits for nothing, so Airflow asks for the list before there is one"
        elif said == _DONE and not inside.keys().isdisjoint(inside[task.step].needs):
            why = "Airflow asks before there are copies, and finds none that succeeded"
        else:
            continue
        part = (_RULE,) if _RULE in task.settings else ("with", _RULE)
        message = f"in a group whose list a run gives, no copy runs by {said}: {why}"
        raise BuildError(task.step, part, message, f"write {_INSTEAD[said]}")


_DONE = "all_done_min_one_success"
_INSTEAD = {"always": "all_done", _DONE: "none_failed_min_one_success"}


def _listed(first: Task | None, written: Any) -> Items:
    return Output(first.id) if first else tuple(written)


def _require_able(fragment: Fragment, step: Step, what: str) -> None:
    """:raises BuildError: Airflow, or the kind, takes no copies of it."""
    if why := getattr(kind.find(step.uses), "NOT_FOR_EACH", ""):
        message = f"{kind.called(step)} does not work in a {what} with `{WORD}`: {why}"
        raise BuildError(step.id, ("uses",), message)
    for task in fragment.tasks:
        if task.expand:
            message = (
                f"{kind.called(step)} makes a task for each of its files here ({task.id}), and "
                f"Airflow takes no such tasks in a {what} with `{WORD}`"
            )
            hint = "let each copy read one file, which `{{ item }}` names"
            raise BuildError(step.id, ("uses",), message, hint)


def _limited(task: Task, written: Mapping[str, Any]) -> Task:
    if (limit := written.get("max_parallel")) is None:
        return task
    return replace(task, settings={**task.settings, _LIMIT: limit})


def _with_one_end(fragment: Fragment, step: Step) -> Fragment:
    outlets = tuple(dict.fromkeys(uri for task in fragment.tasks for uri in task.outlets))
    end = replace(kind.done(step), id=beside(step.id, "done"), group="", outlets=outlets)
    return replace(
        fragment,
        tasks=(*(replace(task, outlets=()) for task in fragment.tasks), end),
        edges=(*fragment.edges, *((last, end.id) for last in fragment.last)),
        last=(end.id,),
        updating="",
    )


def _behind(fragment: Fragment, first: Task) -> Fragment:
    """The rule that an operator is given as an argument is about what the step needs, too."""
    heads = [task for task in fragment.tasks if task.id in fragment.first]
    ruled = [task for task in heads if _RULE in task.arguments]
    if ruled:
        first = replace(first, settings={_RULE: ruled[0].arguments[_RULE]})
    return replace(
        fragment,
        tasks=(first, *(_without_rule(task) if task in ruled else task for task in fragment.tasks)),
        edges=(*((first.id, each) for each in fragment.first), *fragment.edges),
        first=(first.id,),
    )


def _without_rule(task: Task) -> Task:
    given = {name: value for name, value in task.arguments.items() if name != _RULE}
    return replace(task, arguments=given)


__all__ = [
    "ADDED",
    "ITEMS",
    "WORD",
    "Placed",
    "beside",
    "items",
    "mapped",
    "of_groups",
    "require_free",
]
