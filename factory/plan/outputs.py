"""What `{{ tasks.x.output }}` may name, and which tasks' results that is."""

from __future__ import annotations

import itertools
from functools import cached_property
from typing import NamedTuple

from factory.plan.model import Pipeline, PlannedStep
from factory.spec import groups


class Handed(NamedTuple):
    """The tasks whose results a name stands for; `many`: a list of them, in their order."""

    tasks: tuple[str, ...]
    many: bool


class Outputs:
    """The outputs of a pipeline's steps, by the words that `needs` knows them by.

    A step with a `matrix` is the list of all copies' outputs; `load[orders]` is one copy. In a
    group a name is that of a step beside the reader, else of one further out.
    """

    def __init__(self, plan: Pipeline) -> None:
        self.written = {step.id: step for step in plan.steps}
        self.mapped = {task.id for task in plan.tasks if task.expand}

    @cached_property
    def known(self) -> dict[str, tuple[list[str], bool]]:
        """The steps of each name, and whether it leaves open which copy is meant."""
        found: dict[str, tuple[list[str], bool]] = {}
        for step in self.written.values():
            for name, many in _names(step):
                steps, _ = found.setdefault(name, ([], many))
                steps.append(step.id)
        return found

    def steps(self, name: str, reader: str = "") -> list[str]:
        """The steps that a name means to a step, or to a task of it; none: it means none."""
        return self._meant(name, reader)[0]

    def _meant(self, name: str, reader: str) -> tuple[list[str], bool]:
        name = groups.normal(name)
        while reader:
            reader = reader.rpartition(".")[0]
            if found := self.known.get(f"{reader}.{name}" if reader else name):
                return found
        return self.known.get(name, ([], False))

    def of(self, name: str, reader: str = "") -> Handed | None:
        """What a name stands for; None where there is no such step, or one hands nothing on."""
        steps, many = self._meant(name, reader)
        tasks = tuple(self.written[step].output for step in steps)
        if not tasks or not all(tasks):
            return None
        return Handed(tasks, many or tasks[0] in self.mapped)

    @property
    def names(self) -> list[str]:
        """Every name of a step, those of all copies first."""
        every = self.written.values()
        return [*dict.fromkeys(step.copy_of for step in every if step.copy_of), *self.written]


def _names(step: PlannedStep) -> list[tuple[str, bool]]:
    """`table.load`, `table[orders].load`, `table__orders.load`, and whether it means all copies."""
    called = (step.copy_of or step.id).split(".")
    each = [_ways(*part) for part in zip(called, step.id.split("."), strict=True)]
    every = itertools.product(*each)
    return [(".".join(name for name, _ in way), any(many for _, many in way)) for way in every]


def _ways(called: str, own: str) -> list[tuple[str, bool]]:
    """How a part of a name may be written."""
    if called == own:
        return [(own, False)]
    return [(called, True), (groups.copy_of(called, own), False), (own, False)]


__all__ = ["Handed", "Outputs"]
