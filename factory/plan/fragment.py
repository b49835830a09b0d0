"""Is a fragment whole? What a kind of another package makes is checked where it is made.

A built-in kind is held to the same by its tests, so that a parse need not ask it again.
"""

from __future__ import annotations

import graphlib
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from factory.diagnostics import Path, quoted
from factory.errors import said, words
from factory.plan.kind import Fragment
from factory.plan.model import Call, Output, Task
from factory.spec.model import SETTINGS

MAX_ID = 250  # Airflow's own limit for ids
MAX_TASKS = 1_000  # of one step
_MAX_DEPTH = 64
_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)?\Z")


def wrong(fragment: Any, step: str) -> str:
    """The first thing that is wrong with a step's fragment, or an empty string."""
    if not isinstance(fragment, Fragment):
        return f"its compile returns {said(fragment, 60)}, not a Fragment"
    if len(tasks := tuple(fragment.tasks)) > MAX_TASKS:
        return f"its fragment has {len(tasks):,} tasks, and {MAX_TASKS:,} is the most"
    if why := unplain(fragment):
        return f"its fragment is not plain data: {why}"
    return next(_wrong(fragment, step), "")


def unplain(value: msgspec.Struct) -> str:
    """Why a Struct is not plain data of the types that it declares, or an empty string."""
    try:
        msgspec.convert(_plain(value), type(value))  # nobody has looked at its types yet
    except (msgspec.ValidationError, TypeError, ValueError, RecursionError) as error:
        return words(error)
    return ""


def _wrong(fragment: Fragment, step: str) -> Iterator[str]:
    ids = [task.id for task in fragment.tasks]
    known = set(ids)
    if not ids:
        yield "its fragment has no task"
    if len(known) < len(ids):
        yield "two of its tasks have one id"
    group = fragment.group.id if fragment.group else ""
    if group not in ("", step):
        yield f"its group is {group!r}, not the step's id {step!r}"
    for task in fragment.tasks:
        if task.id != step and (group != step or not _is_below(task.id, step)):
            yield f"the task {quoted(task.id)} is neither {step!r} nor in a group of that name"
        if task.id == group or task.group != ("" if task.id == step else step):
            yield f"the task {quoted(task.id)} is not in the group that its id names"
        yield from _in_task(task, known)
    yield from _unknown("first", fragment.first, known)
    yield from _unknown("last", fragment.last, known)
    for name, tasks in (("first", fragment.first), ("last", fragment.last)):
        if not tasks:
            yield f"`{name}` names no task"
    yield from _unknown("`output`", [fragment.output] if fragment.output else [], known)
    for edge in fragment.edges:
        yield from _unknown("an edge", edge, known)
    yield from _circle(fragment)


def _is_below(task: str, step: str) -> bool:
    return task.startswith(f"{step}.") and bool(_NAME.match(task.removeprefix(f"{step}.")))


def _in_task(task: Task, known: set[str]) -> Iterator[str]:
    yield from _unknown(f"`setups` of {task.id}", task.setups, known)
    if task.role == "teardown" and not task.setups:
        yield f"the teardown {task.id} has no setups"
    for name in task.settings:
        if name not in SETTINGS:
            yield f"{name!r} in `settings` of {task.id} is no setting of a task"
    for place in task.files or ():
        if not isinstance(_at(task.arguments, place), str):
            yield f"`files` of {task.id} has {place}, where no text stands in its arguments"
    names = task.operator.split(".")
    if len(names) < 2 or not all(name.isidentifier() for name in names):
        yield f"the operator {quoted(task.operator)} is no import path"
    outputs = {mark.task for mark in _marks([task.arguments, task.expand])}
    yield from _unknown(f"an Output in {task.id}", sorted(outputs), known - {task.id})


def _at(arguments: Mapping[str, Any], place: Path) -> Any:
    found: Any = arguments
    for part in place:
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _unknown(where: str, named: Iterable[str], known: set[str]) -> Iterator[str]:
    for name in named:
        if name not in known:
            yield f"{where} names {quoted(name)}, which is no task of it"


def _circle(fragment: Fragment) -> Iterator[str]:
    """Edges and outputs: a task that needs another's output comes after it."""
    before: dict[str, set[str]] = {}
    for first, second in fragment.edges:
        before.setdefault(second, set()).add(first)
    try:
        graphlib.TopologicalSorter(before).prepare()
    except graphlib.CycleError as error:
        yield f"its edges go round in a circle: {' → '.join(error.args[1])}"
    made: set[str] = set()
    for task in fragment.tasks:  # made in this order, so what is handed on must be there
        late = {mark.task for mark in _marks([task.arguments, task.expand])} - made
        if late:
            yield f"{task.id} takes the output of {min(late)}, which comes after it in `tasks`"
        made.add(task.id)


def _marks(value: Any) -> Iterator[Output]:
    if isinstance(value, Output):
        yield value
    elif isinstance(value, Call):
        yield from _marks(value.arguments)
    elif isinstance(value, Mapping):
        yield from _marks(list(value.values()))
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _marks(entry)


def _plain(value: Any, depth: int = 0) -> Any:
    """The fragment as JSON would hold it.

    :raises TypeError: there is something in it that JSON cannot hold.
    :raises ValueError: a text, or the depth, that no database takes.
    """
    if depth > _MAX_DEPTH:
        raise ValueError(f"nested more than {_MAX_DEPTH} levels deep")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no number of JSON")
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError(f"the text {quoted(value)} holds a NUL character")
        value.encode()  # a lone surrogate is no text that can be stored
        return value
    if isinstance(value, msgspec.Struct):
        names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        given = {name: getattr(value, field) for name, field in names}
        config = value.__struct_config__
        own = {config.tag_field: config.tag} if config.tag_field else {}
        return own | {
            name: _plain(entry, depth + 1)
            for name, entry in given.items()
            if entry is not msgspec.UNSET
        }
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                raise TypeError(f"the key {said(name, 60)} is no text")
        return {_plain(name): _plain(entry, depth + 1) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry, depth + 1) for entry in value]
    raise TypeError(f"{said(value, 60)} is no value of JSON")
