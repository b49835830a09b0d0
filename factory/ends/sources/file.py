"""Files in a store: a disk, S3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from factory import stores
from factory.definitions import formats
from factory.definitions.formats import types
from factory.definitions.formats.types import TypeWord
from factory.definitions.paths import is_pattern, own_copies
from factory.definitions.writes import Write
from factory.diagnostics import Path
from factory.ends.handover import FILES, Files
from factory.ends.source import format_columns, format_problems
from factory.ends.tasks import OPERATORS, task
from factory.fields import Strict, word_of
from factory.literals import is_template
from factory.plan.kind import Step
from factory.plan.model import Output, Task
from factory.problem import Problem

_EXAMPLES = ["file:///data/trips/{{ interval.day }}/*.csv.gz", "s3://lake/trips/*.parquet"]
_URI: Any = {"title": "file URI", "examples": _EXAMPLES}
FileUris = Annotated[list[Annotated[str, Meta(pattern=stores.ADDRESS, **_URI)]], Meta(min_length=1)]
# Only its schema knows the pattern: msgspec frees that of a text twice when the text is one of a
# union with a list, and the process crashes at its end (msgspec's issue 717).
FileUri = Annotated[str, Meta(extra_json_schema={"pattern": stores.ADDRESS}, **_URI)]
TypeWords = Annotated[dict[str, TypeWord], Meta(min_length=1)]
TaskCount = Annotated[int, Meta(ge=1, le=1000)]


_MOVE_TO = ("source", "when_done", "move_to")
_ONE_VALUE = "the type of one value, such as `text` or `date`"


class MoveTo(Strict, frozen=True, kw_only=True):
    """Files move to another folder, of any store."""

    move_to: Annotated[
        str,
        Meta(
            pattern=stores.ADDRESS,
            title="file URI",
            description="The folder, in which files keep their names below the folder that their "
            "pattern begins in. Jinja templates are filled in.",
            examples=["file:///archive/{{ interval.day }}/"],
        ),
    ]


class File(Strict, frozen=True, kw_only=True, tag="file", tag_field="type"):
    """Files on a disk that all workers see, or on S3. They are read where they are."""

    gives: ClassVar[tuple[str, ...]] = (FILES,)

    path: Annotated[
        FileUri | FileUris,
        Meta(
            description="One file, a pattern with `*`, or a list. Every path and pattern must "
            "match; a file that is found twice, also by a link, is read once. Jinja templates are "
            "filled in."
        ),
    ]
    format: Annotated[
        formats.Written,
        Meta(
            description="`csv`, `json`, `jsonl`, `parquet` or `xlsx`, or a mapping with options.",
            examples=["csv"],
        ),
    ]
    hive_partitioning: Annotated[
        bool | TypeWords,
        Meta(
            description="Read columns from the names of folders, as Hive keeps them "
            "(`country=DE/day=2024-01-31/`): all of them, as texts or as the target's table has "
            "them, or those that are named, each with its type. "
            "`__HIVE_DEFAULT_PARTITION__` is null.",
            examples=[{"day": "date"}, True],
        ),
    ] = False
    max_tasks: Annotated[
        TaskCount,
        Meta(description="Several files are shared out, by size, among at most so many tasks."),
    ] = 16
    on_missing: Annotated[
        Literal["fail", "skip"],
        Meta(description="When no file is there: fail, or skip this step and what needs it."),
    ] = "fail"

    only_new: Annotated[
        bool,
        Meta(
            description="Load each file once, by `append` or `merge`: which files are in is kept "
            "beside the target's ledger. When none is new, this step and what needs it are skipped."
        ),
    ] = False
    on_changed: Annotated[
        Literal["fail", "load", "ignore"],
        Meta(
            description="With `only_new`, when a file that is in has changed since: fail, load all "
            "of its rows beside those that are in, or leave it."
        ),
    ] = "fail"

    when_done: Annotated[
        Literal["delete"] | MoveTo | None,
        Meta(
            description="What becomes of the files when their rows are published: those that were "
            "loaded go, a file that has changed since stays.",
            examples=[{"move_to": "file:///archive/{{ interval.day }}/"}, "delete"],
        ),
    ] = None

    def paths(self) -> list[str]:
        """The paths and patterns, also when there is but one."""
        return [self.path] if isinstance(self.path, str) else list(self.path)

    def reads(self) -> list[str]:
        """The files that the spec names: not those that a pattern finds."""
        named = (path for path in self.paths() if not is_template(path) and not is_pattern(path))
        return [stores.without_connection(path) for path in named]

    def hand_over(self, step: Step, way: str) -> Files:
        """One task for one file; else a list of files first, and tasks that share them."""
        paths = self.paths()  # what a template gives may be a pattern, too: one task reads all
        once, done = self.only_new, self.when_done is not None
        if (
            not (once or done)
            and self.on_missing == "fail"
            and len(paths) == 1
            and not is_pattern(paths[0])
        ):
            return Files(format=self.format, files=paths, folders=self.hive_partitioning)
        arguments: dict[str, Any] = {
            "paths": paths,
            "max_tasks": self.max_tasks,
            "on_missing": self.on_missing,
        }
        if once:
            arguments["on_changed"] = self.on_changed
        if done:
            arguments["when_done"] = msgspec.to_builtins(self.when_done)
        listing = task(step, "list_files", f"{OPERATORS}.list_files.ListFiles", arguments)
        each, after = Output(listing.id), self._after(step)
        return Files(
            format=self.format,
            tasks=(listing,),
            each=each,
            once=once,
            after=after,
            folders=self.hive_partitioning,
        )

    def _after(self, step: Step) -> tuple[Task, ...]:
        """The task that takes the files away."""
        if self.when_done is None:
            return ()
        move_to = self.when_done.move_to if isinstance(self.when_done, MoveTo) else None
        name = "move_files" if move_to else "delete_files"
        return (task(step, name, f"{OPERATORS}.when_done.WhenDone", {"move_to": move_to}),)

    def problems(self) -> Iterator[Problem]:
        """Addresses of no file, and those of the format: files are looked for when it runs."""
        yield from format_problems(self.format)
        yield from self._folder_problems()
        for index, path in enumerate(self.paths()):
            place = ("source", "path") if path == self.path else ("source", "path", index)
            yield from stores.problems(path, place)
            yield from self._to_itself(path)
        if isinstance(self.when_done, MoveTo):
            yield from stores.problems(self.when_done.move_to, _MOVE_TO)
        if self.on_changed != "fail" and not self.only_new:
            yield Problem(
                ("source", "on_changed"),
                "no-effect",
                "nobody knows which files are in, so none is seen to change",
                expected="`only_new: true` beside it",
                at_key=True,
                severity="warning",
            )

    def named(self) -> Iterator[tuple[Path, str]]:
        """The columns that the format and the folders name."""
        yield from format_columns(self.format)
        if not isinstance(self.hive_partitioning, bool):
            place = ("source", "hive_partitioning")
            yield from (((*place, name), name) for name in self.hive_partitioning)

    def _folder_problems(self) -> Iterator[Problem]:
        """Types that there are none of, and columns that the files have as well."""
        if isinstance(self.hive_partitioning, bool):
            return
        place = ("source", "hive_partitioning")
        for problem in types.problems(self.hive_partitioning):
            yield msgspec.structs.replace(problem, path=(*place, *problem.path[1:]))
        known = formats.known(self.format) or ()
        for name, word in self.hive_partitioning.items():
            if types.element(word) is not None:
                message = f"{word} is a list, and a folder's name holds one value"
                yield Problem((*place, name), "bad-value", message, _ONE_VALUE)
            if name in known:
                message = f"the files have a column {name!r} already"
                expected = "another name for that, by `rename`"
                yield Problem((*place, name), "unknown-column", message, expected, at_key=True)

    def _to_itself(self, path: str) -> Iterator[Problem]:
        """Files that would be moved to where the next run finds them."""
        to = self.when_done.move_to if isinstance(self.when_done, MoveTo) else "{{"
        if not is_template(path) and not is_template(to):
            yield from own_copies(path, f"{to.rstrip('/')}/", _MOVE_TO)

    def alone(self, write: Write) -> Iterator[Path]:
        """Files that go when they are loaded, which a run beside this one has found, too."""
        found = (is_pattern(path) and not is_template(path) for path in self.paths())
        if self.when_done and not self.only_new and word_of(write) == "append" and any(found):
            yield ("source", "when_done")

    def again(self, write: Write) -> Iterator[Problem]:
        """Patterns by which each run adds the files of the runs before it once more."""
        if self.only_new or self.when_done or word_of(write) != "append":
            return
        for index, path in enumerate(self.paths()):
            if is_pattern(path) and not is_template(path):
                yield Problem(
                    ("source", "path") if path == self.path else ("source", "path", index),
                    "append-again",
                    "each run appends all files that match, those of the runs before it, too",
                    expected="a pattern that a template narrows, such as `{{ interval.day }}`",
                    hint="`only_new: true` beside it loads each file once",
                    severity="warning",
                )
