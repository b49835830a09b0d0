"""What the two files in `dags/` do: load every good spec, and report every bad one.

They are two because an import error on a Dag file stops the scheduling of all its DAGs: the
errors are raised by a file that has none.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from factory.diagnostics import Diagnostic
from factory.errors import FactoryError, SpecError
from factory.project import CONFIGS, FOLDER, Project

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    """Put every good DAG into a Dag file's namespace; in a worker, only the one asked for."""
    from airflow.sdk import get_parsing_context

    wanted = get_parsing_context().dag_id
    root = configs_beside(loader_file)
    if wanted:
        namespace[wanted] = _one(root, wanted)
        return
    for dag_id, dag, _ in build(root):
        if dag is not None:
            namespace[dag_id] = dag


def build(root: Path) -> Iterator[tuple[str, Any, tuple[Diagnostic, ...]]]:
    """Every spec as (dag_id or file, DAG or None, what is wrong)."""
    from factory.in_airflow.render import render

    try:
        project = Project(root)
    except FactoryError as error:
        yield root.name, None, (_at(root.name, error),)
        return
    for outcome in project.outcomes():
        if outcome.diagnostics:
            yield outcome.path.stem, None, outcome.diagnostics
        for plan in outcome.plans:
            try:
                yield plan.dag_id, render(plan, root), ()
            except FactoryError as error:
                yield plan.dag_id, None, (_at(f"{root.name}/{plan.source}", error),)


def report(loader_file: str) -> None:
    """Raise one error that lists every broken spec.

    :raises BrokenSpecs: there is at least one.
    """
    from airflow.sdk import get_parsing_context

    if get_parsing_context().dag_id:
        return
    broken = [
        entry
        for _, _, diagnostics in build(configs_beside(loader_file))
        for entry in diagnostics
        if entry.severity == "error"
    ]
    if broken:
        unique = list(dict.fromkeys(broken))
        raise BrokenSpecs("\n".join(["", *map(_line, unique)]))


def _one(root: Path, dag_id: str) -> Any:
    from factory.in_airflow.render import render

    try:
        return render(Project(root).plan(dag_id), root)
    except SpecError as error:
        raise BrokenSpecs("\n".join(["", *map(_line, error.diagnostics)])) from None


def _line(entry: Diagnostic) -> str:
    text = f"{entry.file}:{entry.line}:{entry.column}: {entry.message}"
    if entry.expected:
        text += f" (expected {entry.expected})"
    return f"{text} — {entry.hint}" if entry.hint else text


def _at(file: str, error: FactoryError) -> Diagnostic:
    return Diagnostic(
        file=file, line=1, column=1, code="not-built", message=error.message, hint=error.hint
    )
