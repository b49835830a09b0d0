"""Pipelines that name other pipelines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from factory.diagnostics import MAX_TOLD, Diagnostic, Path, nearest, quoted
from factory.lint.rules.scope import Scope
from factory.problem import Problem
from factory.spec.resolve import Resolved
from factory.spec.validate import diagnose

_BY_KIND: dict[str, tuple[Path, ...]] = {
    "trigger": (("pipeline",),),
    "wait": (("for", "pipeline"),),
}
_OF_OPERATORS: tuple[Path, ...] = (("trigger_dag_id",), ("external_dag_id",))


def unknown_pipelines(scope: Scope) -> Iterator[Diagnostic]:
    """A trigger of a pipeline, or a wait for one, that is not in this root."""
    known = _Known(scope)
    for outcome in scope.outcomes:
        for resolved in outcome.specs:
            problems = list(_unknown(resolved, scope, known))
            if problems:
                yield from diagnose(resolved, problems)


class _Known:
    """The DAGs of each file, by its name; a file that is not linted is read when it is named."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.dags = {
            outcome.path.stem: {plan.dag_id for plan in outcome.plans}
            for outcome in scope.outcomes
            if outcome.plans
        }
        self.compared = 0

    def of(self, stem: str) -> set[str]:
        if stem not in self.dags:
            self.dags[stem] = _dags(self.scope, stem)
        return self.dags[stem]

    def near(self, wanted: str, but: str) -> str:
        """The nearest name: of the first only, for each is compared with all names."""
        self.compared += 1
        if self.compared > MAX_TOLD:
            return ""
        return nearest(wanted, {*self.scope.names, *self.of(wanted.partition("__")[0])} - {but})


def _unknown(resolved: Resolved, scope: Scope, known: _Known) -> Iterator[Problem]:
    for path, wanted in _named(resolved):
        if wanted in known.of(wanted.partition("__")[0]):
            continue
        near = known.near(wanted, resolved.dag_id)
        elsewhere = "it must come from another DAG folder of the same Airflow"
        yield Problem(
            path,
            "unknown-pipeline",
            f"there is no pipeline {quoted(wanted)} in {scope.project.root.name}/",
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


def _dags(scope: Scope, stem: str) -> set[str]:
    """The DAGs of a file; its name stands for them when it cannot be read."""
    path = scope.names.get(stem)
    if path is None:
        return set()
    try:
        return {resolved.dag_id for resolved in scope.project.resolved(path)}
    except Exception:  # told where that file is linted
        return {stem}
