"""Checks of staged rows, before anything is published."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Severity = Annotated[
    Literal["error", "warn"],
    Meta(description="`error` publishes nothing and fails the task; `warn` only logs."),
]
Count = Annotated[int, Meta(ge=0)]


class RowCount(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    tag="row_count",
    tag_field="type",
):
    """So many rows, at least or at most."""

    min: Annotated[Count | None, Meta(description="At least so many rows.")] = None
    max: Annotated[Count | None, Meta(description="At most so many rows.")] = None
    severity: Severity = "error"


class NotNull(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    tag="not_null",
    tag_field="type",
):
    """No null in these columns."""

    columns: Annotated[
        Annotated[list[str], Meta(min_length=1)],
        Meta(description="Names of columns.", examples=[["pickup_at"]]),
    ]
    severity: Severity = "error"


Check = RowCount | NotNull
