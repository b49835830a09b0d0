"""What a source is. A new one is a module in `sources/`, or one of another package."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar, Protocol

import msgspec

from factory.definitions import formats
from factory.ends.handover import Handover
from factory.plan.kind import Step
from factory.problem import Problem


class Source(Protocol):
    """Where rows come from."""

    gives: ClassVar[tuple[str, ...]]
    """How it can hand rows over: words of `factory.ends.handover`."""

    def reads(self) -> Iterable[str]:
        """URIs of the datasets that it reads, as far as they are known before it runs."""

    def hand_over(self, step: Step, way: str) -> Handover:
        """What it hands over, in one of the ways that it `gives`."""

    def problems(self) -> Iterable[Problem]:
        """Values that do not fit each other, with their place in the step's arguments."""


def format_problems(given: formats.Written) -> Iterator[Problem]:
    """What lint tells of a source's format, with its place in the step's arguments."""
    for problem in formats.problems(given):
        yield msgspec.structs.replace(problem, path=("source", "format", *problem.path))


__all__ = ["Source", "format_problems"]
