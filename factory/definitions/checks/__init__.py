"""Checks of rows: of a load's, before they are published, and of a table that exists.

One is one module, or a Struct that another package offers:

    [project.entry-points."dag_factory.checks"]
    even = "acme_checks.even:Even"
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Union

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
from factory.errors import FactoryError
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
    Check = choices.opened("checks", *OURS, needs=Plain)


def parse(given: Mapping[str, object]) -> Check:
    """A check as a task has it, after its templates were filled in. Raises `BadOption`."""
    known = (*OURS, *_outside(given.get("type")))
    check: Check = reading.read(given, Union.__getitem__(known), "check")
    return check


def _outside(word: object) -> Iterator[type[Plain]]:
    """The check of this name that another package offers; when there is none, all, to be told."""
    if word in {struct.__struct_config__.tag for struct in OURS}:
        return
    offered = registry.outside("checks")
    for name in [word] if isinstance(word, str) and word in offered else sorted(offered):
        with suppress(FactoryError):  # lint has told of one that cannot be used
            yield registry.load("checks", name)


def plain(checks: Sequence[Check]) -> list[dict[str, Any]]:
    """The checks as a plan has them."""
    return [msgspec.to_builtins(check) for check in checks]


def problems(checks: Sequence[Check], place: Path) -> Iterator[Problem]:
    """Checks that say nothing, or that nothing can meet; `place` is the list's path."""
    for index, check in enumerate(checks):
        yield from check.problems((*place, index))


def columns(checks: Sequence[Check], place: Path) -> Iterator[tuple[Path, str]]:
    """The columns that the checks name, with their places."""
    for index, check in enumerate(checks):
        yield from check.named((*place, index))
