"""How rows are written into a target."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from factory.spec.model import Strict

Names = Annotated[list[str], Meta(min_length=1)]


class Append(Strict, frozen=True, kw_only=True, tag_field="mode", tag="append"):
    """Add the rows. A run that is repeated adds them once."""


class Replace(Strict, frozen=True, kw_only=True, tag_field="mode", tag="replace"):
    """The rows become the whole table."""


class Merge(Strict, frozen=True, kw_only=True, tag_field="mode", tag="merge"):
    """Update the rows whose key is there already, add the others."""

    key: Annotated[
        Names,
        Meta(description="Columns that together name one row.", examples=[["order_id"]]),
    ]


Write = Append | Replace | Merge
