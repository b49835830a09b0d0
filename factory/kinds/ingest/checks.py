"""Checks of staged rows, before anything is published."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from factory.spec.model import Strict

Severity = Annotated[
    Literal["error", "warn"],
    Meta(description="`error` publishes nothing and fails the task; `warn` only logs."),
]
Count = Annotated[int, Meta(ge=0)]


class RowCount(
    Strict, frozen=True, kw_only=True, omit_defaults=True, tag="row_count", tag_field="type"
):
    """So many rows, at least or at most."""

    min: Annotated[Count | None, Meta(description="At least so many rows.")] = None
    max: Annotated[Count | None, Meta(description="At most so many rows.")] = None
    severity: Severity = "error"


class NotNull(
    Strict, frozen=True, kw_only=True, omit_defaults=True, tag="not_null", tag_field="type"
):
    """No null in these columns."""

    columns: Annotated[
        Annotated[list[str], Meta(min_length=1)],
        Meta(description="Names of columns.", examples=[["pickup_at"]]),
    ]
    severity: Severity = "error"


Check = RowCount | NotNull
