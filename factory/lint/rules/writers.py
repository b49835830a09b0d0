"""Tables that several steps write."""

from __future__ import annotations

from collections.abc import Iterator

from factory.diagnostics import Diagnostic
from factory.lint.rules.scope import Linted, Scope
from factory.problem import Problem


def replaced_twice(scope: Scope) -> Iterator[Diagnostic]:
    """A table that two steps replace as a whole: the later one removes what the other loaded."""
    first: dict[str, str] = {}
    for linted in scope.linted():
        for step, uri in _replaced(linted):
            name = f"{step!r} of the pipeline {linted.plan.dag_id!r}"
            other = first.setdefault(uri, name)
            if other != name:
                yield from linted.diagnose([_problem(linted, step, uri, other)])


def _replaced(linted: Linted) -> Iterator[tuple[str, str]]:
    """The steps that replace a table, and its address."""
    for step in linted.plan.steps:
        write = linted.arguments(step.id).get("write")
        if isinstance(write, dict) and write.get("mode") == "replace":
            yield from ((step.id, uri) for uri in step.writes)


def _problem(linted: Linted, step: str, uri: str, other: str) -> Problem:
    return Problem(
        linted.place(step, ("write", "mode")),
        "two-writers",
        f"{uri} is replaced by {other}, too: each removes what the other has loaded",
        expected="one step that replaces a table",
        hint="load into a table of its own, or write by `partition`, `merge` or `append`",
        severity="warning",
    )
