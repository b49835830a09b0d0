"""Files into a table: download → to_parquet → load, each a task of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from factory.kinds.ingest.checks import Check, RowCount
from factory.kinds.ingest.parts import OPERATORS
from factory.kinds.ingest.sources.file import File
from factory.kinds.ingest.sources.http import Http
from factory.kinds.ingest.targets.postgres import Postgres
from factory.kinds.ingest.writes import Write
from factory.plan.kind import Fragment, Step
from factory.plan.model import Group, Task
from factory.spec.model import Strict
from factory.spec.resolve import Problem


class Arguments(Strict, frozen=True, kw_only=True):
    """Load files into a table: staged, checked, then published in one transaction.

    Readers never see half a load, nor a load that failed its checks. A repeated run leaves the
    same rows.
    """

    source: Annotated[Http | File, Meta(description="Where the rows come from.")]
    target: Annotated[Postgres, Meta(description="Where the rows go.")]
    write: Annotated[Write, Meta(description="How the rows are written into the target.")]
    checks: Annotated[
        list[Check],
        Meta(
            description="What must hold of the staged rows before they are published.",
            examples=[[{"type": "row_count", "min": 1}]],
        ),
    ] = msgspec.field(default_factory=list)


def compile(step: Step) -> Fragment:
    """A group of tasks that hand files over on the stage; a teardown removes them."""
    given: Arguments = step.arguments
    tasks = [*_download(step), _convert(step), _load(step)]
    first, last = tasks[0], tasks[-1]
    work = [msgspec.structs.replace(first, role="setup"), *tasks[1:]]
    clean_up = _task(step, "clean_up", f"{OPERATORS}.clean_up.CleanUp", {"after": last.id})
    clean_up = msgspec.structs.replace(clean_up, role="teardown", setups=(first.id,))
    edges = [(before.id, after.id) for before, after in itertools.pairwise(tasks)]
    return Fragment(
        tasks=(*work, clean_up),
        first=(first.id,),
        last=(last.id,),
        edges=(*edges, (last.id, clean_up.id)),
        group=Group(step.id, f"{type(given.source).__name__} → {given.target.table}"),
    )


def check(step: Step, folder: Path) -> Iterator[Problem]:
    """Bounds that no row count can meet."""
    given: Arguments = step.arguments
    for index, entry in enumerate(given.checks):
        if isinstance(entry, RowCount):
            yield from _bounds(index, entry)
    if step.stage is not None and not step.stage.startswith("file:///"):
        yield Problem(
            (),
            "stage",
            f"ingest cannot stage files at {step.stage}",
            expected="a stage that begins with file:///",
        )


def _bounds(index: int, entry: RowCount) -> Iterator[Problem]:
    place = ("checks", index)
    if entry.min is None and entry.max is None:
        yield Problem(place, "one-of", "row_count says neither min nor max", expected="`min:`")
    elif entry.min is not None and entry.max is not None and entry.min > entry.max:
        yield Problem(
            (*place, "min"), "out-of-bounds", "min is above max", expected=f"at most {entry.max}"
        )


def _download(step: Step) -> list[Task]:
    given: Arguments = step.arguments
    arguments = given.source.download()
    return (
        []
        if arguments is None
        else [_task(step, "download", f"{OPERATORS}.download.Download", arguments)]
    )


def _convert(step: Step) -> Task:
    source = step.arguments.source
    arguments = {"files": source.files(), "format": source.format_options()}
    return _task(step, "to_parquet", f"{OPERATORS}.to_parquet.ToParquet", arguments)


def _load(step: Step) -> Task:
    given: Arguments = step.arguments
    operator, arguments = given.target.load()
    arguments |= {
        "write": msgspec.to_builtins(given.write),
        "checks": [msgspec.to_builtins(entry) for entry in given.checks],
    }
    asset = given.target.asset()
    task = _task(step, "load", operator, arguments)
    return msgspec.structs.replace(task, outlets=(asset,) if asset else ())


def _task(step: Step, name: str, operator: str, arguments: dict[str, Any]) -> Task:
    return Task(
        id=f"{step.id}.{name}",
        operator=operator,
        arguments={"stage": step.stage, **arguments},
        group=step.id,
    )
