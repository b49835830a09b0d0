"""Operators that have moved since Airflow 2."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from factory.diagnostics import Diagnostic, Path
from factory.lint.rules.scope import Linted, Scope
from factory.plan.model import Call, Ref
from factory.problem import Problem


def import_paths(scope: Scope) -> Iterator[Diagnostic]:
    """An import path of Airflow 2, in `uses` or in a `$call` or a `$ref`."""
    for linted in scope.linted():
        yield from linted.diagnose(_moved(linted))


def _moved(linted: Linted) -> Iterator[Problem]:
    for task in linted.plan.tasks:
        if task.uses != task.operator:
            continue
        yield from _problems(task.operator, linted.beside(task.step, "uses"))
        for place, path in _marks(task.arguments, ()):
            yield from _problems(path, linted.place(task.step, place))


def _marks(value: Any, place: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, Call):
        yield (*place, "$call"), value.path
        yield from _marks(value.arguments, (*place, "with"))
    elif isinstance(value, Ref):
        yield (*place, "$ref"), value.path
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from _marks(entry, (*place, key))
    elif isinstance(value, list | tuple):
        for index, entry in enumerate(value):
            yield from _marks(entry, (*place, index))


def _problems(path: str, place: Path) -> Iterator[Problem]:
    if not path.startswith("airflow."):
        return
    from factory.spec.moved import moved  # only a spec that names Airflow's paths pays for it

    found = moved(path)
    if found is None:
        return
    message = f"{path} is a path of Airflow 2"
    if found.still:
        message += ", which Airflow 3 follows for now"
    hint = f"or write `{found.kind}` in its place" if found.kind else ""
    yield Problem(
        place,
        "moved",
        message,
        expected=found.path or "an operator of a provider",
        hint=hint,
        severity="warning" if found.still else "error",
    )
