"""What a source is. A new one is a module in `sources/`, or one of another package."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

import msgspec

from factory.definitions import formats
from factory.definitions.writes import Write
from factory.diagnostics import Path as Place
from factory.ends.handover import Handover
from factory.plan.kind import Step
from factory.plan.model import Dated
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


# What a source may have besides, each a method of its own.


@runtime_checkable
class ReadsByDate(Protocol):
    """A source whose rows depend on the run's date."""

    def dates(self) -> Iterable[Dated]:
        """What it takes from the date, with its place in the step's arguments."""


@runtime_checkable
class ReadsAgain(Protocol):
    """A source of which a run may read what another has read."""

    def again(self, write: Write) -> Iterable[Problem]:
        """What that means in this write mode, with its place in the step's arguments."""


@runtime_checkable
class RunsAlone(Protocol):
    """A source that two runs at once would read twice."""

    def alone(self, write: Write) -> Iterable[Place]:
        """Where that matters in this write mode: places in the step's arguments."""


@runtime_checkable
class NamesFiles(Protocol):
    """A source that names files beside the spec."""

    def beside(self, folder: Path) -> Iterable[Problem]:
        """What is wrong with them, with their place in the step's arguments."""


@runtime_checkable
class NamesColumns(Protocol):
    """A source that names columns of the load."""

    def named(self) -> Iterable[tuple[Place, str]]:
        """Their names, as the load has them, with their place in the step's arguments."""


def format_columns(given: formats.Written) -> Iterator[tuple[Place, str]]:
    """The columns that a source's format names."""
    yield from ((("source", "format", *path), name) for path, name in formats.named(given))


def format_problems(given: formats.Written) -> Iterator[Problem]:
    """What lint tells of a source's format, with its place in the step's arguments."""
    for problem in formats.problems(given):
        yield msgspec.structs.replace(problem, path=("source", "format", *problem.path))


__all__ = [
    "NamesColumns",
    "NamesFiles",
    "ReadsAgain",
    "ReadsByDate",
    "RunsAlone",
    "Source",
    "format_columns",
    "format_problems",
]
