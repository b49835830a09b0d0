"""Ids that stand twice, needs that do not exist, needs that go round in a circle."""

from __future__ import annotations

import graphlib
from collections.abc import Iterable, Iterator
from typing import Any

from factory.diagnostics import Path, did_you_mean, one_of, quoted
from factory.problem import Problem, Problems
from factory.spec.groups import NAMING


def problems(steps: list[tuple[int, dict[str, Any]]], complete: bool) -> Problems:
    """Ids that stand twice, needs that do not exist, needs that go round in a circle.

    :param complete: every task has an id that can be told.
    """
    found = Problems()
    first: dict[str, int] = {}
    for index, task in steps:
        if task["id"] in first:
            problem = Problem(
                ("tasks", index, "id"),
                "duplicate-id",
                f"the id {quoted(task['id'])} stands here a second time",
                expected="each id once in a pipeline",
                first=("tasks", first[task["id"]], "id"),
            )
            found.put([problem])
        first.setdefault(task["id"], index)
    edges: dict[str, list[str]] = {}
    for index, task in steps:
        for path, need in _named_tasks(index, task):
            if need in first and need != task["id"]:
                edges.setdefault(task["id"], []).append(need)
            elif found.full:
                found.more += complete or need in first
            elif complete or need in first:
                found.put([_bad_need(path, need, task["id"], first)])
    try:
        graphlib.TopologicalSorter(edges).prepare()
    except graphlib.CycleError as error:
        found.put([_cycle(list(reversed(error.args[1])), first)])
    return found


def _named_tasks(index: int, task: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    for key in NAMING:
        names = task.get(key)
        for place, name in enumerate(names if isinstance(names, list) else ()):
            if isinstance(name, str):
                yield ("tasks", index, key, place), name


def _cycle(circle: list[str], first: dict[str, int]) -> Problem:
    start = circle.index(min(circle[1:], key=first.__getitem__))
    shown = [*circle[start:], *circle[1 : start + 1]]
    return Problem(
        ("tasks", first[shown[0]], "needs"),
        "cycle",
        f"the needs go round in a circle: {' → '.join(_cut(shown))}",
        expected="tasks that can be put in an order",
        at_key=True,
    )


def _cut(names: list[str]) -> list[str]:
    return names if len(names) <= 12 else [*names[:10], "…", names[-1]]


def _bad_need(path: Path, need: str, task_id: str, ids: Iterable[str]) -> Problem:
    if need == task_id:
        return Problem(path, "self-need", "the task names itself", expected="another task's id")
    others = [name for name in ids if name != task_id]
    all_of, bracket, _ = need.partition("[")
    hint = did_you_mean(need, others)
    if bracket and all_of in others:
        hint = f"write `{all_of}`: only the copies of a `matrix` have names"
    return Problem(
        path,
        "unknown-task",
        f"there is no task {quoted(need)}",
        expected=one_of(others) if others else "the id of another task",
        hint=hint,
    )
