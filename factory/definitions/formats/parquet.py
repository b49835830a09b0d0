"""Apache Parquet."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from factory.definitions.formats.names import Names, Renames, Select, known, problems
from factory.fields import Strict


class Parquet(
    Strict, frozen=True, kw_only=True, omit_defaults=True, tag="parquet", tag_field="type"
):
    """Apache Parquet."""

    names: Annotated[Names, Meta()] = "snake_case"
    rename: Annotated[Renames, Meta()] = msgspec.field(default_factory=dict)
    select: Annotated[Select, Meta()] = msgspec.field(default_factory=list)


__all__ = ["Parquet", "known", "problems"]
