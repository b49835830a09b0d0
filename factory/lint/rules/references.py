"""Pipelines that name other pipelines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from factory.diagnostics import Diagnostic, Path, nearest
from factory.errors import SpecError
from factory.lint.rules.scope import Scope
from factory.plan.model import Pipeline
from factory.spec import discover
from factory.spec.resolve import Problem, Resolved
from factory.spec.validate import diagnose

_NAMES_A_DAG = ("trigger_dag_id", "external_dag_id")


def unknown_pipelines(scope: Scope) -> Iterator[Diagnostic]:
    """A trigger of a pipeline, or a wait for one, that is not in this root."""
    known: dict[str, tuple[str, ...]] = {}
    for outcome in scope.outcomes:
        if outcome.plans:
            known[outcome.path.stem] = tuple(plan.dag_id for plan in outcome.plans)
    for outcome in scope.outcomes:
        for plan, resolved in zip(outcome.plans, outcome.specs, strict=True):
            problems = list(_unknown(plan, resolved, scope, known))
            if problems:
                yield from diagnose(resolved, problems)


def _unknown(
    plan: Pipeline, resolved: Resolved, scope: Scope, known: dict[str, tuple[str, ...]]
) -> Iterator[Problem]:
    for task in plan.tasks:
        for name in _NAMES_A_DAG:
            wanted = task.arguments.get(name)
            if not isinstance(wanted, str) or "{{" in wanted or "{%" in wanted:
                continue
            stem = wanted.partition("__")[0]
            dags = known.get(stem) or _dags(scope, stem)
            known[stem] = dags
            if wanted in dags:
                continue
            near = nearest(wanted, {*scope.names, *dags} - {plan.dag_id})
            yield Problem(
                _place(resolved, task.id, wanted),
                "unknown-pipeline",
                f"there is no pipeline {wanted!r} in {scope.project.root.name}/",
                expected="the name of a file, without .yaml",
                hint=f"did you mean {near!r}?"
                if near
                else "it must come from another DAG folder of the same Airflow",
                severity="warning",
            )


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


def _place(resolved: Resolved, task_id: str, wanted: str) -> Path:
    """Where in the step of a task a name stands."""
    for index, task in enumerate(resolved.value["tasks"]):
        if task["id"] == task_id or task_id.startswith(f"{task['id']}."):
            inside = next(_leaves(task.get("with"), wanted, ()), ())
            return ("tasks", index, *(("with", *inside) if inside else ()))
    return ("tasks",)


def _leaves(value: Any, wanted: str, path: Path) -> Iterator[Path]:
    if value == wanted:
        yield path
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from _leaves(entry, wanted, (*path, key))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _leaves(entry, wanted, (*path, index))
