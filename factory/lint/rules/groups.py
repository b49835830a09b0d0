"""Parts of other systems, such as NiFi's process groups, that several tasks drive."""

from __future__ import annotations

import graphlib
from collections.abc import Iterator
from typing import NamedTuple

from factory.diagnostics import Diagnostic
from factory.lint.rules.scope import Linted, Scope
from factory.plan.model import Driven, Pipeline
from factory.problem import Problem


class _Named(NamedTuple):
    """A step that drives a group: its pipeline, its number and id, and the group."""

    linted: Linted
    number: int
    step: str
    driven: Driven


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
    systems: dict[str, _Area] = {}
    for linted in scope.linted():
        every = [(each, _areas(systems, each.driven)) for each in _named(linted)]
        apart = _Apart(linted.plan) if len(every) > 1 else None
        for named, areas in every:
            other = _elsewhere(areas) or (_beside(named, areas, every, apart) if apart else None)
            areas[-1].drivers |= 1 << named.number
            for area in areas:
                area.inners |= 1 << named.number
            if other is not None:
                yield from linted.diagnose([_problem(named, other)])
        for named, areas in every:
            areas[-1].driver = areas[-1].driver or named
            for area in areas:
                area.inner = area.inner or named
                area.drivers = area.inners = 0


def _areas(systems: dict[str, _Area], driven: Driven) -> list[_Area]:
    """The group that is driven, with those that hold it before it."""
    area = systems.setdefault(driven.system, _Area())
    found = []
    for part in driven.path:
        area = area.below.setdefault(part, _Area())
        found.append(area)
    return found


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
    near &= apart.bits[named.number]
    index = (near & -near).bit_length() - 1
    return next((other for other, _ in every if other.number == index), None) if near else None


class _Apart:
    """For each step of a pipeline, as bits, the steps that may run at the same time."""

    def __init__(self, plan: Pipeline) -> None:
        place = {step.id: index for index, step in enumerate(plan.steps)}
        needs = {
            index: [place[need] for need in step.needs] for index, step in enumerate(plan.steps)
        }
        order = list(graphlib.TopologicalSorter(needs).static_order())
        before, after = [0] * len(needs), [0] * len(needs)
        for index in order:
            for need in needs[index]:
                before[index] |= before[need] | 1 << need
        for index in reversed(order):
            for need in needs[index]:
                after[need] |= after[index] | 1 << index
        self.bits = [~(before[index] | after[index] | 1 << index) for index in range(len(needs))]


def _named(linted: Linted) -> Iterator[_Named]:
    for index, step in enumerate(linted.plan.steps):
        yield from (_Named(linted, index, step.id, driven) for driven in step.drives)


def _problem(named: _Named, other: _Named) -> Problem:
    where = f"the task {other.step!r}"
    if other.linted.plan.dag_id != named.linted.plan.dag_id:
        where += f" of {other.linted.plan.dag_id}"
    same = other.driven.path == named.driven.path
    what = "it" if same else repr("/".join(other.driven.path))
    return Problem(
        named.linted.place(named.step, named.driven.place),
        "group-driven-twice",
        f"{where} drives {what} too: of two runs at once, one is refused",
        expected="one task for a process group",
        hint="let one pipeline drive it, or let one task need the other",
        severity="warning",
    )
