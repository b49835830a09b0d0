"""What a pass finds wrong, before it is known where that was written."""

from __future__ import annotations

import msgspec

from factory.diagnostics import Path


class Problem(msgspec.Struct, frozen=True):
    """Something wrong at a path of the resolved value.

    `at_key`: the key is meant, not its value. `part` is what is meant in a longer text.
    `quote`: text was wanted, so quotes may be the answer.
    """

    path: Path
    code: str
    message: str
    expected: str = ""
    hint: str = ""
    at_key: bool = False
    severity: str = "error"
    part: str = ""
    quote: bool = False


class Notes:
    """What resolving finds out on the way, and how much it may still make.

    `holes` are the paths whose value could not be told: what else is wrong there is an echo.
    """

    def __init__(self, limit: int) -> None:
        self.problems: list[Problem] = []
        self.holes: list[Path] = []
        self.left = limit

    def copy(self) -> Notes:
        """The same notes, to be continued for one copy of a pipeline."""
        copy = Notes(self.left)
        copy.problems, copy.holes = [*self.problems], [*self.holes]
        return copy

    def add(self, problem: Problem) -> None:
        """Keep a problem, once."""
        if problem not in self.problems:
            self.problems.append(problem)
        self.holes.append(problem.path)

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
        if any(known.code == problem.code for known in self.problems):
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
