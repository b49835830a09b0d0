"""Operators that are not where a spec looks for them, and arguments that they do not take."""

from __future__ import annotations

from collections.abc import Iterator

from factory.diagnostics import Diagnostic, did_you_mean, quoted
from factory.lint.moved import moved
from factory.lint.rules.scope import Linted, Scope
from factory.plan.model import Task
from factory.problem import Problem
from factory.spec.model import SETTINGS


def unknown(scope: Scope) -> Iterator[Diagnostic]:
    """A class that its module lacks, an argument that no `__init__` of its bases takes.

    Only where the source is found here; what is not installed may be so elsewhere.
    """
    for linted in scope.linted():
        for task in linted.plan.tasks:
            if task.uses == task.operator and moved(task.operator) is None:
                yield from linted.diagnose(_problems(linted, task))


def _problems(linted: Linted, task: Task) -> Iterator[Problem]:
    from factory.lint import signature  # only a spec that names an operator pays for it

    module, _, name = task.operator.rpartition(".")
    known = signature.classes(module)
    if known is None:
        return
    if name not in known:
        message = f"the module {module} has no {quoted(name)}"
        yield Problem(
            linted.beside(task.step, "uses"),
            "unknown-operator",
            message,
            expected="the import path of an operator",
            hint=did_you_mean(name, sorted(known)),
        )
        return
    given = frozenset(task.arguments) - SETTINGS
    taken = signature.parameters(module, name, given) if given else None
    for key in sorted(given - taken) if taken is not None else ():
        yield Problem(
            linted.place(task.step, (key,)),
            "unknown-key",
            f"{name} has no argument {quoted(key)}",
            hint=did_you_mean(key, sorted(taken or ())),
            at_key=True,
        )
