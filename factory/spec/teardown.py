"""`teardown_for`: a step that ends what others began, after all that needs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from factory.diagnostics import Path, quoted
from factory.graph import reached
from factory.problem import Problem

Step = tuple[int, dict[str, Any]]
"""A task of a resolved spec, and its place."""
_TOGETHER = "all_success"
"""The one rule that Airflow takes directly behind what is torn down."""


def write_out(tasks: Sequence[Any]) -> list[Problem]:
    """Put into `needs` what `teardown_for` says: the tasks, and all that needs them.

    What stands in both is wrong.
    """
    steps = {
        task["id"]: task
        for task in tasks
        if isinstance(task, dict) and isinstance(task.get("id"), str)
    }
    ended = {name: _names(task, "teardown_for") for name, task in steps.items()}
    if not any(ended.values()):
        return []
    needs = {name: [*_names(task, "needs"), *ended[name]] for name, task in steps.items()}
    after = followers(needs)
    worked = {name: reached(names, after) for name, names in ended.items() if names}
    behind = {name: reached([name], after) for name in worked}
    order = {name: place for place, name in enumerate(steps)}
    found = []
    for index, task in enumerate(tasks):
        name = task.get("id") if isinstance(task, dict) else None
        if not isinstance(name, str) or not ended[name]:
            continue
        own = task.get("needs", [])
        found += [
            _twice(("tasks", index, "needs", place), need)
            for place, need in enumerate(own if isinstance(own, list) else ())
            if need in ended[name]
        ]
        if isinstance(own, list):
            inside = within(name, ended[name], _without(ended, after, worked, behind, name))
            more = {*inside, *order.keys() & ended[name]}
            task["needs"] = [
                *own,
                *sorted(more.difference(_names(task, "needs"), [name]), key=order.__getitem__),
            ]
    return found


def _without(
    ended: Mapping[str, Sequence[str]],
    after: dict[str, list[str]],
    worked: Mapping[str, set[str]],
    behind: Mapping[str, set[str]],
    name: str,
) -> Mapping[str, Sequence[str]]:
    """What follows on each, without the teardowns that the teardown `name` does not wait for.

    Two of the same setup wait for the same work, and not for each other; of one that ends more
    than the other, the other is a part of the work.

    :param worked: what comes behind what each teardown ends; `behind`: behind the teardown itself.
    """
    mine = worked[name].union(ended[name])
    beside = set()
    for other in worked[name].intersection(worked).difference([name]):
        theirs = worked[other].union(ended[other])
        is_inner = mine.issuperset(ended[other])
        if name in behind[other]:
            continue
        if name in theirs and (not is_inner or theirs.issuperset(ended[name])):
            beside.add(other)
    if not beside:
        return after
    return {need: [each for each in every if each not in beside] for need, every in after.items()}


def followers(needs: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The steps that need each directly."""
    after: dict[str, list[str]] = {}
    for name, before in needs.items():
        for need in before:
            after.setdefault(need, []).append(name)
    return after


def within(step: str, ended: Sequence[str], after: Mapping[str, Sequence[str]]) -> set[str]:
    """What needs one of `ended`, directly or not, and does not come behind the teardown `step`.

    :param after: the steps that need each directly.
    """
    return reached(ended, after) - reached([step], after) - {step, *ended}


def problems(steps: Sequence[Step]) -> Iterator[Problem]:
    """What is wrong with teardowns whose names are known, and with what is beside them."""
    teardowns = {task["id"]: _names(task, "teardown_for") for _, task in steps}
    ended = {name: step for step, names in teardowns.items() for name in names}
    if not ended:
        return
    needs = {task["id"]: _names(task, "needs") for _, task in steps}
    after = followers(needs)
    for index, task in steps:
        if teardowns[task["id"]]:
            yield from _of_teardown(index, task, after, teardowns)
        elif directly := next((name for name in needs[task["id"]] if name in ended), ""):
            yield from _rule(index, task, directly, ended[directly])


def _of_teardown(
    index: int,
    task: Mapping[str, Any],
    after: Mapping[str, Sequence[str]],
    teardowns: Mapping[str, Sequence[str]],
) -> Iterator[Problem]:
    for part in _rules(task):
        yield Problem(
            ("tasks", index, *part),
            "teardown",
            "a task with `teardown_for` has no trigger rule: it runs whatever happened",
            expected="one of the two",
            hint="leave `trigger_rule` out",
            at_key=True,
        )
    for place, name in enumerate(teardowns[task["id"]]):
        if teardowns.get(name) and name != task["id"]:
            yield _of_ending(("tasks", index, "teardown_for", place), name)
        elif name in teardowns and name != task["id"]:
            others = within(task["id"], [name], after).intersection(after.get(name, ()))
            if name in reached([task["id"]], after):
                continue  # a circle, which is told
            # a teardown may need it only because that, or what is around it, is what it ends
            using = [
                each
                for each in after.get(name, ())
                if name not in teardowns[each] and name not in within(each, teardowns[each], after)
            ]
            crossed = [
                each
                for each in using
                if teardowns[each] and task["id"] not in reached([each], after)
            ]
            if crossed:
                yield _crossed(("tasks", index, "teardown_for", place), name, crossed[0])
            elif others.isdisjoint(using):
                yield _unused(("tasks", index, "teardown_for", place), name)


def _twice(path: Path, need: str) -> Problem:
    return Problem(
        path,
        "teardown",
        f"`teardown_for` says already that this comes after {quoted(need)}",
        expected="only what has nothing to do with it",
        hint="leave it out",
    )


def _of_ending(path: Path, name: str) -> Problem:
    return Problem(
        path,
        "teardown",
        f"{quoted(name)} is itself a clean-up, and begins nothing that this could end",
        expected="what others need for their work",
        hint=f"to come after it, write `needs: [{name}]`",
    )


def _unused(path: Path, name: str) -> Problem:
    return Problem(
        path,
        "teardown",
        f"no other task needs {quoted(name)}: this would end it at once",
        expected=f"`needs: [{name}]` in what works with it",
    )


def _crossed(path: Path, name: str, other: str) -> Problem:
    return Problem(
        path,
        "teardown",
        f"{quoted(other)} works with {quoted(name)}, and ends itself what this waits for: each "
        "would come after the other",
        expected="clean-ups of which one can come first",
        hint=f"leave {quoted(name)} out of what {quoted(other)} needs",
    )


def _rule(index: int, task: Mapping[str, Any], setup: str, teardown: str) -> Iterator[Problem]:
    for part, rule in _rules(task).items():
        if rule != _TOGETHER:
            yield Problem(
                ("tasks", index, *part),
                "teardown",
                f"{quoted(setup)} is ended by {quoted(teardown)}, and what needs it directly takes "
                f"no trigger rule but {_TOGETHER}",
                expected=_TOGETHER,
                hint="put the rule on a task behind this one",
                at_key=True,
            )


def _rules(task: Mapping[str, Any]) -> dict[Path, Any]:
    """The trigger rules that a task says, with their places."""
    given = task.get("with")
    found: dict[Path, Any] = {}
    if "trigger_rule" in task:
        found["trigger_rule",] = task["trigger_rule"]
    if "." in str(task.get("uses")) and isinstance(given, dict) and "trigger_rule" in given:
        found["with", "trigger_rule"] = given["trigger_rule"]
    return found


def _names(task: Mapping[str, Any], key: str) -> list[str]:
    names = task.get(key)
    names = [names] if isinstance(names, str) else names
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
