"""Files that the worker can read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from factory import stores
from factory.definitions import formats
from factory.ends.handover import FILES, Files
from factory.ends.source import format_problems
from factory.ends.tasks import OPERATORS, task
from factory.fields import Strict
from factory.literals import is_template
from factory.plan.kind import Step
from factory.plan.model import Output
from factory.problem import Problem

FileUri = Annotated[
    str,
    Meta(
        pattern=rf"^({'|'.join(stores.SHARED.values())}|.*\{{\{{)",
        title="file URI",
        examples=["file:///data/trips/*.csv.gz"],
    ),
]
FileUris = Annotated[list[FileUri], Meta(min_length=1)]
TaskCount = Annotated[int, Meta(ge=1, le=1000)]


class File(Strict, frozen=True, kw_only=True, tag="file", tag_field="type"):
    """Files on a disk that all workers see. They are read where they are."""

    gives: ClassVar = (FILES,)

    path: Annotated[
        FileUri | FileUris,
        Meta(
            description="One file, a pattern with `*`, or a list. Every path and pattern must "
            "match. Jinja templates are filled in."
        ),
    ]
    format: Annotated[
        formats.Written,
        Meta(
            description="`csv`, `json`, `jsonl`, `parquet` or `xlsx`, or a mapping with options.",
            examples=["csv"],
        ),
    ]
    max_tasks: Annotated[
        TaskCount,
        Meta(description="Several files are shared out, by size, among at most so many tasks."),
    ] = 16
    on_missing: Annotated[
        Literal["fail", "skip"],
        Meta(description="When no file is there: fail, or skip this step and what needs it."),
    ] = "fail"

    def paths(self) -> list[str]:
        """The paths and patterns, also when there is but one."""
        return [self.path] if isinstance(self.path, str) else list(self.path)

    def reads(self) -> list[str]:
        """The files that the spec names: not those that a pattern finds."""
        return [path for path in self.paths() if not is_template(path) and not _is_pattern(path)]

    def hand_over(self, step: Step, way: str) -> Files:
        """One task for one file; else a list of files first, and tasks that share them."""
        paths = self.paths()
        if self.on_missing == "fail" and len(paths) == 1 and not _is_pattern(paths[0]):
            return Files(format=self.format, files=paths)
        arguments = {
            "paths": paths,
            "max_tasks": self.max_tasks,
            "on_missing": self.on_missing,
        }
        listing = task(step, "list_files", f"{OPERATORS}.list_files.ListFiles", arguments)
        return Files(format=self.format, tasks=(listing,), each=Output(listing.id))

    def problems(self) -> Iterator[Problem]:
        """Addresses of no file, and those of the format: files are looked for when it runs."""
        yield from format_problems(self.format)
        for index, path in enumerate(self.paths()):
            if not (path.startswith(("{{", "{%")) or stores.is_address(path)):
                place = ("source", "path") if path == self.path else ("source", "path", index)
                expected = f"an address that begins with {stores.beginnings()}"
                yield Problem(place, "format", f"{path!r} is not a file's address", expected)


def _is_pattern(path: str) -> bool:
    # What a template gives may be one, too: then one task reads all that match.
    return any(mark in path for mark in ("*", "?", "["))
