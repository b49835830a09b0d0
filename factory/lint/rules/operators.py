"""Operators that are not where a spec looks for them, and arguments that they do not take."""

from __future__ import annotations

from collections.abc import Iterator

from factory.diagnostics import Diagnostic, Path, did_you_mean, nearest, quoted
from factory.lint.rules.scope import Linted, Scope
from factory.plan.model import Task, Watched
from factory.problem import Problem
from factory.spec.model import SETTINGS
from factory.spec.moved import moved


def unknown(scope: Scope) -> Iterator[Diagnostic]:
    """A class that its module lacks, an argument that no `__init__` of its bases takes.

    Only where the source is found here; what is not installed may be so elsewhere.
    """
    for linted in scope.linted():
        for task in linted.plan.tasks:
            if task.uses == task.operator and moved(task.operator) is None:
                yield from linted.diagnose(_problems(linted, task))


def unknown_trigger(scope: Scope) -> Iterator[Diagnostic]:
    """A trigger that its module lacks, arguments that it does not take, and those that it needs.

    Only where the source is found here. Airflow's base takes any argument, and forgets it.
    """
    for linted in scope.linted():
        watched = linted.plan.waits.watched if linted.plan.waits else None
        if watched is not None:
            yield from linted.diagnose(_of_trigger(watched))


def _of_trigger(watched: Watched) -> Iterator[Problem]:
    from factory.lint import signature  # only a pipeline with an event pays for it

    place = ("schedule", "event")
    missing = [*_missing(watched.uses, (*place, "uses"), "a trigger")]
    yield from missing
    if missing:
        return
    module, _, name = watched.uses.rpartition(".")
    given = frozenset(watched.arguments)
    taken = signature.parameters(module, name, given) if given else None
    yield from _unknown(name, given, taken, (*place, "with"))
    required = signature.required(module, name)
    misspelt = given.difference(taken if taken is not None else given)
    told = {nearest(key, required) for key in misspelt}
    for key in required:
        if key not in given and key not in told:
            message = f"{name} needs the argument {quoted(key)}"
            at = (*place, "with") if given else (*place, "uses")
            expected = f"`{key}:` under `with:`"
            yield Problem(at, "missing-key", message, expected, at_key=bool(given))


def _unknown(
    name: str, given: frozenset[str], taken: frozenset[str] | None, place: Path
) -> Iterator[Problem]:
    """Arguments that a class does not take; None: it is not known what it takes."""
    for key in sorted(given - taken) if taken is not None else ():
        yield Problem(
            (*place, key),
            "unknown-key",
            f"{name} has no argument {quoted(key)}",
            hint=did_you_mean(key, sorted(taken or ())),
            at_key=True,
        )


def _missing(path: str, place: Path, what: str) -> Iterator[Problem]:
    from factory.lint import signature  # only a spec that names one by its path pays for it

    module, _, name = path.rpartition(".")
    known = signature.classes(module)
    if known is not None and name not in known:
        yield Problem(
            place,
            "unknown-operator",
            f"the module {module} has no {quoted(name)}",
            expected=f"the import path of {what}",
            hint=did_you_mean(name, sorted(known)),
        )


def _problems(linted: Linted, task: Task) -> Iterator[Problem]:
    from factory.lint import signature  # only a spec that names an operator pays for it

    missing = [*_missing(task.operator, linted.beside(task.step, "uses"), "an operator")]
    yield from missing
    module, _, name = task.operator.rpartition(".")
    if missing or signature.classes(module) is None:
        return
    given = frozenset(task.arguments) - SETTINGS
    taken = signature.parameters(module, name, given) if given else None
    yield from _unknown(name, given, taken, linted.place(task.step, ()))
    for key, value in task.arguments.items():
        if isinstance(value, str) and "{" not in value and key in given:
            yield from _text(task.operator, key, value, linted.place(task.step, (key,)))


def _text(operator: str, key: str, value: str, place: Path) -> Iterator[Problem]:
    """A text where an operator wants a number, or true or false: Python would take it."""
    from factory.lint import signature

    if wanted := signature.declared(operator, key):
        is_one = value in ("true", "false") if wanted == "bool" else value.isdecimal()
        yield Problem(
            place,
            "type",
            f"{quoted(value)} is text: {operator.rpartition('.')[2]} wants `{wanted}`",
            expected="true or false" if wanted == "bool" else "a number",
            hint=f"without quotes it is one: {value}" if is_one else "",
            severity="warning",
        )
