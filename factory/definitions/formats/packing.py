"""What is read of an archive."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

Member = Annotated[
    str | None,
    Meta(
        description="Of a zip, the files whose names match, as files of one table. Without it, a "
        "zip must hold one table: what systems leave there, licences and the like do not count.",
        examples=["*.csv", "data/2024-*.csv"],
    ),
]
