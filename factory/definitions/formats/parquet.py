"""Apache Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from factory.definitions.formats import columns
from factory.definitions.formats import names as naming
from factory.definitions.formats.columns import Column
from factory.definitions.formats.names import Aliases, Names, Optional, Renames, Select, known
from factory.definitions.formats.types import TypeWord
from factory.fields import Strict
from factory.problem import Problem

ParquetTypes = Annotated[
    dict[str, TypeWord | Column],
    Meta(
        description="Column types, by name, where the file's own is not the one that is wanted. A "
        "value that the type would change is refused.",
        examples=[{"id": "bigint", "at": {"type": "timestamp", "truncate": True}}],
    ),
]


class Parquet(
    Strict, frozen=True, kw_only=True, omit_defaults=True, tag="parquet", tag_field="type"
):
    """Apache Parquet. Types are the file's own, where `columns` does not say another.

    Times that are less than a microsecond apart are refused, unless a column says `truncate`.
    """

    columns: Annotated[ParquetTypes, Meta()] = msgspec.field(default_factory=dict)
    names: Annotated[Names, Meta()] = "snake_case"
    rename: Annotated[Renames, Meta()] = msgspec.field(default_factory=dict)
    aliases: Annotated[Aliases, Meta()] = msgspec.field(default_factory=dict)
    optional: Annotated[Optional, Meta()] = msgspec.field(default_factory=list)
    select: Annotated[Select, Meta()] = msgspec.field(default_factory=list)


def problems(given: Parquet) -> Iterator[Problem]:
    """Options that no file can be read with, with their paths below the format."""
    yield from columns.problems(given.columns)
    yield from naming.problems(given)


__all__ = ["Parquet", "known", "problems"]
