"""Kinds of the project's own that should not be called any more."""

from __future__ import annotations

from collections.abc import Iterator

from factory.diagnostics import Diagnostic, quoted
from factory.lint.rules.scope import Linted, Scope
from factory.problem import Problem


def deprecated(scope: Scope) -> Iterator[Diagnostic]:
    """A call of a kind that says so of itself, with what it says."""
    for linted in scope.linted():
        yield from linted.diagnose(_problems(linted))


def _problems(linted: Linted) -> Iterator[Problem]:
    for index, call in enumerate(linted.resolved.group_call):
        if call is not None and (reason := call.kind.deprecated):
            message = f"the kind {quoted(call.kind.name)} is deprecated: {reason}"
            place = ("groups", index, "uses")
            yield Problem(place, "deprecated-kind", message, severity="warning")
