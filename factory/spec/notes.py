"""What resolving finds out on the way."""

from __future__ import annotations

from factory.diagnostics import MAX_TOLD, Path
from factory.problem import Problem

MAX_VALUES = 1_000_000
"""How many values one file may become, all of its copies together."""


class Notes:
    """What resolving finds out on the way, and how much it may still make.

    `holes` are the paths whose value could not be told: what else is wrong there is an echo.
    """

    def __init__(self, limit: int) -> None:
        self._problems: dict[Problem, None] = {}
        self._untold: set[tuple[Path, str, str]] = set()
        self.holes: list[Path] = []
        self.left = limit

    @property
    def problems(self) -> list[Problem]:
        """What was found, each once."""
        return list(self._problems)

    @property
    def full(self) -> bool:
        """Whether others are only counted: their words need not be found."""
        return len(self._problems) >= MAX_TOLD

    @property
    def more(self) -> int:
        """How many there are that are not kept."""
        return len(self._untold)

    def copy(self) -> Notes:
        """The same notes, to be continued for one copy of a pipeline."""
        copy = Notes(self.left)
        copy._problems, copy._untold = {**self._problems}, {*self._untold}
        copy.holes = [*self.holes]
        return copy

    def add(self, problem: Problem) -> None:
        """Keep a problem, once."""
        if self.full and problem not in self._problems:
            self.count(problem.path, problem.code, problem.part)
            return
        self._problems[problem] = None
        self.holes.append(problem.path)

    def count(self, path: Path, code: str, part: str = "") -> None:
        """Count a problem that is one too many."""
        self._untold.add((path, code, part))
        self.holes.append(path)

    def spend(self, size: int) -> bool:
        """Whether so many values may still be made."""
        self.left -= size
        return self.left >= 0

    def too_large(self, path: Path) -> None:
        """Say once that a file becomes too large, here."""
        self.once(
            Problem(
                path,
                "too-large",
                "the pipeline becomes too large here",
                expected="at most a million values once everything is filled in",
                hint="look for a matrix, or for vars that multiply each other",
            )
        )

    def once(self, problem: Problem) -> None:
        """Keep a problem unless there is one of its code: the others follow from it."""
        if any(known.code == problem.code for known in self._problems):
            self.holes.append(problem.path)
        else:
            self.add(problem)


def size_of(value: object) -> int:
    """How many values a value holds; a text counts by its length."""
    if isinstance(value, dict):
        return 1 + sum(map(size_of, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(size_of, value))
    return 1 + len(value) // 64 if isinstance(value, str) else 1
