"""Do a source, a target, a write mode and checks fit each other? Told from what each declares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from factory.definitions.writes import NEED_A_TABLE
from factory.diagnostics import Path
from factory.ends.source import Source
from factory.ends.target import Takes, Target
from factory.fields import word_of

_ADD = ("append", "merge")
"""Modes that leave the rows of earlier loads."""


class Misfit(NamedTuple):
    """What a target does not take: where a step's arguments say it, why, and what it takes."""

    path: Path
    message: str
    expected: str


def way(source: Source, target: Target) -> str | None:
    """How rows are handed over: as the target prefers, of what the source gives."""
    return next((way for way in target.takes.handovers if way in source.gives), None)


def misfits(
    source: Source, target: Target, write: msgspec.Struct, checks: Sequence[msgspec.Struct]
) -> Iterator[Misfit]:
    """Everything that the target does not take."""
    takes, name = target.takes, word_of(target)
    if way(source, target) is None:
        gives, ways = _either(source.gives), _either(takes.handovers)
        message = f"`{word_of(source)}` gives {gives}, and the target `{name}` takes {ways}"
        yield Misfit(("source", "type"), message, "a source that gives what the target takes")
    if (mode := word_of(write)) not in takes.modes:
        yield Misfit(("write", "mode"), _without(mode, name, takes), _either(takes.modes))
    yield from _once(source, target, mode)
    for index, check in enumerate(checks):
        if takes.checks is not None and (kind := word_of(check)) not in takes.checks:
            message = f"the target `{name}` cannot check `{kind}` before rows are published"
            expected = _either(takes.checks) if takes.checks else "no checks"
            yield Misfit(("checks", index, "type"), message, expected)


def _once(source: Source, target: Target, mode: str) -> Iterator[Misfit]:
    """A source whose files are loaded once each (`only_new`, where a source has such)."""
    if not getattr(source, "only_new", False):
        return
    if not target.takes.ledger:
        message = f"the target `{word_of(target)}` does not know which files are in"
        yield Misfit(("source", "only_new"), message, "a target that does, or no `only_new`")
    if mode not in _ADD:
        message = f"with `only_new`, `{mode}` takes out the rows of files that came before"
        yield Misfit(("write", "mode"), message, _either(_ADD))


def _without(mode: str, name: str, takes: Takes) -> str:
    if mode in NEED_A_TABLE and takes.keeps != "a table":
        return f"`{mode}` needs a table; `{name}` keeps {takes.keeps}"
    return f"the target `{name}` does not know the write mode `{mode}`"


def _either(names: Sequence[str]) -> str:
    return " or ".join(f"`{name}`" for name in names)


__all__ = ["Misfit", "misfits", "way"]
