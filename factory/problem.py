"""What a pass finds wrong, before it is known where that was written."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from factory.diagnostics import MAX_TOLD, Path, Severity


class Problem(msgspec.Struct, frozen=True):
    """Something wrong at a path of the resolved value.

    `at_key`: the key is meant, not its value. `part` is what is meant in a longer text, `nth` how
    often it stands there before.
    `quote`: text was wanted, so quotes may be the answer. `of_pipeline`: of a step's problems, one
    whose path is the pipeline's own: told once for all its steps. `first`: where the same stands
    already; its line is told.
    """

    path: Path
    code: str
    message: str
    expected: str = ""
    hint: str = ""
    at_key: bool = False
    severity: Severity = "error"
    part: str = ""
    quote: bool = False
    of_pipeline: bool = False
    nth: int = 0
    first: Path = ()


class Problems(list[Problem]):
    """The first problems that a pass finds, at most MAX_TOLD, and how many more, at least."""

    more = 0

    @property
    def full(self) -> bool:
        """Whether others are only counted."""
        return len(self) >= MAX_TOLD

    def put(self, problems: Iterable[Problem]) -> None:
        """Add problems, or count them."""
        for problem in problems:
            if self.full:
                self.more += 1
            else:
                self.append(problem)
        self.more += getattr(problems, "more", 0)
