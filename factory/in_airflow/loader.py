"""What the two files in `dags/` do: load every good spec, and report every bad one.

They are two because an import error on a Dag file stops the scheduling of all its DAGs: the
errors are raised by a file that has none.
"""

from __future__ import annotations

import gc
import logging
import os
import time
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from airflow.sdk import Asset, get_parsing_context

from factory.diagnostics import Diagnostic
from factory.errors import BuildError, FactoryError, SpecError, TimeIsUp, is_fault, said
from factory.in_airflow.fit import require_fit
from factory.in_airflow.journal import Blame, Journal, journal, signature
from factory.in_airflow.net import Net
from factory.in_airflow.render import render
from factory.plan.kind import builtin_names, outside
from factory.project import CONFIGS, FOLDER, Outcome, Project
from factory.spec import discover

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from airflow.sdk import DAG

    from factory.plan.model import Pipeline, Task
    from factory.spec.resolve import Resolved

log = logging.getLogger(__name__)

_LONG = 5.0  # seconds: who waited for so long is left out by the next parse
_MAX_STRIKES = 2
NO_TIME = (
    "the pipeline is not built: the time that Airflow gives the loader was used up by others",
    "raise [core] dagbag_import_timeout, or look which operators are slow to import or to make",
)
_MAX_ERROR = 60_000  # bytes: what a TEXT of MySQL's holds, and more than a person reads


class BrokenSpecs(Exception):
    """Every spec that did not become a DAG, with file, line and column."""


def configs_beside(loader_file: str) -> Path:
    """The configuration root: `FACTORY_CONFIGS`, else `dag_factory_configs/` beside `dags/`.

    Relative to the loader's own file, so that a Git bundle's checkout reads its own specs.
    """
    named = os.environ.get(CONFIGS)
    if named:
        return Path(named).absolute()
    folder = Path(loader_file).absolute().parent
    beside = folder.parent / FOLDER
    return beside if beside.is_dir() or not (folder / FOLDER).is_dir() else folder / FOLDER


def load(loader_file: str, namespace: dict[str, Any]) -> None:
    """Put every good DAG into a Dag file's namespace; in a worker, only the one asked for.

    :raises BrokenSpecs: in a worker only, when its DAG is broken.
    """
    wanted = get_parsing_context().dag_id
    root = configs_beside(loader_file)
    if wanted:
        dag = _one(root, wanted)
        namespace |= {wanted: dag} if dag is not None else {}
        return
    with _no_garbage_collection():
        for name, dag, _ in build(root):
            if dag is not None:
                namespace[name] = dag


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """All that is built stays: to search it for garbage again and again is a fifth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


Built = tuple[str, "DAG | None", tuple[Diagnostic, ...]]


def build(root: Path, net: Callable[[Journal], Net] = Net) -> Iterator[Built]:
    """Every spec as (dag_id or file, DAG or None, what is wrong).

    Whatever a spec does, and whatever fails on it, is told of it alone. Those that run code of
    other packages come last, and those that a process died with or waited for last of all.

    :raises AirflowTaskTimeout: the time for the whole Dag file is up.
    """
    try:
        project = Project(root)
        found = discover.discover(root)
    except FactoryError as error:
        yield root.name, None, (_at(root.name, error.message, error.hint),)
        return
    except Exception as error:
        yield root.name, None, (_at(root.name, f"the folder cannot be read: {said(error)}"),)
        return
    for problem in found.problems:
        yield Path(problem.file).stem, None, (problem,)
    with journal(root) as kept:
        yield from Builder(project, net(kept)).build(found.files)


class Builder:
    """The pipelines of a root, one after the other."""

    def __init__(self, project: Project, net: Net) -> None:
        self.project = project
        self.net = net
        self.journal = net.journal
        self.names: dict[str, str] = {}  # of assets, by address
        self.addresses: dict[str, str] = {}  # of assets, by name

    def build(self, files: Iterable[Path]) -> Iterator[Built]:
        """The DAGs of files, the harmless first."""
        later: list[Outcome] = []
        suspects: list[Path] = []
        for path in files:
            if self._source(path) in self.journal.blames:
                suspects.append(path)
                continue
            outcome = self._outcome(path)
            if _runs_others(outcome):
                later.append(outcome)
            else:
                yield from self.dags(outcome)
        for outcome in later:
            if self.net.time_is_up:
                yield outcome.path.stem, None, (self._at(outcome.path, *NO_TIME),)
                continue
            yield from list(self.dags(outcome))
            self.net.tidy()
        for path in suspects:
            yield from self._guarded(path)
            self.net.tidy()

    def _guarded(self, path: Path) -> list[Built]:
        """What keeps a suspect from being tried (no process, no room on the disk) is told of it."""
        try:
            return list(self._suspect(path))
        except (OSError, ArithmeticError, ValueError) as error:
            reason = f"it ended a process, and cannot be tried again: {said(error)}"
            return [(path.stem, None, (self._blamed(path, reason),))]

    def _suspect(self, path: Path) -> Iterator[Built]:
        """Left out while it is known to do harm; else tried where it can do none."""
        source = self._source(path)
        blame = self.journal.blames[source]
        now = signature(self.project.root, path)
        if blame.holds(now, time.time()):
            yield path.stem, None, (self._blamed(path, blame.reason),)
            return
        if self.net.time_is_up:
            yield path.stem, None, (self._at(path, *NO_TIME),)
            return
        reason = self.net.trial(source, lambda: list(self.dags(self._outcome(path))))
        if not reason and blame.strikes > _MAX_STRIKES and blame.signature == now:
            reason = "it ended the process that built it, again and again"
        if reason:
            self._blame(path, reason, blame.strikes + (blame.signature == now))
            yield path.stem, None, (self._blamed(path, reason),)
            return
        # what ends the process now is found by the next one
        suspected = msgspec.structs.replace(blame, signature=now, reason="")
        self.journal.blame(source, suspected)
        yield from list(self.dags(self._outcome(path)))
        if self.journal.blames.get(source) == suspected:
            self.journal.acquit(source)

    def _outcome(self, path: Path) -> Outcome:
        start = time.monotonic()
        outcome, error = self.net.catch(
            self._source(path), partial(self.project.outcome, path), foreign=bool(outside())
        )
        if outcome is None:
            failed = self._failed(path, error, time.monotonic() - start)
            return Outcome(path=path, diagnostics=(failed,))
        return outcome

    def dags(self, outcome: Outcome) -> Iterator[Built]:
        """The DAGs of one file."""
        if outcome.diagnostics:
            yield outcome.path.stem, None, outcome.diagnostics
        foreign = _runs_others(outcome)
        for plan, resolved in zip(outcome.plans, outcome.specs, strict=True):
            start = time.monotonic()
            dag, error = self.net.catch(
                self._source(outcome.path), partial(self._built, plan), foreign=foreign
            )
            if dag is not None:
                yield plan.dag_id, dag, ()
            elif isinstance(error, BuildError):
                yield plan.dag_id, None, self._placed(outcome.path, resolved, error)
            else:
                failed = self._failed(outcome.path, error, time.monotonic() - start)
                yield plan.dag_id, None, (failed,)

    def _built(self, plan: Pipeline) -> DAG:
        """The DAG of a plan, as Airflow will take it beside those that were built before.

        :raises BuildError: it is refused.
        """
        dag = render(plan, self.project.root, built_for(self.project))
        require_fit(dag, plan)
        self._require_one_name(dag, plan)
        return dag

    def _require_one_name(self, dag: DAG, plan: Pipeline) -> None:
        """Of two names for one address Airflow takes the first, and fails the tasks of the other.

        :raises BuildError: a pipeline before this one gives an asset of it another name.
        """
        of_schedule = plan.waits.every if plan.waits else ()
        named = {uri: uri for uri in (*of_schedule, *(u for t in plan.tasks for u in t.outlets))}
        for task in dag.tasks if any(map(_is_of_others, plan.tasks)) else ():
            for asset in (*task.inlets, *task.outlets):
                if isinstance(asset, Asset):
                    named[asset.uri] = asset.name
        hint = "Airflow takes one name for an address, and one address for a name"
        for uri, name in named.items():
            known, other = self.names.get(uri, name), self.addresses.get(name, uri)
            if known != name:
                message = f"it names the asset {uri} {name!r}, and another pipeline {known!r}"
                raise BuildError("", (), message, hint)
            if other != uri:
                message = f"it has the name {name!r} for {uri}, and another pipeline for {other}"
                raise BuildError("", (), message, hint)
        self.names |= named
        self.addresses |= {name: uri for uri, name in named.items()}

    def _placed(self, path: Path, resolved: Resolved, error: BuildError) -> tuple[Diagnostic, ...]:
        try:
            return tuple(self.project.place(resolved, error))
        except BaseException as other:  # the place that a kind gave may be anything
            if not is_fault(other):
                raise
            return (self._at(path, error.message, error.hint),)

    def _failed(self, path: Path, error: BaseException | None, after: float) -> Diagnostic:
        if not isinstance(error, TimeIsUp):
            failed = self._at(path, f"building the pipeline fails: {said(error)}")
            return self._without_secrets(failed)
        reason = f"an operator was still not built after {after:.0f} s"
        if after >= _LONG:
            self._blame(path, reason, 1)
        return self._at(path, reason, "it must not wait for anything when it is made")

    def _without_secrets(self, entry: Diagnostic) -> Diagnostic:
        try:
            return self.project.without_secrets([entry])[0]
        except Exception:  # nothing is said that may be one
            return msgspec.structs.replace(entry, message="building the pipeline fails")

    def _blame(self, path: Path, reason: str, strikes: int) -> None:
        held = Blame(
            signature=signature(self.project.root, path),
            reason=reason,
            strikes=strikes,
            at=time.time(),
        )
        self.journal.blame(self._source(path), held)

    def _blamed(self, path: Path, reason: str) -> Diagnostic:
        hint = (
            "an operator or kind that it names, or something that they import, does this; it is "
            "left out until its file or a package has changed, and tried again now and then"
        )
        return self._at(path, f"the pipeline is left out: {reason}", hint)

    def _at(self, path: Path, message: str, hint: str = "") -> Diagnostic:
        return _at(discover.display(self.project.root, path), message, hint)

    def _source(self, path: Path) -> str:
        return path.relative_to(self.project.root).as_posix()


def _runs_others(outcome: Outcome) -> bool:
    """Whether building it runs code that did not come with the product."""
    return any(_is_of_others(task) for plan in outcome.plans for task in plan.tasks)


def _is_of_others(task: Task) -> bool:
    return task.uses not in builtin_names()


def report(loader_file: str) -> None:
    """Raise what `problems` gives; older copies of `dags/pipeline_errors.py` call it.

    :raises BrokenSpecs: there is at least one.
    """
    if found := problems(loader_file):
        raise found


def problems(loader_file: str) -> BrokenSpecs | None:
    """One error that lists every broken spec, to be raised by the Dag file itself.

    Raised there, Airflow shows that one line of the file, and none of ours.
    """
    if get_parsing_context().dag_id:
        return None
    root = configs_beside(loader_file)
    broken = [
        entry
        for _, _, diagnostics in build(root)
        for entry in diagnostics
        if entry.severity == "error"
    ]
    found = [*_unchosen(root), *broken]
    return BrokenSpecs(_lines(found)) if found else None


def _unchosen(root: Path) -> list[Diagnostic]:
    """Production without `FACTORY_ENV`: the pipelines run, and everybody sees it."""
    with suppress(FactoryError):  # told of the root itself
        found = Project(root).unchosen
        return [found] if found else []
    return []


def built_for(project: Project) -> str:
    """The environment, as a DAG's page tells it."""
    reason = ", since FACTORY_ENV is not set" if project.unchosen else ""
    return f"{project.environment}{reason}"


def _one(root: Path, dag_id: str) -> DAG | None:
    """The DAG that a worker asks for; None when it is not one of ours.

    :raises BrokenSpecs: it is broken.
    """
    project = Project(root)
    if discover.find(root, dag_id) is None:
        log.warning("there is no pipeline %r in %s", dag_id, root)
        return None
    try:
        plan, resolved = project.planned(dag_id)
    except SpecError as error:
        raise BrokenSpecs(_lines(error.diagnostics)) from None
    try:
        return render(plan, root, built_for(project))
    except BuildError as error:
        raise BrokenSpecs(_lines(project.place(resolved, error))) from None


def _lines(diagnostics: Iterable[Diagnostic]) -> str:
    """A line for each, and how many more there are than an import error can hold."""
    lines = list(dict.fromkeys(map(_line, diagnostics)))
    shown, size = [""], 0
    for line in lines:
        size += len(line.encode(errors="replace")) + 1
        if size > _MAX_ERROR:
            left = len(lines) - len(shown) + 1
            shown.append(f"… and {left:,} more problems: `factory lint` lists them")
            break
        shown.append(line)
    return "\n".join(shown)


def _line(entry: Diagnostic) -> str:
    text = f"{entry.file}:{entry.line}:{entry.column}: {entry.message}"
    if entry.expected:
        text += f" (expected {entry.expected})"
    if entry.read_in:
        text += f" (read in {entry.read_in})"
    if entry.called:
        text += f" (called from {entry.called})"
    return f"{text} — {entry.hint}" if entry.hint else text


def _at(file: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic(file=file, line=1, column=1, code="not-built", message=message, hint=hint)
