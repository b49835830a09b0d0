"""Kinds of the project's own: which should be called no more, and what their templates read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from factory.diagnostics import Diagnostic, Path, did_you_mean, one_of, quoted
from factory.lint import jinja
from factory.lint.rules.scope import Linted, Scope, texts
from factory.plan.outputs import Outputs
from factory.problem import Problem
from factory.spec.diagnose import placed
from factory.spec.read import Document


def deprecated(scope: Scope) -> Iterator[Diagnostic]:
    """A call of a kind that says so of itself, with what it says."""
    for linted in scope.linted():
        yield from linted.diagnose(_deprecated(linted))


def _deprecated(linted: Linted) -> Iterator[Problem]:
    for index, call in enumerate(linted.resolved.group_call):
        if call is not None and (reason := call.kind.deprecated):
            message = f"the kind {quoted(call.kind.name)} is deprecated: {reason}"
            place = ("groups", index, "uses")
            yield Problem(place, "deprecated-kind", message, severity="warning")


def outside(scope: Scope) -> Iterator[Diagnostic]:
    """A template in a kind that reads no task of the kind: who calls it may not have that."""
    calls = (call for linted in scope.linted() for call in linted.resolved.group_call if call)
    asked = {*scope.files, *(call.kind.document.path for call in calls)}
    for document in scope.kinds:
        for problem in _outside(document) if document.path in asked else ():
            yield placed(document, problem.path, problem)


def _outside(document: Document) -> Iterator[Problem]:
    tasks = document.value["tasks"]
    known = [*_ids(tasks)]
    if any("${" in name for name in known):
        return
    for place, text in texts(tasks, ("tasks",)):
        for one in jinja.steps(text):
            first = one.step.partition("[")[0].partition(".")[0]
            if first in known or "$" in one.step:
                continue
            yield Problem(
                place,
                "unknown-task",
                f"there is no task {quoted(first)} in this kind",
                expected=f"{one_of(known)}; or a parameter that is given the output",
                hint=did_you_mean(first, known),
                part=one.part,
                nth=one.nth,
            )


def _ids(tasks: Any) -> Iterator[str]:
    for entry in tasks if isinstance(tasks, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("id"), str):
            yield entry["id"]
            yield from _ids(entry.get("tasks"))


def captured(scope: Scope) -> Iterator[Diagnostic]:
    """A template that a call gives as a parameter, and that would read a task of the kind's own."""
    for linted in scope.linted():
        if any(linted.resolved.group_call):
            yield from linted.diagnose(_captured(linted))


def _captured(linted: Linted) -> Iterator[Problem]:
    outputs = Outputs(linted.plan)
    for index, call in enumerate(linted.resolved.group_call):
        if call is None:
            continue
        group = linted.resolved.groups[index]["id"]
        inside = [step.id for step in linted.plan.steps if step.id.startswith(f"{group}.")]
        given: Path = ("groups", index, "with")
        for place, text in texts(call.scope.params, given):
            for one in jinja.steps(text):
                meant = _means(outputs, one, group)
                if all(_means(outputs, one, step) == meant for step in inside):
                    continue
                message = (
                    f"{quoted(one.step)} is also the name of a task in {quoted(call.kind.name)}, "
                    "which reads this"
                )
                expected = "the name of a task that the kind has not"
                yield Problem(place, "duplicate-id", message, expected, part=one.part, nth=one.nth)


def _means(outputs: Outputs, one: jinja.Read, reader: str) -> list[str]:
    step = outputs.behind(one.step, one.output, reader) if one.output else one.step
    return outputs.steps(step, reader) if step else []
