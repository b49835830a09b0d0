"""Process groups of NiFi that several tasks name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from factory.diagnostics import Diagnostic
from factory.lint.rules.scope import Scope
from factory.spec.problem import Problem
from factory.spec.resolve import Resolved
from factory.spec.validate import diagnose


class _Named(NamedTuple):
    """A task that names a group: its pipeline, its place and id, the connection and the path."""

    resolved: Resolved
    place: int
    task: str
    conn_id: str
    group: str


def driven_twice(scope: Scope) -> Iterator[Diagnostic]:
    """A group, or one within it, that another pipeline drives, or another task at the same time.

    Of two runs at once one is refused. Templates are known at run time only.
    """
    seen: list[_Named] = []
    for outcome in scope.outcomes:
        for resolved in outcome.specs:
            for named in _named(resolved):
                other = next((each for each in seen if _meet(each, named)), None)
                seen.append(named)
                if other is not None:
                    yield from diagnose(resolved, [_problem(named, other)])


def _named(resolved: Resolved) -> Iterator[_Named]:
    for index, task in enumerate(resolved.value["tasks"]):
        given: Any = task.get("with", {})
        if task["uses"] != "nifi" or "{{" in given["conn_id"] + given["group"]:
            continue
        path = "/".join(part.strip() for part in given["group"].strip("/").split("/"))
        yield _Named(resolved, index, task["id"], given["conn_id"], path)


def _meet(first: _Named, second: _Named) -> bool:
    """One group is the other, or holds it; and they are not one after the other in a run."""
    if first.conn_id != second.conn_id:
        return False
    short, long = sorted((first.group, second.group), key=len)
    if long != short and not long.startswith(f"{short}/"):
        return False
    if first.resolved.dag_id != second.resolved.dag_id:
        return True
    return not (_needs(first, second.task) or _needs(second, first.task))


def _needs(named: _Named, task: str) -> bool:
    """Whether the task comes before."""
    needs = {each["id"]: each.get("needs", ()) for each in named.resolved.value["tasks"]}
    ahead, found = [named.task], set[str]()
    while ahead:
        for each in needs.get(ahead.pop(), ()):
            if each not in found:
                found.add(each)
                ahead.append(each)
    return task in found


def _problem(named: _Named, other: _Named) -> Problem:
    where = f"the task {other.task!r}"
    if other.resolved.dag_id != named.resolved.dag_id:
        where += f" of {other.resolved.dag_id}"
    what = "it" if other.group == named.group else repr(other.group)
    return Problem(
        ("tasks", named.place, "with", "group"),
        "group-driven-twice",
        f"{where} drives {what} too: of two runs at once, one is refused",
        expected="one task for a process group",
        hint="let one pipeline drive it, or let one task need the other",
        severity="warning",
    )
