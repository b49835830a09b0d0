"""Names of columns: from a file's own to a table's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Literal, Protocol

from msgspec import Meta

from factory import literals
from factory.diagnostics import Path
from factory.problem import Problem

Names = Annotated[
    Literal["snake_case", "as_is"],
    Meta(description="`VendorID` becomes `vendor_id`, or stays as it is."),
]
Renames = Annotated[
    dict[str, str],
    Meta(
        description="New names, by the file's own name or by the snake-cased one.",
        examples=[{"tpep_pickup_datetime": "pickup_at"}],
    ),
]
Select = Annotated[
    list[str],
    Meta(
        description="Only these columns, in this order, by their new or by the file's own names.",
        examples=[["vendor_id", "pickup_at"]],
    ),
]

Aliases = Annotated[
    dict[str, Annotated[list[str], Meta(min_length=1)]],
    Meta(
        description="Other names of a column, by its new one: files spell it in one of these ways.",
        examples=[{"pu_location_id": ["PULocationID", "PUlocationID"]}],
    ),
]
Optional = Annotated[
    list[str],
    Meta(
        description="Columns that a file may lack, by their new or by the file's own names: they "
        "are null then.",
        examples=[["ehail_fee"]],
    ),
]


class Naming(Protocol):
    """What every format says of its columns' names."""

    @property
    def names(self) -> Literal["snake_case", "as_is"]:
        """See `Names`."""

    @property
    def rename(self) -> dict[str, str]:
        """See `Renames`."""

    @property
    def select(self) -> list[str]:
        """See `Select`; empty: all columns."""

    @property
    def aliases(self) -> dict[str, list[str]]:
        """See `Aliases`."""

    @property
    def optional(self) -> list[str]:
        """See `Optional`."""


def snake_case(name: str) -> str:
    """`PULocationID` → `pu_location_id`, `Trip Distance (mi)` → `trip_distance_mi`."""
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"[\W_]+", "_", name).strip("_").lower() or name


def finals(own: Iterable[str], rename: Mapping[str, str], *, styled: bool) -> frozenset[str]:
    """Every name that columns may have in the end; `styled`: they may be snake-cased.

    A column is selected by its own name or by its last: both readings are possible.
    """
    found: set[str] = set()
    for name in own:
        for each in {name, snake_case(name)} if styled else {name}:
            found |= {each, rename.get(each, each)}
    return frozenset(found)


def known(given: Naming) -> frozenset[str] | None:
    """Every name that a column may have in the end; None when only the files tell."""
    if not given.select:
        return None
    old = {each: new for new, known in given.aliases.items() for each in known}
    return finals(given.select, old | given.rename, styled=given.names == "snake_case")


def renamed(given: Naming) -> frozenset[str]:
    """Names that columns are given."""
    return frozenset((*given.rename.values(), *given.aliases))


def named(given: Naming, declared: Iterable[str]) -> Iterator[tuple[Path, str]]:
    """The columns that a format names, by their last names, with their places below it.

    :param declared: the columns whose types it says.
    """
    yield from ((("rename", own), name) for own, name in given.rename.items())
    yield from ((("aliases", name), name) for name in given.aliases)
    others = {**given.rename, **{own: own for known in given.aliases.values() for own in known}}
    styled = given.names == "snake_case"
    lists: dict[str, Iterable[tuple[str | int, str]]] = {
        "select": enumerate(given.select),
        "optional": enumerate(given.optional),
        "columns": ((name, name) for name in declared),
    }
    for word, names in lists.items():
        for place, name in names:
            readings = {name, snake_case(name)} if styled else {name}
            if not readings & others.keys():  # else it has another name in the end
                yield (word, place), min(sorted(readings), key=len)


def problems(given: Naming, declared: Sequence[str] | None = None) -> Iterator[Problem]:
    """Names that no column can have, or two; what is renamed in vain.

    :param declared: the columns, where the spec says which there are and files do not.
    """
    for word in ("select", "optional"):
        yield from literals.columns(getattr(given, word), (word,))
    for index, name in literals.repeated(given.select):
        yield Problem(("select", index), "bad-value", f"{name!r} is selected twice")
    yield from _given_twice(given)
    yield from _in_vain(given, declared)


def _given_twice(given: Naming) -> Iterator[Problem]:
    """What two columns are given, or one is given twice."""
    by_name: dict[str, str] = {}
    for own, name in given.rename.items():
        yield from literals.column(name, ("rename", own))
        if name in by_name:
            said = f"{by_name[name]!r} and {own!r} are both renamed to {name!r}"
            yield Problem(("rename", own), "bad-value", said)
        by_name.setdefault(name, own)
    seen: dict[str, str] = {}
    for name, known in given.aliases.items():
        yield from literals.column(name, ("aliases", name), at_key=True)
        for index, own in enumerate(known):
            if own in given.rename:
                said = f"{own!r} is renamed, too"
                yield Problem(("aliases", name, index), "bad-value", said)
            if own in seen:
                said = f"{own!r} is an alias of {seen[own]!r} already"
                yield Problem(("aliases", name, index), "bad-value", said)
            seen.setdefault(own, name)


def _in_vain(given: Naming, declared: Sequence[str] | None) -> Iterator[Problem]:
    """What is renamed or may be lacking, and is not selected."""
    if not given.select:
        return
    for own, name in given.rename.items():
        there = declared is None or own in declared
        if there and own not in given.select and name not in given.select:
            said = f"{own!r} is renamed, but not selected"
            yield Problem(("rename", own), "bad-value", said, severity="warning")
    for name, known in given.aliases.items():
        if not {name, *known}.intersection(given.select):
            said = f"{name!r} has aliases, but is not selected"
            yield Problem(("aliases", name), "bad-value", said, severity="warning")
