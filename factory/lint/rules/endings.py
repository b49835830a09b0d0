"""Runs that end as a success although their work has failed."""

from __future__ import annotations

import graphlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from factory.diagnostics import Diagnostic, Path, quoted
from factory.lint.rules.scope import Linted, Scope
from factory.plan.bracket import FAILING
from factory.plan.model import Pipeline, PlannedStep
from factory.problem import Problem

_End = Literal["success", "failed", "skipped"]

_IF = {"all_failed": all, "one_failed": any}
"""Rules by which a task runs because of failures, and is skipped without."""
_ONE = frozenset({"one_success", "all_done_min_one_success"})


def hidden_failures(scope: Scope) -> Iterator[Diagnostic]:
    """A step that runs whatever happened, and behind it nothing that fails with what it needs.

    To Airflow a run has failed when a task has failed behind which no other comes.
    """
    for linted in scope.linted():
        rules = _rules(linted.plan)
        if not rules.keys().isdisjoint(_hiding(rules)):
            yield from linted.diagnose(_problems(linted, rules))


def _problems(linted: Linted, rules: Mapping[str, str]) -> Iterator[Problem]:
    plan = linted.plan
    steps = {step.id: step for step in plan.steps}
    order = [*graphlib.TopologicalSorter({s.id: s.needs for s in plan.steps}).static_order()]
    told = _told(plan)
    for name in _hiding(rules):
        for need in steps[name].needs:
            if need not in told and not _fails(steps, order, rules, need):
                yield _problem(_place(linted, name), steps, need, rules[name])
                break


def _hiding(rules: Mapping[str, str]) -> list[str]:
    return [name for name, rule in rules.items() if rule not in FAILING]


def _rules(plan: Pipeline) -> dict[str, str]:
    """The trigger rule of each step; a teardown has `done` beside it, which fails with its work."""
    found: dict[str, str] = {}
    for task in plan.tasks:
        rule = task.settings.get("trigger_rule", task.arguments.get("trigger_rule"))
        said = rule if isinstance(rule, str) and task.role != "teardown" else "all_success"
        found.setdefault(task.step, said)
    return found


def _told(plan: Pipeline) -> set[str]:
    """Steps that fail the run by a task of their own, behind which no other comes."""
    before = {first for first, _ in plan.edges}
    return {task.step for task in plan.tasks if task.id not in before and task.role == "task"}


def _fails(
    steps: Mapping[str, PlannedStep], order: Sequence[str], rules: Mapping[str, str], failed: str
) -> bool:
    """Whether the run fails when this step does, and no other by itself."""
    ends: dict[str, _End] = {failed: "failed"}
    last = {*steps}
    for name in order:
        needs = steps[name].needs
        last.difference_update(needs)
        if name != failed and any(need in ends for need in needs):
            ends[name] = _end(rules[name], [ends.get(need, "success") for need in needs])
    return any(ends.get(name) == "failed" for name in last)


def _end(rule: str, needs: Sequence[_End]) -> _End:
    failed = [end == "failed" for end in needs]
    if rule in _IF:
        return "success" if _IF[rule](failed) else "skipped"
    if rule in _ONE:
        return "success" if "success" in needs else "failed"
    if rule == "all_skipped" or (rule in ("all_success", "none_skipped") and "skipped" in needs):
        return "failed" if any(failed) and rule == "all_success" else "skipped"
    return "failed" if rule in FAILING and any(failed) else "success"


def _place(linted: Linted, step: str) -> Path:
    if "trigger_rule" in linted.arguments(step):
        return linted.place(step, ("trigger_rule",))
    return (*linted.beside(step, "uses")[:-1], "trigger_rule")


def _problem(place: Path, steps: Mapping[str, PlannedStep], need: str, rule: str) -> Problem:
    begun = "" if rule in _IF else _begun(steps, need)
    other = f"let another task need {quoted(need)}, without a trigger rule"
    return Problem(
        place,
        "hidden-failure",
        f"when {quoted(need)} fails, the run ends as a success: `{rule}` behind it hides that",
        expected="a task that fails with it",
        hint=(
            f"to end what {quoted(begun)} began, write `teardown_for: [{begun}]` in place of "
            f"`needs` and `trigger_rule`; else {other}"
            if begun
            else other
        ),
        severity="warning",
        at_key=True,
    )


def _begun(steps: Mapping[str, PlannedStep], need: str) -> str:
    """The first of what the work needs, which this step may end; none, if it needs nothing.

    Of several copies, all of them.
    """
    first = ""
    while steps[need].needs:
        need = first = steps[need].needs[0]
    return steps[first].copy_of or first if first else ""
