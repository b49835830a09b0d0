"""One JSON document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from factory.definitions.formats import jsonl
from factory.definitions.formats.jsonl import Jsonl
from factory.definitions.formats.names import known
from factory.problem import Problem

WHOLE = "."
"""`records` of a document that is one row itself."""


class Json(Jsonl, frozen=True, kw_only=True, omit_defaults=True, tag="json", tag_field="type"):
    """One JSON document, UTF-8: an array of objects, each a row, or an object that holds it.

    It is read in a stream, over lines or not; the rows are read as those of `jsonl`.
    """

    records: Annotated[
        str | None,
        Meta(
            description="Where the array stands: the keys that lead to it, with points between. "
            "Default: it is the document. `.`: the document is one object, and one row. What they "
            "lead to is an array: one object may be an envelope.",
            examples=["data", "result.records"],
        ),
    ] = None


def problems(given: Json) -> Iterator[Problem]:
    """Options that no file can be read with, with their paths below the format."""
    yield from jsonl.problems(given)
    if given.records is not None and given.records != WHOLE and not all(keys(given)):
        said = f"{given.records!r} has a key without a name"
        yield Problem(("records",), "bad-value", said, expected="keys such as `data.items`")


def keys(given: Json) -> list[str]:
    """The keys that lead to the array; none: the array is the document."""
    return [] if given.records is None else given.records.split(".")


__all__ = ["WHOLE", "Json", "keys", "known", "problems"]
