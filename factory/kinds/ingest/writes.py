"""How rows are written into a target."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

Names = Annotated[list[str], Meta(min_length=1)]


class Append(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="mode",
    tag="append",
):
    """Add the rows. A run that is repeated adds them once."""


class Replace(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="mode",
    tag="replace",
):
    """The rows become the whole table."""


class Merge(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="mode",
    tag="merge",
):
    """Update the rows whose key is there already, add the others."""

    key: Annotated[
        Names,
        Meta(description="Columns that together name one row.", examples=[["order_id"]]),
    ]


Write = Append | Replace | Merge
