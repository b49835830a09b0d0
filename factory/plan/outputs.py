"""What `{{ tasks.x.output }}` may name, and which tasks' results that is."""

from __future__ import annotations

from typing import NamedTuple

from factory.plan.model import Pipeline
from factory.spec import matrix


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
        self.copies: dict[str, list[str]] = {}
        self.by_step = {step.id: step.output for step in plan.steps}
        self.mapped = {task.id for task in plan.tasks if task.expand}
        for step in plan.steps:
            if step.copy_of:
                self.copies.setdefault(step.copy_of, []).append(step.id)

    def steps(self, name: str, reader: str = "") -> list[str]:
        """The steps that a name means to a step, or to a task of it; none: it means none."""
        while reader:
            reader = reader.rpartition(".")[0]
            if found := self._steps(f"{reader}.{name}" if reader else name):
                return found
        return self._steps(name)

    def _steps(self, name: str) -> list[str]:
        if name in self.copies:
            return self.copies[name]
        one = matrix.chosen(name, self.copies, ())
        return [one] if isinstance(one, str) and one in self.by_step else []

    def of(self, name: str, reader: str = "") -> Handed | None:
        """What a name stands for; None where there is no such step, or one hands nothing on."""
        steps = self.steps(name, reader)
        tasks = tuple(self.by_step[step] for step in steps)
        if not tasks or not all(tasks):
            return None
        return Handed(tasks, steps in self.copies.values() or tasks[0] in self.mapped)

    @property
    def names(self) -> list[str]:
        """Every name of a step."""
        return [*self.copies, *self.by_step]


__all__ = ["Handed", "Outputs"]
