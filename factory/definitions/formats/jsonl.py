"""JSON Lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from factory.definitions.formats import names as naming
from factory.definitions.formats import times, types
from factory.definitions.formats.names import Names, Renames, Select, known
from factory.definitions.formats.packing import Member
from factory.definitions.formats.times import TimestampFormats, TimeZone
from factory.definitions.formats.types import JsonTypeWord
from factory.fields import Strict
from factory.problem import Problem

JsonTypes = Annotated[
    dict[str, JsonTypeWord],
    Meta(
        description="Column types, by name. A column that is not named is inferred. `text` keeps "
        "numbers, objects and arrays as they are written, `json` strings too, with their quotes.",
        examples=[{"id": "bigint", "price": "decimal(10, 2)", "payload": "json"}],
    ),
]


class Jsonl(Strict, frozen=True, kw_only=True, omit_defaults=True, tag="jsonl", tag_field="type"):
    """JSON Lines: an object in each line, UTF-8. Objects and arrays within become text.

    The columns are the keys of the first rows of each file, and those that are declared. Another
    key is an error, unless the columns are selected.
    """

    columns: Annotated[JsonTypes, Meta()] = msgspec.field(default_factory=dict)
    timestamp_formats: Annotated[TimestampFormats, Meta()] = msgspec.field(default_factory=list)
    timezone: Annotated[TimeZone, Meta()] = None
    names: Annotated[Names, Meta()] = "snake_case"
    rename: Annotated[Renames, Meta()] = msgspec.field(default_factory=dict)
    select: Annotated[Select, Meta()] = msgspec.field(default_factory=list)
    member: Annotated[Member, Meta()] = None


def problems(given: Jsonl) -> Iterator[Problem]:
    """Options that no file can be read with, with their paths below the format."""
    yield from types.problems(given.columns)
    yield from times.problems(given.timestamp_formats, given.timezone)
    yield from naming.problems(given)


__all__ = ["Jsonl", "known", "problems"]
