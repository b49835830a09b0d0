"""`kinds:` that are names of a person's own: `{clean: {uses: sql, with: {…}}}`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeGuard

from factory.diagnostics import Path, quoted
from factory.problem import Problem
from factory.spec.fill import Value
from factory.spec.model import SETTINGS

_BESIDE = {*SETTINGS, "description"}


class Named(NamedTuple):
    """What a task's `uses` means.

    `names` are those that it goes through, the task's own first; `below` are the defaults of the
    arguments, `beside` those of the settings; `circle` says that the names lead back to the first.
    """

    uses: str
    names: tuple[str, ...]
    below: Value
    beside: Value
    circle: bool = False


NOTHING = Named("", (), {}, {})


def is_name(entry: Any, name: str) -> TypeGuard[Value]:
    """Is this entry of `kinds:` a name, and not the defaults of a kind?"""
    return isinstance(entry, dict) and "uses" in entry and "." not in name


def names(kinds: Value) -> list[str]:
    """The names that a person gave."""
    return [name for name, entry in kinds.items() if is_name(entry, name)]


def looked_up(
    uses: str, kinds: Value, fill: Callable[[Any], Any], deep: Callable[[Value, Value], Value]
) -> Named:
    """Follow the names to a kind or an operator. What is nearer to the task is stronger."""
    found: list[str] = []
    below: Value = {}
    beside: Value = {}
    while uses not in found and is_name(entry := kinds.get(uses), uses):
        found.append(uses)
        given = entry.get("with")
        below = deep(given, below) if isinstance(given, dict) else below
        beside = {**{k: v for k, v in entry.items() if k in _BESIDE}, **beside}
        uses = fill(entry["uses"])
        if not isinstance(uses, str):
            return Named("", tuple(found), below, beside)
    own = kinds.get(uses)
    if uses not in found and isinstance(own, dict):
        below = deep(own, below)
    return Named(uses, tuple(found), below, beside, uses in found)


def defaults_of(kind: Named, rest: Path) -> list[Path]:
    """Where defaults of an argument may stand in a layer, the strongest first."""
    return [*(("kinds", name, "with", *rest) for name in kind.names), ("kinds", kind.uses, *rest)]


def problem(kind: Named) -> Problem | None:
    """What is wrong with names that lead in a circle."""
    if not kind.circle:
        return None
    return Problem(
        ("kinds", kind.names[-1], "uses"),
        "kind-name",
        f"the name {quoted(kind.uses)} leads back to itself",
        expected="a kind or an operator",
    )
