"""Names that lead to other names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def reached(start: Iterable[str], after: Mapping[str, Iterable[str]]) -> set[str]:
    """All that comes behind names, directly or not; they themselves only in a circle.

    :param after: what comes directly behind each.
    """
    found: set[str] = set()
    left = [*start]
    while left:
        new = {*after.get(left.pop(), ())} - found
        found |= new
        left += new
    return found
