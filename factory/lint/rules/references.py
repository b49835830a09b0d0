"""Pipelines that name other pipelines."""

from __future__ import annotations

from collections.abc import Iterator

from factory.diagnostics import MAX_TOLD, Diagnostic, nearest, quoted
from factory.lint.rules.scope import Linted, Scope
from factory.problem import Problem
from factory.spec import discover


def unknown_pipelines(scope: Scope) -> Iterator[Diagnostic]:
    """A trigger of a pipeline, or a wait for one, that is not in this root."""
    known = _Known(scope)
    for linted in scope.linted():
        yield from linted.diagnose(_unknown(linted, scope, known))


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
        return nearest(wanted, {*self.scope.names, *self.of(discover.file_of(wanted))} - {but})


def _unknown(linted: Linted, scope: Scope, known: _Known) -> Iterator[Problem]:
    for step in linted.plan.steps:
        for named in step.pipelines:
            if named.dag_id in known.of(discover.file_of(named.dag_id)):
                continue
            near = known.near(named.dag_id, linted.plan.dag_id)
            elsewhere = "it must come from another DAG folder of the same Airflow"
            yield Problem(
                linted.place(step.id, named.place),
                "unknown-pipeline",
                f"there is no pipeline {quoted(named.dag_id)} in {scope.project.root.name}/",
                expected="the name of a file, without .yaml",
                hint=f"did you mean {near!r}?" if near else elsewhere,
                severity="warning",
            )


def _dags(scope: Scope, stem: str) -> set[str]:
    """The DAGs of a file; its name stands for them when it cannot be read."""
    path = scope.names.get(stem)
    if path is None:
        return set()
    try:
        return {resolved.dag_id for resolved in scope.project.resolved(path)}
    except Exception:  # told where that file is linted
        return {stem}
