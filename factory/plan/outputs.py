"""What `{{ tasks.x.output }}` may name, and which tasks' results that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from factory.plan.model import Pipeline, PlannedStep
from factory.spec import groups


class Handed(NamedTuple):
    """The tasks whose results a name stands for; `many`: a list of them, in their order.

    `own`: of a task in the same group with a `for_each`, the result of the reader's own copy.
    `copied`: there is one for each copy that handed something on, which may be none.
    """

    tasks: tuple[str, ...]
    many: bool
    own: bool = False
    copied: bool = False


class Outputs:
    """The outputs of a pipeline's steps, by the words that `needs` knows them by.

    A step with a `matrix` or a `for_each` is the list of all copies' outputs; `load[orders]` is one
    copy of a `matrix`. In a group a name is that of a step beside the reader, else of one further
    out.
    """

    def __init__(self, plan: Pipeline) -> None:
        self.written = {step.id: step for step in plan.steps}
        self.named = {group.id: group.outputs for group in plan.groups if group.outputs}
        self.mapped = {task.id for task in plan.tasks if task.expand or task.for_each}
        self.groups = [group.id for group in plan.groups if group.for_each]

    @cached_property
    def tree(self) -> _Level:
        """The steps, in the groups that they stand in."""
        return _tree(self.written.values())

    def steps(self, name: str, reader: str = "") -> list[str]:
        """The steps that a name means to a step, or to a task of it; none: it means none."""
        return self._meant(name, reader)[0]

    def within(self, name: str, reader: str = "") -> list[str]:
        """The steps of the group that a name means to a reader, as it may name them."""
        for parts in _ways_to(name, reader):
            if found := [each for level in _levels(self.tree, parts)[0] for each in _below(level)]:
                return [*dict.fromkeys(f"{name}.{each}" for each in found)]
        return []

    def given(self, name: str, reader: str = "") -> list[str]:
        """The names of the outputs that a call of a kind has; none: it is no such call."""
        for parts in _ways_to(name, reader):
            if levels := _levels(self.tree, parts)[0]:
                return [*self.named.get(levels[0].id, ())]
        return []

    def behind(self, name: str, output: str, reader: str = "") -> str:
        """The step whose output is an output of a call, by its name; empty: there is none."""
        for parts in _ways_to(name, reader):
            if levels := _levels(self.tree, parts)[0]:
                step, inner = self.named.get(levels[0].id, {}).get(output, ("", ""))
                whole = f"{name}.{step}" if step else ""
                return self.behind(whole, inner, reader) if inner else whole
        return ""

    def _meant(self, name: str, reader: str) -> tuple[list[str], bool]:
        """The steps, and whether the name leaves open which copy is meant."""
        for parts in _ways_to(name, reader):
            if (found := _found(self.tree, parts))[0]:
                return found
        return [], False

    def of(self, name: str, reader: str = "") -> Handed | None:
        """What a name stands for; None where there is no such step, or one hands nothing on."""
        steps, many = self._meant(name, reader)
        tasks = tuple(self.written[step].output for step in steps)
        if not tasks or not all(tasks):
            return None
        around = self.around(tasks[0])
        own = bool(around) and around == self.around(reader)
        copied = tasks[0] in self.mapped or (bool(around) and not own)
        return Handed(tasks, many or copied, own, copied)

    def around(self, name: str) -> str:
        """The group with a `for_each` that a task or a step stands in."""
        return next((group for group in self.groups if name.startswith(f"{group}.")), "")

    @property
    def names(self) -> list[str]:
        """Every name of a step, those of all copies first."""
        every = self.written.values()
        return [*dict.fromkeys(step.copy_of for step in every if step.copy_of), *self.written]


class _Level:
    """A step, or what stands in a group: by its ids, and by each way to name it."""

    def __init__(self, id: str = "", called: str = "") -> None:
        self.id = id
        self.called = called
        self.step = ""
        self.inner: dict[str, _Level] = {}
        self.ways: dict[str, list[tuple[_Level, bool]]] = {}


def _tree(steps: Iterable[PlannedStep]) -> _Level:
    root = _Level()
    for step in steps:
        level = root
        called = (step.copy_of or step.id).split(".")
        for name, own in zip(called, step.id.split("."), strict=True):
            if own not in level.inner:
                level.inner[own] = _Level(f"{level.id}.{own}" if level.id else own, name)
                for way, many in _ways(name, own):
                    level.ways.setdefault(way, []).append((level.inner[own], many))
            level = level.inner[own]
        level.step = step.id
    return root


def _below(level: _Level) -> Iterator[str]:
    """The steps in a group, by their names in it; copies have one."""
    for inner in level.inner.values():
        if inner.step:
            yield inner.called
        yield from (f"{inner.called}.{each}" for each in _below(inner))


def _ways_to(name: str, reader: str) -> Iterator[list[str]]:
    """What a name may mean to a reader, as the parts of a whole one: what is nearest first."""
    parts, around = groups.normal(name).split("."), reader.split(".")
    for length in range(len(around) - 1, -1, -1):
        yield [*around[:length], *parts]


def _found(root: _Level, parts: Sequence[str]) -> tuple[list[str], bool]:
    levels, open_ = _levels(root, parts)
    return [level.step for level in levels if level.step], open_


def _levels(root: _Level, parts: Sequence[str]) -> tuple[list[_Level], bool]:
    levels, open_ = [root], False
    for part in parts:
        inner = [each for level in levels for each in level.ways.get(part, ())]
        levels = [level for level, _ in inner]
        open_ = open_ or any(many for _, many in inner)
    return levels, open_


def _ways(called: str, own: str) -> list[tuple[str, bool]]:
    """How a part of a name may be written, and whether it means all copies."""
    if called == own:
        return [(own, False)]
    return [(called, True), (groups.copy_of(called, own), False), (own, False)]


__all__ = ["Handed", "Outputs"]
