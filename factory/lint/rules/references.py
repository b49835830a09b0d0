"""Pipelines that name other pipelines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from factory.diagnostics import Diagnostic, Path, nearest
from factory.errors import SpecError
from factory.lint.rules.scope import Scope
from factory.spec import discover
from factory.spec.problem import Problem
from factory.spec.resolve import Resolved
from factory.spec.validate import diagnose

_BY_KIND: dict[str, tuple[Path, ...]] = {
    "trigger": (("pipeline",),),
    "wait": (("for", "pipeline"),),
}
_OF_OPERATORS: tuple[Path, ...] = (("trigger_dag_id",), ("external_dag_id",))


def unknown_pipelines(scope: Scope) -> Iterator[Diagnostic]:
    """A trigger of a pipeline, or a wait for one, that is not in this root."""
    known: dict[str, tuple[str, ...]] = {}
    for outcome in scope.outcomes:
        if outcome.plans:
            known[outcome.path.stem] = tuple(plan.dag_id for plan in outcome.plans)
    for outcome in scope.outcomes:
        for resolved in outcome.specs:
            problems = list(_unknown(resolved, scope, known))
            if problems:
                yield from diagnose(resolved, problems)


def _unknown(
    resolved: Resolved, scope: Scope, known: dict[str, tuple[str, ...]]
) -> Iterator[Problem]:
    for path, wanted in _named(resolved):
        stem = wanted.partition("__")[0]
        if stem not in known:
            known[stem] = _dags(scope, stem)
        if wanted in known[stem]:
            continue
        near = nearest(wanted, {*scope.names, *known[stem]} - {resolved.dag_id})
        elsewhere = "it must come from another DAG folder of the same Airflow"
        yield Problem(
            path,
            "unknown-pipeline",
            f"there is no pipeline {wanted!r} in {scope.project.root.name}/",
            expected="the name of a file, without .yaml",
            hint=f"did you mean {near!r}?" if near else elsewhere,
            severity="warning",
        )


def _named(resolved: Resolved) -> Iterator[tuple[Path, str]]:
    """The pipelines that the tasks name, with their places; templates are known at run time."""
    for index, task in enumerate(resolved.value["tasks"]):
        paths = _OF_OPERATORS if "." in task["uses"] else _BY_KIND.get(task["uses"], ())
        for path in paths:
            value: Any = task.get("with")
            for part in path:
                value = value.get(part) if isinstance(value, dict) else None
            if isinstance(value, str) and "{{" not in value and "{%" not in value:
                yield ("tasks", index, "with", *path), value


def _dags(scope: Scope, stem: str) -> tuple[str, ...]:
    """The DAGs of a file; its name stands for them when it cannot be read."""
    if stem not in scope.names:
        return ()
    path = discover.find(scope.project.root, stem)
    if path is None:
        return ()
    try:
        return tuple(resolved.dag_id for resolved in scope.project.resolved(path))
    except SpecError:
        return (stem,)
