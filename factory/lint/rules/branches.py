"""Steps that conditions (`if:`) leave no run to, and operators that decide about none."""

from __future__ import annotations

import graphlib
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from factory.diagnostics import Diagnostic, Path, quoted
from factory.lint.rules.scope import Linted, Scope
from factory.plan.model import Task
from factory.problem import Problem

_JOIN = "none_failed_min_one_success"


def never_joined(scope: Scope) -> Iterator[Diagnostic]:
    """A step that is skipped in every run, for two that it needs are never both run."""
    for linted in scope.linted():
        decide = sum(bool(task.conditions) for task in linted.plan.tasks)
        if decide > 1 or any(map(_branches, linted.plan.tasks)):
            yield from linted.diagnose(_problems(linted))


_DECIDING = re.compile(r"(Branch\w*|ShortCircuit\w*|LatestOnly)Operator")


def undecided(scope: Scope) -> Iterator[Diagnostic]:
    """An operator that skips others, in a group with a `for_each`: Airflow runs them all.

    It looks for what was skipped at a task without copies, and finds nothing there.
    """
    for linted in scope.linted():
        yield from linted.diagnose(_undecided(linted))


def _undecided(linted: Linted) -> Iterator[Problem]:
    for task in linted.plan.tasks:
        name = task.operator.rpartition(".")[2]
        if task.uses != task.operator or not _DECIDING.fullmatch(name):
            continue
        if linted.in_copies(task.step):
            message = f"{name} skips nothing in a group with `for_each`: Airflow runs all behind it"
            expected = "`if:` on each step that it would skip"
            yield Problem(linted.beside(task.step, "uses"), "for-each", message, expected)


class _Held(NamedTuple):
    """A condition that holds a step back, and the step that says it; or the step that branches
    right before it, which follows it or does not."""

    condition: str
    step: str
    branch: str = ""


def _problems(linted: Linted) -> Iterator[Problem]:
    steps = {step.id: step for step in linted.plan.steps}
    held: dict[str, frozenset[_Held]] = {}
    for name in graphlib.TopologicalSorter({s.id: s.needs for s in steps.values()}).static_order():
        first, needs = linted.tasks[name][0], steps[name].needs
        by_needs = [held[need] for need in needs] if _rule(first) == "all_success" else []
        own = frozenset([*_own(first), *_followed(name, needs, linted, held)])
        held[name] = own.union(*by_needs)
        if (pair := _pair([*by_needs, own])) is None:
            continue
        yield _problem(linted.beside(name, "needs"), pair)
        held[name] = own  # told once, not of all that stands behind it as well


def _own(task: Task) -> Iterator[_Held]:
    yield from (_Held(condition, task.step) for condition in task.conditions or ())


def _branches(task: Task) -> bool:
    name = task.operator.rpartition(".")[2]
    return task.uses == task.operator and name.startswith("Branch") and name.endswith("Operator")


def _followed(
    name: str, needs: Sequence[str], linted: Linted, held: Mapping[str, frozenset[_Held]]
) -> Iterator[_Held]:
    """What branches right before a step; not where others that it follows meet there as well."""
    for branch in needs:
        meets = any(one.branch == branch for need in needs for one in held[need])
        if any(map(_branches, linted.tasks[branch])) and not meets:
            yield _Held("", name, branch)


def _rule(task: Task) -> str:
    if task.role == "teardown":
        return "all_done_setup_success"
    given: Mapping[str, object] = {**task.arguments, **task.settings}
    return str(given.get("trigger_rule", "all_success"))


def _pair(sides: list[frozenset[_Held]]) -> tuple[_Held, _Held] | None:
    """Two of different sides that exclude each other."""
    from factory.lint.jinja.conditions import exclude

    for one, other in itertools.combinations(sides, 2):
        for a, b in itertools.product(sorted(one - other), sorted(other - one)):
            if a.branch or b.branch:
                is_either = a.branch == b.branch and a.step != b.step
            else:
                is_either = exclude(a.condition, b.condition)
            if is_either:
                return a, b
    return None


def _problem(place: Path, pair: tuple[_Held, _Held]) -> Problem:
    first, second = (quoted(held.step) for held in pair)
    message = (
        f"this is skipped in every run: {first} and {second} are never both run, by their `if`"
    )
    if branch := pair[0].branch:
        message = f"this is skipped unless {quoted(branch)} follows both {first} and {second}"
    return Problem(
        place,
        "always-skipped",
        message,
        expected=f"`trigger_rule: {_JOIN}`, which takes either",
        at_key=True,
        severity="warning",
    )
