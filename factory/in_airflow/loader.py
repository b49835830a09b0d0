"""What the two files in `dags/` do: load every good spec, and report every bad one.

They are two because an import error on a Dag file stops the scheduling of all its DAGs: the
errors are raised by a file that has none.
"""

from __future__ import annotations

import gc
import logging
import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_parsing_context

from factory.diagnostics import Diagnostic
from factory.errors import BuildError, FactoryError, SpecError
from factory.in_airflow.fit import require_fit
from factory.in_airflow.render import render
from factory.project import CONFIGS, FOLDER, Project
from factory.spec import discover

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow.sdk import DAG

    from factory.plan.model import Pipeline

log = logging.getLogger(__name__)


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
        namespace |= {name: dag for name, dag, _ in build(root) if dag is not None}


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


def build(root: Path) -> Iterator[tuple[str, DAG | None, tuple[Diagnostic, ...]]]:
    """Every spec as (dag_id or file, DAG or None, what is wrong). Never raises."""
    try:
        project = Project(root)
    except FactoryError as error:
        yield root.name, None, (_at(root.name, error),)
        return
    start = time.monotonic()
    for outcome in project.outcomes():
        if outcome.diagnostics:
            yield outcome.path.stem, None, outcome.diagnostics
        for plan in outcome.plans:
            try:
                yield plan.dag_id, _built(plan, root, start), ()
            except BuildError as error:
                yield plan.dag_id, None, tuple(project.placed(plan, error))


def _built(plan: Pipeline, root: Path, start: float) -> DAG:
    """The DAG of a plan, as Airflow will take it; `start` is when the first was begun.

    :raises BuildError: it is refused, or used up Airflow's time limit for the whole Dag file.
    """
    begin = time.monotonic()
    try:
        dag = render(plan, root)
        require_fit(dag, plan)
    except BuildError:
        raise
    except BaseException as error:
        from airflow.exceptions import AirflowTaskTimeout

        now = time.monotonic()
        stuck = isinstance(error, AirflowTaskTimeout) and now - begin > (now - start) / 2
        if not stuck:
            raise
        message = f"an operator was still not built after {now - begin:.0f} s"
        raise BuildError(
            "", (), message, "it must not wait for anything when it is made"
        ) from error
    return dag


def report(loader_file: str) -> None:
    """Raise one error that lists every broken spec.

    :raises BrokenSpecs: there is at least one.
    """
    if get_parsing_context().dag_id:
        return
    broken = [
        entry
        for _, _, diagnostics in build(configs_beside(loader_file))
        for entry in diagnostics
        if entry.severity == "error"
    ]
    if broken:
        raise BrokenSpecs(_lines(broken))


def _one(root: Path, dag_id: str) -> DAG | None:
    """The DAG that a worker asks for; None when it is not one of ours."""
    project = Project(root)
    if discover.find(root, dag_id) is None:
        log.warning("there is no pipeline %r in %s", dag_id, root)
        return None
    plan = None
    try:
        plan = project.plan(dag_id)
        return render(plan, root)
    except SpecError as error:
        raise BrokenSpecs(_lines(error.diagnostics)) from None
    except BuildError as error:
        assert plan is not None
        raise BrokenSpecs(_lines(project.placed(plan, error))) from error


def _lines(diagnostics: Iterable[Diagnostic]) -> str:
    return "\n".join(["", *map(_line, dict.fromkeys(diagnostics))])


def _line(entry: Diagnostic) -> str:
    text = f"{entry.file}:{entry.line}:{entry.column}: {entry.message}"
    if entry.expected:
        text += f" (expected {entry.expected})"
    return f"{text} — {entry.hint}" if entry.hint else text


def _at(file: str, error: FactoryError) -> Diagnostic:
    return Diagnostic(
        file=file, line=1, column=1, code="not-built", message=error.message, hint=error.hint
    )
