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
        yield from _by_copies(linted)
        for step, uri in _written(linted, "replace"):
            name = _name(linted, step)
            other = first.setdefault(uri, name)
            if other != name:
                message = f"{uri} is replaced by {other}, too: each removes what the other has"
                expected = "one step that replaces a table"
                hint = "load into a table of its own, or write by `partition`, `merge` or `append`"
                yield from _told(linted, step, f"{message} loaded", expected, hint)


_REPLACING = {"replace": "all rows", "partition": "the interval's rows"}


def _by_copies(linted: Linted) -> Iterator[Diagnostic]:
    """A table that every copy of a step replaces, or the same part of it."""
    for mode, what in _REPLACING.items():
        for step, uri in _written(linted, mode):
            if linted.is_copied(step):
                message = f"each copy replaces {what} of {uri}, also those that another loaded"
                hint = "name a table for each by `{{ item }}`, or write by `merge` or `append`"
                yield from _told(linted, step, message, "a table that one copy writes", hint)


def taken_from_an_append(scope: Scope) -> Iterator[Diagnostic]:
    """A table that is appended to, and written by `partition`: an append is not done twice."""
    parted = {
        uri: _name(linted, step)
        for linted in scope.linted()
        for step, uri in _written(linted, "partition")
    }
    for linted in scope.linted():
        for step, uri in _written(linted, "append"):
            if (other := parted.get(uri)) is not None:
                message = f"{other} writes {uri} by `partition`: this, once repeated, does not load"
                expected = "one way to write the rows of an interval"
                hint = "write both by `merge`, or load into two tables"
                yield from _told(linted, step, f"{message} what that took away", expected, hint)


def _written(linted: Linted, mode: str) -> Iterator[tuple[str, str]]:
    """The steps that write a table in this mode, and its address."""
    for step in linted.plan.steps:
        write = linted.arguments(step.id).get("write")
        if isinstance(write, dict) and write.get("mode") == mode:
            yield from ((step.id, uri) for uri in step.writes)


def _name(linted: Linted, step: str) -> str:
    return f"{step!r} of the pipeline {linted.plan.dag_id!r}"


def _told(
    linted: Linted, step: str, message: str, expected: str, hint: str
) -> Iterator[Diagnostic]:
    place = linted.place(step, ("write", "mode"))
    problem = Problem(place, "two-writers", message, expected, hint, severity="warning")
    yield from linted.diagnose([problem])
