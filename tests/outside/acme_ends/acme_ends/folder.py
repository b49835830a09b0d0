"""A folder of Parquet files, for those who query files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from factory.diagnostics import Path
from factory.ends.handover import FILES
from factory.ends.target import Takes
from factory.fields import Strict
from factory.literals import is_template
from factory.problem import Problem

FolderUri = Annotated[str, Meta(pattern=r"^file:///.*[^/]$", title="URI of a folder")]


class Folder(Strict, frozen=True, kw_only=True, tag="acme_folder", tag_field="type"):
    """A folder that keeps the files of each run."""

    takes: ClassVar[Takes] = Takes(
        handovers=(FILES,), modes=("append", "replace"), checks=(), keeps="files"
    )

    path: Annotated[
        FolderUri,
        Meta(
            description="The folder. Jinja templates are filled in.",
            examples=["file:///data/lake/numbers"],
        ),
    ]

    @property
    def label(self) -> str:
        """The folder, for people."""
        return self.path

    def writes(self) -> tuple[str, ...]:
        """The folder is the dataset, when its name is known before it runs."""
        return () if is_template(self.path) else (self.path,)

    def load(self) -> tuple[str, dict[str, Any]]:
        """The operator, and what it needs besides the staged files and the write mode."""
        return "acme_ends.keep_files.KeepFiles", {"path": self.path}

    def columns(self) -> Iterator[tuple[Path, str]]:
        """None is named."""
        yield from ()

    def problems(self, key: Sequence[str]) -> Iterator[Problem]:
        """What a person may have got wrong; places are those in the step's arguments."""
        if self.path.startswith("file:///tmp/"):
            message = "what is in /tmp goes when the machine starts anew"
            yield Problem(("target", "path"), "bad-value", message, severity="warning")
