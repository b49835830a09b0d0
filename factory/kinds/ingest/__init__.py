"""Files into a table: staged as Parquet, then loaded, each by a task of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta

from factory import stores
from factory.choices import blaming, is_outside
from factory.definitions import identifiers, writes
from factory.definitions.checks import Check, columns, plain, problems
from factory.definitions.writes import Write
from factory.diagnostics import MAX_TOLD, did_you_mean, one_of
from factory.diagnostics import Path as Place
from factory.ends import fit, handover
from factory.ends.fit import Misfit
from factory.ends.handover import FILES, ROWS, Batches, Files, Handover, Rows
from factory.ends.source import NamesColumns, NamesFiles, ReadsAgain, ReadsByDate, RunsAlone
from factory.ends.sources import AnySource
from factory.ends.target import AsksForTimes, Target
from factory.ends.targets import AnyTarget
from factory.ends.tasks import OPERATORS, SKIP_IF_MISSING, convert, stage, task
from factory.errors import BuildError, together
from factory.fields import Strict, word_of
from factory.literals import is_template
from factory.plan.bracket import bracket
from factory.plan.kind import Fragment, Step, done
from factory.plan.model import Dated, Group, Output, Task
from factory.problem import Problem

OUTPUT = "what the load did: `rows` in the target, rows `read`, `checks`, `seconds`, …"
_LOAD = "load"
_MAX_BAD_ROWS = 1000
BadRows = Annotated[int, Meta(ge=0)]


class Arguments(Strict, frozen=True, kw_only=True):
    """Load files into a table, or into files of another kind: staged, checked, then published.

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

    Rows that the target loads from where they stand leave nothing there, and need none.

    The teardown fails a run that a person ended, when Airflow would let it succeed. As it then
    stands for the tasks before it, `done` fails when the load does; nothing but such an end skips
    it.
    """
    given: Arguments = step.arguments
    refused = (
        BuildError(step.id, ("with", *path), message, expected=expected)
        for path, message, expected in _misfits(given)
    )
    if (error := together(refused)) is not None:
        raise error
    handed = _handed(step)
    if isinstance(handed, Rows):
        fragment = _chain(step, [*handed.tasks, _load(step, {"rows": handed.rows})])
    else:
        staged = _staged(step, handed)
        load = _load(step, {"staged": Output(staged.id), **_of_files(handed)})
        after = handed.after if isinstance(handed, Files) else ()
        fragment = _bracketed(step, [*handed.tasks, staged, load, *after])
    with blaming(given.source, "source"):
        read = tuple(given.source.reads())
    return msgspec.structs.replace(
        fragment,
        output=f"{step.id}.{_LOAD}",
        skipping=tuple(_skipping(handed)),
        reads=read,
        dates=_dates(given, handed),
        alone=_alone(given),
    )


def _skipping(handed: Handover) -> Iterator[str]:
    """The tasks that skip the step where there is no file, or none is new."""
    for place, each in enumerate(handed.tasks, 1):
        looks_for_new = isinstance(handed, Files) and handed.once and place == len(handed.tasks)
        skips = each.operator == SKIP_IF_MISSING or each.arguments.get("on_missing") == "skip"
        if looks_for_new or skips:
            yield each.id


def _alone(given: Arguments) -> tuple[Place, ...]:
    """Why no run may be beside another."""
    if not isinstance(given.source, RunsAlone):
        return ()
    with blaming(given.source, "source"):
        return msgspec.convert(tuple(given.source.alone(given.write)), tuple[Place, ...])


def _dates(given: Arguments, handed: Handover) -> tuple[Dated, ...]:
    """What the source and the write mode take from the run's date."""
    read: tuple[Dated, ...] = ()
    if isinstance(given.source, ReadsByDate):
        with blaming(given.source, "source"):
            read = msgspec.convert(tuple(given.source.dates()), tuple[Dated, ...])
    if not writes.is_of_the_run(given.write):
        return read
    days = _of_days(given.write, handed)
    return (*read, Dated(writes.INTERVAL, "`start:` and `end:`", ("write",), days))


def _of_days(write: writes.Write, handed: Handover) -> bool:
    """Whether rows are written by the day: only a date whose type the spec declares is known."""
    return (
        isinstance(write, writes.Partition) and handover.types(handed).get(write.column) == "date"
    )


def _of_files(handed: Files | Batches) -> dict[str, bool]:
    """What the load is told of the source's files."""
    if not isinstance(handed, Files):
        return {}
    told = {"once": handed.once, "keep_list": bool(handed.after)}
    return {name: True for name, is_so in told.items() if is_so}


def _staged(step: Step, handed: Files | Batches) -> Task:
    """What leaves the rows as Parquet on the stage."""
    given: Arguments = step.arguments
    if isinstance(handed, Batches):
        return stage(step, handed, lineage=given.lineage)
    aside = given.max_bad_rows if given.on_bad_row == "quarantine" else None
    return convert(step, handed, target=given.target, max_bad_rows=aside, lineage=given.lineage)


def _handed(step: Step) -> Handover:
    """What the source hands over, as the target prefers."""
    given: Arguments = step.arguments
    way = fit.way(given.source, given.target)
    assert way is not None, "a misfit"
    with blaming(given.source, "source"):
        handed = given.source.hand_over(step, way)
        if is_outside(given.source):
            handover.require(handed)
    if isinstance(handed, Files) and handed.once:
        return _asking(step, handed)
    return handed


def _asking(step: Step, handed: Files) -> Files:
    """The last task asks the target which files are in."""
    *before, last = handed.tasks
    target = step.arguments.target
    asked = {name: getattr(target, name) for name in target.takes.ledger}
    where = {name: given for name, given in asked.items() if given is not None}
    more = {**where, "load": f"{step.id}.{_LOAD}"}
    asking = msgspec.structs.replace(last, arguments={**last.arguments, **more})
    return msgspec.structs.replace(handed, tasks=(*before, asking))


def _chain(step: Step, tasks: list[Task]) -> Fragment:
    """Tasks one after the other, which leave nothing on the stage."""
    edges = tuple((before.id, after.id) for before, after in itertools.pairwise(tasks))
    first, last = (tasks[0].id,), (tasks[-1].id,)
    return Fragment(
        tasks=tuple(tasks),
        first=first,
        last=last,
        edges=edges,
        group=Group(step.id, _tooltip(step)),
    )


def _bracketed(step: Step, tasks: list[Task]) -> Fragment:
    """The same between the first task, which sets up, and what removes the staged files."""
    first, *work = tasks
    end = done(step, settings={"trigger_rule": "none_failed"})
    arguments = {"after": work[-1].id, "done": end.id, "retention": step.stage_retention}
    return bracket(
        step,
        set_up=(first,),
        work=work,
        tear_down=task(step, "clean_up", f"{OPERATORS}.clean_up.CleanUp", arguments),
        done=end,
        last="work",
        tooltip=_tooltip(step),
    )


def _tooltip(step: Step) -> str:
    given: Arguments = step.arguments
    with blaming(given.target, "target"):
        return f"{type(given.source).__name__} → {given.target.label}"


def _misfits(given: Arguments) -> Iterator[Misfit]:
    """What the source and the target cannot do together, or the target not at all."""
    yield from fit.misfits(given.source, given.target, given.write, given.checks)
    way = fit.way(given.source, given.target) or ""
    if way == FILES:
        return
    source = f"`{word_of(given.source)}`"
    if given.on_bad_row == "quarantine":
        message = f"{source} gives no files: no row is read that could be a bad one"
        yield Misfit(("on_bad_row",), message, "`fail`")
    for index, name in enumerate(given.lineage):
        if way.startswith(ROWS) or name == "source_file":
            message = f"{source} gives no files, to whose rows `{name}` could be added"
            yield Misfit(("lineage", index), message, "no such column")


def inspect(step: Step, folder: Path) -> Iterator[Problem]:
    """What no file, no table or no row can meet."""
    given: Arguments = step.arguments
    with blaming(given.source, "source"):
        yield from given.source.problems()
        if isinstance(given.source, NamesFiles):
            yield from given.source.beside(folder)
        if isinstance(given.source, ReadsAgain):
            yield from given.source.again(given.write)
    yield from _replaced(given)
    with blaming(given.target, "target"):
        yield from given.target.problems(writes.key(given.write))
    yield from writes.problems(given.write)
    yield from problems(given.checks, ("checks",))
    named = tuple(_named(given))
    all_named, holds = (*_of_source(given), *named), given.target.takes.holds
    yield from identifiers.columns(all_named, holds)
    yield from identifiers.once(all_named, holds)
    if fit.way(given.source, given.target) is not None:  # else it is not built
        handed = _handed(step)
        yield from _columns(given, handed, named)
        yield from _times(given, handed)
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
    if step.stage is not None:
        yield from stores.problems(step.stage, ("stage",), of_pipeline=True)
    yield from _through(given.target, step.stage)


def _through(target: Target, stage: str | None) -> Iterator[Problem]:
    """A target whose system reads files of one kind of store alone, and no folder in such."""
    if target.takes.through is None:
        return
    field, scheme = target.takes.through
    is_one = stage is not None and (is_template(stage) or stores.scheme_of(stage) == scheme)
    if getattr(target, field) is None and not is_one:
        where = "nothing here says what the stage is" if stage is None else f"the stage is {stage}"
        yield Problem(
            ("target",),
            "missing-key",
            f"rows reach `{word_of(target)}` through files of {scheme}://, and {where}",
            expected=f"`{field}: {scheme}://…`, or a `stage` of {scheme}://",
        )


def _replaced(given: Arguments) -> Iterator[Problem]:
    """A table, or a folder, that each run would leave with the rows of its own interval alone."""
    if word_of(given.write) != "replace" or not isinstance(given.source, ReadsByDate):
        return
    with blaming(given.source, "source"):
        dated = tuple(given.source.dates())
    with blaming(given.target, "target"):
        whole = tuple(given.target.writes())
    if dated and whole:
        yield Problem(
            ("write", "mode"),
            "replace-by-interval",
            "each run replaces all that is there with the rows of its own interval",
            expected="`merge`, `partition` or `append`, or a target that a template names",
            severity="warning",
        )


def _of_source(given: Arguments) -> Iterator[tuple[Place, str]]:
    """Columns of the load that the source names, with their places."""
    if isinstance(given.source, NamesColumns):
        with blaming(given.source, "source"):
            yield from given.source.named()


def _named(given: Arguments) -> Iterator[tuple[Place, str]]:
    """Columns of the load that others name."""
    yield from writes.columns(given.write)
    with blaming(given.target, "target"):
        yield from given.target.columns()
    yield from columns(given.checks, ("checks",))


def _columns(
    given: Arguments, handed: Handover, named: Sequence[tuple[Place, str]]
) -> Iterator[Problem]:
    """Columns that the load cannot have, where the spec says which it has."""
    known = handover.known(handed)
    added = [f"_{name}" for name in given.lineage]
    for index, name in enumerate(added):
        if name in (known or handover.renamed(handed)):
            message = f"the files have a column {name!r} already"
            yield Problem(("lineage", index), "unknown-column", message, "another name for that")
    if known is None:
        return
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


def _times(given: Arguments, handed: Handover) -> Iterator[Problem]:
    """Columns that must be times, and are declared as something else."""
    asked = [*writes.times(given.write)]
    if isinstance(given.target, AsksForTimes):
        with blaming(given.target, "target"):
            asked += given.target.times()
    declared = handover.types(handed)
    for path, name, words in asked:
        if (word := declared.get(name)) is not None and word not in words:
            message = f"the column {name!r} is declared to be {word}"
            yield Problem(path, "bad-value", message, f"a column that is {one_of(words)}")


def _load(step: Step, rows: Mapping[str, Any]) -> Task:
    given: Arguments = step.arguments
    with blaming(given.target, "target"):
        operator, arguments = given.target.load()
        outlets = tuple(given.target.writes())
    arguments = {
        **rows,
        **arguments,
        "write": writes.plain(given.write),
        "checks": plain(given.checks),
    }
    load = task(step, _LOAD, operator, arguments)
    dry_run = given.target.takes.dry_run or UNSET
    return msgspec.structs.replace(load, outlets=outlets, dry_run=dry_run)
