"""Files beside a spec that a task names, with `${…}` in them filled in as in the spec."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path as File
from typing import Any

import msgspec

from factory.diagnostics import Path
from factory.plan.model import Task
from factory.problem import Problem
from factory.spec import beside, filled
from factory.spec.fill import Scope
from factory.spec.filled import Filled
from factory.spec.text import MAX_BYTES


class Named(msgspec.Struct, frozen=True):
    """A file that an argument of a task names; `place` is below the task's arguments."""

    place: Path
    name: str


def named(task: Task) -> Iterator[Named]:
    """The files that a task names."""
    for place in task.files or ():
        value: Any = task.arguments
        for part in place:
            value = value[part]
        yield Named(place, value)


def fill(task: Task, name: str, folder: File) -> Filled | None:
    """A task's file, filled in; None where nothing is to fill in, or the file cannot be read."""
    if beside.missing(name, folder) is not None:
        return None
    return _filled(task, beside.text_of(folder / name))


def problems(task: Task, name: str, folder: File) -> Iterator[Problem]:
    """What cannot be filled in of a task's file; as warnings, what may have been meant to be."""
    if beside.missing(name, folder) is not None:
        return
    if (size := (folder / name).stat().st_size) > MAX_BYTES:
        message = f"the file has {size / MAX_BYTES:.1f} MiB: no `${{…}}` in it is filled in"
        expected = "at most 1 MiB, where there are such"
        yield Problem((1, 1), "too-large", message, expected, severity="warning")
        return
    text = beside.text_of(folder / name)
    if (found := _filled(task, text)) is not None:
        yield from found.problems
    yield from filled.likely(text, _scope(task))


def _filled(task: Task, text: str) -> Filled | None:
    if not filled.names(text) and "$${" not in text:
        return None
    if "\ufffd" in text:  # what could not be decoded would go into the database as that
        return Filled(text, (_not_utf_8(text),))
    return filled.fill(text, _scope(task))


def _scope(task: Task) -> Scope:
    return Scope(**(task.values or {}))


def _not_utf_8(text: str) -> Problem:
    start = text.index("\ufffd")
    line, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
    message = "the file is not UTF-8 here, so that nothing can be filled in"
    return Problem((line, column), "not-utf-8", message, expected="a file saved as UTF-8")


def put(arguments: Mapping[str, Any], texts: Mapping[Path, str]) -> dict[str, Any]:
    """Arguments with texts at some places in them."""
    found = dict(arguments)
    for place, text in texts.items():
        first, rest = str(place[0]), place[1:]
        found[first] = put(found[first], {rest: text}) if rest else text
    return found
