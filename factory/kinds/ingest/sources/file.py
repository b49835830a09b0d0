"""Files that the worker can read."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from factory.kinds.ingest.formats import Format, options
from factory.spec.model import Strict

FileUri = Annotated[
    str,
    Meta(pattern=r"^(file:///|.*\{\{)", title="file URI", examples=["file:///data/trips/*.csv.gz"]),
]


class File(Strict, frozen=True, kw_only=True, tag="file", tag_field="type"):
    """Files on a disk that all workers see."""

    path: Annotated[
        FileUri | list[FileUri],
        Meta(description="One file, a pattern with `*`, or a list. Jinja templates are filled in."),
    ]
    format: Annotated[
        Format,
        Meta(description="`csv` or `parquet`, or a mapping with options.", examples=["csv"]),
    ]

    def download(self) -> None:
        """Read in place."""

    def files(self) -> list[str]:
        """The URIs and patterns."""
        return [self.path] if isinstance(self.path, str) else list(self.path)

    def format_options(self) -> dict[str, object]:
        """The format with its options."""
        return options(self.format)
