"""Files into a table: staged as Parquet, then loaded, each by a task of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from factory.definitions import writes
from factory.definitions.checks import Check, columns, plain, problems
from factory.definitions.writes import Write
from factory.diagnostics import MAX_TOLD, did_you_mean, one_of
from factory.fields import Strict
from factory.kinds.ingest import formats
from factory.kinds.ingest.parts import OPERATORS, Source, Target, any_of, task
from factory.literals import is_template
from factory.plan.kind import Fragment, Step, done
from factory.plan.model import Group, Output, Task
from factory.problem import Problem

if TYPE_CHECKING:
    AnySource = Source
    AnyTarget = Target
else:
    AnySource = any_of("factory.kinds.ingest.sources")
    AnyTarget = any_of("factory.kinds.ingest.targets")


_MAX_BAD_ROWS = 1000
BadRows = Annotated[int, Meta(ge=0)]


class Arguments(Strict, frozen=True, kw_only=True):
    """Load files into a table: staged, checked, then published in one transaction.

    Readers never see half a load, nor a load that failed its checks. A repeated run leaves the
    same rows.
    """

    source: Annotated[AnySource, Meta(description="Where the rows come from.")]
    target: Annotated[AnyTarget, Meta(description="Where the rows go.")]
    write: Annotated[Write, Meta(description="How the rows are written into the target.")]
    checks: Annotated[
        list[Check],
        Meta(
            description="What must hold of the staged rows before they are published.",
            examples=[[{"type": "row_count", "min": 1}]],
        ),
    ] = msgspec.field(default_factory=list)
    on_bad_row: Annotated[
        Literal["fail", "quarantine"],
        Meta(
            description="A row that is not what it was declared to be fails the task, or is set "
            "aside: into a file on the stage, with its line and the reason."
        ),
    ] = "fail"
    max_bad_rows: Annotated[
        BadRows, Meta(description="With `quarantine`: more bad rows than this in a task fail it.")
    ] = _MAX_BAD_ROWS
    lineage: Annotated[
        list[Literal["source_file", "loaded_at", "run_id"]],
        Meta(
            description="Columns to add, each with a `_` before its name: the file that a row "
            "came from, when it was converted, the run that did it.",
            examples=[["source_file", "loaded_at"]],
        ),
    ] = msgspec.field(default_factory=list)


def compile(step: Step) -> Fragment:
    """A group of tasks that hand files over on the stage; a teardown removes them.

    The teardown fails a run that a person ended, when Airflow would let it succeed. As it then
    stands for the tasks before it, `done` fails when the load does; nothing but such an end skips
    it.
    """
    given: Arguments = step.arguments
    staged = given.source.tasks(step)
    tasks = [*staged, _load(step, staged[-1])]
    first, last = tasks[0], tasks[-1]
    work = [msgspec.structs.replace(first, role="setup"), *tasks[1:]]
    end = done(step, settings={"trigger_rule": "none_failed"})
    arguments = {"after": last.id, "done": end.id, "retention": step.stage_retention}
    clean_up = task(step, "clean_up", f"{OPERATORS}.clean_up.CleanUp", arguments)
    clean_up = msgspec.structs.replace(
        clean_up, role="teardown", setups=(first.id,), fails_run=True
    )
    edges = [(before.id, after.id) for before, after in itertools.pairwise(tasks)]
    return Fragment(
        tasks=(*work, clean_up, end),
        first=(first.id,),
        last=(last.id,),
        edges=(*edges, (last.id, clean_up.id), (last.id, end.id)),
        group=Group(step.id, f"{type(given.source).__name__} → {given.target.table}"),
    )


def check(step: Step, folder: Path) -> Iterator[Problem]:
    """What no file, no table or no row can meet."""
    given: Arguments = step.arguments
    yield from given.source.problems()
    yield from given.target.problems(writes.key(given.write))
    yield from writes.check(given.write)
    yield from problems(given.checks, ("checks",))
    yield from _columns(given)
    if given.on_bad_row == "fail" and given.max_bad_rows != _MAX_BAD_ROWS:
        message = "no row is set aside: the first bad one fails the task"
        yield Problem(
            ("max_bad_rows",),
            "no-effect",
            message,
            expected="`on_bad_row: quarantine` beside it",
            at_key=True,
            severity="warning",
        )
    if step.stage is not None and not step.stage.startswith("file:///"):
        yield Problem(
            (),
            "stage",
            f"ingest cannot stage files at {step.stage}",
            expected="a stage that begins with file:///",
        )


def _columns(given: Arguments) -> Iterator[Problem]:
    """Columns that the load cannot have, where the spec says which it has."""
    known = formats.known(given.source.format)
    added = [f"_{name}" for name in given.lineage]
    for index, name in enumerate(added):
        if name in (known or formats.renamed(given.source.format)):
            message = f"the files have a column {name!r} already"
            yield Problem(("lineage", index), "unknown-column", message, "another name for that")
    if known is None:
        return
    named = (
        *writes.columns(given.write),
        *given.target.columns(),
        *columns(given.checks, ("checks",)),
    )
    there = sorted(known.union(added))
    wrong = ((path, name) for path, name in named if name not in known and name not in added)
    for path, name in itertools.islice(wrong, MAX_TOLD):
        if not is_template(name):
            yield Problem(
                path,
                "unknown-column",
                f"the load has no column {name!r}",
                expected=one_of(there),
                hint=did_you_mean(name, there),
            )


def _load(step: Step, staged: Task) -> Task:
    given: Arguments = step.arguments
    operator, arguments = given.target.load()
    arguments = {
        "staged": Output(staged.id),
        **arguments,
        "write": writes.plain(given.write),
        "checks": plain(given.checks),
    }
    asset = given.target.asset()
    load = task(step, "load", operator, arguments)
    return msgspec.structs.replace(load, outlets=(asset,) if asset else ())
