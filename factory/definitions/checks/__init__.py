"""Checks of rows: of a load's, before they are published, and of a table that exists.

One is one module, or a Struct that another package offers:

    [project.entry-points."dag_factory.checks"]
    even = "acme_checks.even:Even"
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from factory import choices, registry
from factory.definitions import reading
from factory.definitions.checks.accepted_values import AcceptedValues
from factory.definitions.checks.freshness import Freshness
from factory.definitions.checks.matches import Matches
from factory.definitions.checks.not_null import NotNull
from factory.definitions.checks.parts import Plain, Text
from factory.definitions.checks.range import Range
from factory.definitions.checks.row_count import RowCount
from factory.definitions.checks.sql import Sql
from factory.definitions.checks.unique import Unique
from factory.diagnostics import Path
from factory.problem import Problem

__all__ = [
    "AcceptedValues",
    "Check",
    "Freshness",
    "Matches",
    "NotNull",
    "Plain",
    "Range",
    "RowCount",
    "Sql",
    "Text",
    "Unique",
    "columns",
    "parse",
    "plain",
    "problems",
]

OURS = (RowCount, NotNull, Unique, AcceptedValues, Range, Matches, Freshness, Sql)


if TYPE_CHECKING:
    Check = RowCount | NotNull | Unique | AcceptedValues | Range | Matches | Freshness | Sql
else:
    Check = choices.opened("checks", *OURS, needs=Plain, also=("severity",))
"""The type of a field, or of the entries of a list, for a check: `type` tells which."""


def parse(given: Mapping[str, object]) -> Check:
    """A check as a task has it, after its templates were filled in. Raises `BadOption`."""
    check: Check = reading.read(given, _structs(given.get("type")), "check")
    return check


def _structs(word: object) -> dict[str, type[msgspec.Struct]]:
    """Ours, and the one of this word that another package offers."""
    ours = reading.tags(OURS)
    if not isinstance(word, str) or word in ours or word not in registry.outside("checks"):
        return ours
    return {**ours, word: registry.load("checks", word)}


def plain(checks: Sequence[Check]) -> list[dict[str, Any]]:
    """The checks as a plan has them."""
    return [msgspec.to_builtins(check) for check in checks]


def problems(checks: Sequence[Check], place: Path) -> Iterator[Problem]:
    """Checks that say nothing, or that nothing can meet; `place` is the list's path."""
    for index, check in enumerate(checks):
        with choices.blaming(check, *place, index):
            yield from check.problems((*place, index))


def columns(checks: Sequence[Check], place: Path) -> Iterator[tuple[Path, str]]:
    """The columns that the checks name, with their places."""
    for index, check in enumerate(checks):
        with choices.blaming(check, *place, index):
            yield from check.named((*place, index))
