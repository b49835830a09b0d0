"""Process groups of NiFi that several tasks name."""

from __future__ import annotations

import graphlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from factory.diagnostics import Diagnostic
from factory.lint.rules.scope import Scope
from factory.problem import Problem
from factory.spec.resolve import Resolved
from factory.spec.validate import diagnose


class _Named(NamedTuple):
    """A task that names a group: its pipeline, its place and id, the connection and the path."""

    resolved: Resolved
    place: int
    task: str
    conn_id: str
    group: str


class _Area:
    """A process group in the tree of groups: which tasks drive it, and which one within it.

    `driver` and `inner` are the first of all pipelines so far; the bits are those of the pipeline
    that is being looked at.
    """

    __slots__ = ("below", "driver", "drivers", "inner", "inners")

    def __init__(self) -> None:
        self.below: dict[str, _Area] = {}
        self.driver: _Named | None = None
        self.inner: _Named | None = None
        self.drivers = 0
        self.inners = 0


def driven_twice(scope: Scope) -> Iterator[Diagnostic]:
    """A group, or one within it, that another pipeline drives, or another task at the same time.

    Of two runs at once one is refused. Templates are known at run time only.
    """
    connections: dict[str, _Area] = {}
    for outcome in scope.outcomes:
        for resolved in outcome.specs:
            every = [(each, _areas(connections, each)) for each in _named(resolved)]
            apart = _Apart(resolved) if len(every) > 1 else None
            for named, areas in every:
                other = _elsewhere(areas) or (
                    _beside(named, areas, every, apart) if apart else None
                )
                areas[-1].drivers |= 1 << named.place
                for area in areas:
                    area.inners |= 1 << named.place
                if other is not None:
                    yield from diagnose(resolved, [_problem(named, other)])
            for named, areas in every:
                areas[-1].driver = areas[-1].driver or named
                for area in areas:
                    area.inner = area.inner or named
                    area.drivers = area.inners = 0


def _areas(connections: dict[str, _Area], named: _Named) -> list[_Area]:
    """The group of a task, with those that hold it before it."""
    area = connections.setdefault(named.conn_id, _Area())
    found = []
    for part in named.group.split("/", _MAX_DEPTH):
        area = area.below.setdefault(part, _Area())
        found.append(area)
    return found


_MAX_DEPTH = 100


def _elsewhere(areas: list[_Area]) -> _Named | None:
    """The first task of another pipeline that drives the group, one above it or one within it."""
    return areas[-1].inner or next((area.driver for area in areas if area.driver), None)


def _beside(
    named: _Named, areas: list[_Area], every: list[tuple[_Named, list[_Area]]], apart: _Apart
) -> _Named | None:
    """Such a task of the same pipeline that is neither before nor after this one."""
    near = areas[-1].inners
    for area in areas:
        near |= area.drivers
    near &= apart.bits[named.place]
    place = (near & -near).bit_length() - 1
    return next((other for other, _ in every if other.place == place), None) if near else None


class _Apart:
    """For each task of a valid pipeline, as bits, the tasks that may run at the same time."""

    def __init__(self, resolved: Resolved) -> None:
        tasks = resolved.value["tasks"]
        place = {task["id"]: index for index, task in enumerate(tasks)}
        needs = {
            index: [place[need] for need in task.get("needs", ())]
            for index, task in enumerate(tasks)
        }
        order = list(graphlib.TopologicalSorter(needs).static_order())
        before, after = [0] * len(tasks), [0] * len(tasks)
        for index in order:
            for need in needs[index]:
                before[index] |= before[need] | 1 << need
        for index in reversed(order):
            for need in needs[index]:
                after[need] |= after[index] | 1 << index
        self.bits = [~(before[index] | after[index] | 1 << index) for index in range(len(tasks))]


def _named(resolved: Resolved) -> Iterator[_Named]:
    for index, task in enumerate(resolved.value["tasks"]):
        given: Any = task.get("with", {})
        if task["uses"] != "nifi" or "{{" in given["conn_id"] + given["group"]:
            continue
        path = "/".join(part.strip() for part in given["group"].strip("/").split("/"))
        yield _Named(resolved, index, task["id"], given["conn_id"], path)


def _problem(named: _Named, other: _Named) -> Problem:
    where = f"the task {other.task!r}"
    if other.resolved.dag_id != named.resolved.dag_id:
        where += f" of {other.resolved.dag_id}"
    what = "it" if other.group == named.group else repr(other.group)
    return Problem(
        ("tasks", named.place, "with", "group"),
        "group-driven-twice",
        f"{where} drives {what} too: of two runs at once, one is refused",
        expected="one task for a process group",
        hint="let one pipeline drive it, or let one task need the other",
        severity="warning",
    )
