"""A folder of files, in any store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from factory import literals, stores
from factory.definitions import output, paths
from factory.diagnostics import Path
from factory.ends.handover import BATCHES, FILES
from factory.ends.target import Takes
from factory.ends.tasks import OPERATORS
from factory.fields import Size, Strict, in_bytes
from factory.literals import is_template
from factory.problem import Problem

FolderUri = Annotated[str, Meta(pattern=stores.ADDRESS, title="URI of a folder")]
ColumnName = Annotated[str, Meta(min_length=1)]
Prefix = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,99}$|\{\{", title="beginning of a name")
]
FILE_SIZE = "256MB"
PREFIX = "part"


class FileSet(Strict, frozen=True, kw_only=True, omit_defaults=True, tag="file", tag_field="type"):
    """A folder of Parquet, CSV or JSON Lines files, in any store.

    A load's files count from the moment that a manifest names them, and not before.
    """

    takes: ClassVar[Takes] = Takes(
        handovers=(FILES, BATCHES),
        modes=("append", "replace"),
        checks=("row_count", "not_null", "accepted_values", "range", "freshness"),
        keeps="files",
    )

    path: Annotated[
        FolderUri,
        Meta(
            description="The folder. Jinja templates are filled in: one for each day is "
            "`…/day={{ interval.day }}`.",
            examples=["file:///lake/orders", "s3://lake/orders/day={{ interval.day }}"],
        ),
    ]
    format: Annotated[
        output.Written,
        Meta(
            description="`parquet`, `csv` or `jsonl`, or a mapping with options.",
            examples=["parquet"],
        ),
    ] = "parquet"
    partition_by: Annotated[
        list[ColumnName],
        Meta(
            description="Columns whose values name folders, as Hive has them: `country=DE/`. They "
            "are not in the files.",
            examples=[["country"]],
        ),
    ] = msgspec.field(default_factory=list)
    file_size: Annotated[
        Size, Meta(description="About so large a file becomes before the next one begins.")
    ] = FILE_SIZE
    prefix: Annotated[
        Prefix,
        Meta(
            description="What the files' names begin with: `orders` makes "
            "`orders-<load>-<attempt>-00000.parquet`. Jinja templates are filled in."
        ),
    ] = PREFIX

    @property
    def label(self) -> str:
        """The folder, for people."""
        return self._folder

    @property
    def _folder(self) -> str:
        return self.path.rstrip("/") if not is_template(self.path) else self.path

    def writes(self) -> tuple[str, ...]:
        """The folder is the dataset, when its name is known before it runs."""
        return () if is_template(self.path) else (stores.without_connection(self._folder),)

    def load(self) -> tuple[str, dict[str, Any]]:
        """The operator that writes the files."""
        arguments: dict[str, Any] = {"path": self.path, "format": output.plain(self.format)}
        if self.partition_by:
            arguments["partition_by"] = list(self.partition_by)
        if self.file_size != FILE_SIZE:
            arguments["file_size"] = in_bytes(self.file_size)
        if self.prefix != PREFIX:
            arguments["prefix"] = self.prefix
        return f"{OPERATORS}.write_files.WriteFiles", arguments

    def columns(self) -> Iterator[tuple[Path, str]]:
        """Those that name folders."""
        for index, name in enumerate(self.partition_by):
            yield ("target", "partition_by", index), name

    def problems(self, key: Sequence[str]) -> Iterator[Problem]:
        """Addresses of no folder, options of no format, columns named twice."""
        yield from stores.problems(self.path, ("target", "path"))
        yield from _of_folder(self.path)
        for problem in output.problems(self.format):
            yield msgspec.structs.replace(problem, path=("target", "format", *problem.path))
        yield from literals.twice(self.partition_by, ("target", "partition_by"))


def _of_folder(path: str) -> Iterator[Problem]:
    """The root of a store, or a pattern."""
    if is_template(path):
        return
    place = ("target", "path")
    if not urlsplit(path).path.strip("/"):
        message = f"{path} is the root of a store"
        yield Problem(place, "bad-value", message, expected="a folder of its own for these files")
    elif paths.is_pattern(path):
        message = f"{path} is a pattern"
        yield Problem(place, "bad-value", message, expected="the name of one folder")
