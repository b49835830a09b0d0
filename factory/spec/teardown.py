"""`teardown_for`: a step that ends what others began, after all that needs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from factory.diagnostics import Path, quoted
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
        inside = within(name, ended[name], needs)
        more = [other for other in steps if other in inside or other in ended[name]]
        if isinstance(own, list):
            task["needs"] = [*own, *(other for other in more if other not in (*own, name))]
    return found


def within(step: str, ended: Sequence[str], needs: Mapping[str, Sequence[str]]) -> set[str]:
    """What needs one of `ended`, directly or not, and does not come behind the teardown `step`."""
    after: dict[str, list[str]] = {}
    for name, before in needs.items():
        for need in before:
            after.setdefault(need, []).append(name)
    return _reached(ended, after) - _reached([step], after) - {step, *ended}


def _reached(start: Sequence[str], after: Mapping[str, Sequence[str]]) -> set[str]:
    found: set[str] = set()
    left = [*start]
    while left:
        new = [name for name in after.get(left.pop(), ()) if name not in found]
        found.update(new)
        left += new
    return found


def problems(steps: Sequence[Step]) -> Iterator[Problem]:
    """What is wrong with teardowns whose names are known, and with what is beside them."""
    ended = {name: task["id"] for _, task in steps for name in _names(task, "teardown_for")}
    if not ended:
        return
    needs = {task["id"]: _names(task, "needs") for _, task in steps}
    for index, task in steps:
        if _names(task, "teardown_for"):
            yield from _of_teardown(index, task, needs)
        elif directly := next((name for name in needs[task["id"]] if name in ended), ""):
            yield from _rule(index, task, directly, ended[directly])


def _of_teardown(
    index: int, task: Mapping[str, Any], needs: Mapping[str, Sequence[str]]
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
    used = {need for name, every in needs.items() if name != task["id"] for need in every}
    for place, name in enumerate(_names(task, "teardown_for")):
        if name in needs and name not in used and name != task["id"]:
            yield _unused(("tasks", index, "teardown_for", place), name)


def _twice(path: Path, need: str) -> Problem:
    return Problem(
        path,
        "teardown",
        f"`teardown_for` says already that this comes after {quoted(need)}",
        expected="only what has nothing to do with it",
        hint="leave it out",
    )


def _unused(path: Path, name: str) -> Problem:
    return Problem(
        path,
        "teardown",
        f"no other task needs {quoted(name)}: this would end it at once",
        expected=f"`needs: [{name}]` in what works with it",
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
