"""`if`: which tasks decide, and by which conditions.

The first tasks of a step decide for it, and the first steps of a group for that; the others are
skipped with them. One that another trigger rule would let run decides as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from factory.plan import bracket
from factory.plan.kind import Fragment
from factory.plan.model import Task
from factory.spec.resolve import Resolved


class Around(NamedTuple):
    """The condition of a group around a step, and whether the step is one of its first."""

    group: str
    condition: str
    is_first: bool


def around(resolved: Resolved) -> list[tuple[Around, ...]]:
    """Of each step, the conditions of the groups around it, outer groups first."""
    said = {group["id"]: _said(group) for group in resolved.groups}
    if not any(said.values()):
        return [()] * len(resolved.task_group)
    tasks = resolved.value["tasks"]
    group_of = {task["id"]: group for task, group in zip(tasks, resolved.task_group, strict=True)}
    return [
        tuple(
            Around(name, condition, not any(is_in(group_of[need], name) for need in _needs(task)))
            for name in _up_to(group)
            if (condition := said[name])
        )
        for task, group in zip(tasks, resolved.task_group, strict=True)
    ]


def put(
    tasks: Sequence[Task], fragment: Fragment, written: Mapping[str, Any], groups: Sequence[Around]
) -> list[Task]:
    """The tasks of a step, those that decide with their conditions."""
    own = _said(written)
    found = []
    for task in tasks:
        if task.id in fragment.first:
            runs_anyway = bracket.rule(task) != "all_success"
            said = [each.condition for each in groups if each.is_first or runs_anyway]
            said = [*said, own] if own else said
            task = replace(task, conditions=tuple(said)) if said else task
        found.append(task)
    return found


def _said(written: Mapping[str, Any]) -> str:
    """The condition of a step or a group; empty where nothing holds it back."""
    said = written.get("if", True)
    return "" if said is True else said or "{{ false }}"


def _needs(task: Mapping[str, Any]) -> Sequence[str]:
    found: Sequence[str] = task.get("needs", ())
    return found


def _up_to(group: str) -> Iterator[str]:
    """The groups that hold what is in a group, outer ones first."""
    parts = group.split(".") if group else []
    yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))


def is_in(group: str, other: str) -> bool:
    """Whether a group is another one, or stands in it."""
    return group == other or group.startswith(f"{other}.")
