"""What a check found: data, which the command turns into lines or JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

Level = Literal["ok", "warning", "error"]

_MAX_NAMES = 5
_MAX_LINES = 10


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at, and what to do about it where something is wrong."""

    level: Level
    what: str
    todo: str = ""
    details: tuple[str, ...] = ()


def ok(what: str, details: Iterable[str] = ()) -> Finding:
    """It is as it should be."""
    return Finding("ok", what, "", tuple(details))


def warning(what: str, todo: str, details: Iterable[str] = ()) -> Finding:
    """It works, or may work, and somebody should look at it."""
    return Finding("warning", what, todo, tuple(details))


def error(what: str, todo: str, details: Iterable[str] = ()) -> Finding:
    """Something will fail."""
    return Finding("error", what, todo, tuple(details))


def names(found: Iterable[str]) -> str:
    """The first of some names, and how many more there are."""
    every = sorted(set(found))
    more = f" and {len(every) - _MAX_NAMES} more" if len(every) > _MAX_NAMES else ""
    return ", ".join(every[:_MAX_NAMES]) + more


def shortened(lines: Sequence[str]) -> list[str]:
    """The first of some lines, and how many more there are."""
    left = len(lines) - _MAX_LINES
    return [*lines[:_MAX_LINES], *([f"… and {left} more"] if left > 0 else [])]
