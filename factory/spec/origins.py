"""Where each value of a resolved spec was written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from factory.diagnostics import Path
from factory.problem import Problem
from factory.spec import named
from factory.spec.model import SETTINGS
from factory.spec.named import Named
from factory.spec.read import Document
from factory.spec.resolve import Resolved
from factory.spec.written import Call, Written, exists, value_at


def origin(resolved: Resolved, path: Path) -> tuple[Document, Path]:
    """Which document wrote the value at `path`, and its path there (or its nearest ancestor's)."""
    document, place, _ = _written(resolved, path)
    return document.at(place)


def _written(resolved: Resolved, path: Path) -> tuple[Document, Path, Path]:
    """Which document wrote it, where, and what of the path is below that: of a `${…}` the value
    that it stands for, or what is not written."""
    for length in range(len(path), 0, -1):
        for document, candidate in _candidates(resolved, path[:length]):
            if exists(document.value, candidate):
                return document, candidate, path[length:]
            if hidden := _filled_in(document.value, candidate):
                return document, hidden, (*candidate[len(hidden) :], *path[length:])
    return resolved.document, (), path


def called_from(resolved: Resolved, path: Path, document: Document) -> list[Written]:
    """The calls by which a path leads into a document that is a kind's, the nearest first."""
    where = {"tasks": resolved.task_place, "groups": resolved.group_place}.get(
        str(path[:1] and path[0])
    )
    index = path[1] if len(path) > 1 else None
    if where is None or not isinstance(index, int) or index >= len(where):
        return []
    place = where[index]
    call = resolved.group_call[index] if path[0] == "groups" else None
    within = [] if call is None else [call]
    within += [one.call for one in (place, *place.callers()) if one.call is not None]
    for number, one in enumerate(within):
        if document is one.kind.document or document in one.kind.document.parts.values():
            return [each.place for each in within[number:]]
    return []


_PARAM = re.compile(r"(?<!\$)\$\{\s*params\.([\w.]+)\s*\}")
MAX_READ = 16  # the calls by which a value may be handed on


def given(resolved: Resolved, problem: Problem) -> tuple[Path, list[tuple[Document, Path]]]:
    """Where a call gave the value that is meant, and the places of kinds that read it, the nearest
    first; where the kind itself has it, the problem's own path."""
    path = problem.path
    read: list[tuple[Document, Path]] = []
    while len(read) < MAX_READ:
        document, place, below = _written(resolved, path)
        text = value_at(document.value, place)
        call = _call_of(resolved, path, document) if isinstance(text, str) else None
        is_own = problem.at_key and not below
        if call is None or is_own or (problem.part and problem.part in text):
            break
        at: Path = ("groups", _group_of(resolved, call), "with")
        if (name := _param(resolved, text, at, problem.part)) is None:
            break
        read.append(document.at(place))
        path = (*at, *name, *below)
    return path, read


def _param(resolved: Resolved, text: str, at: Path, part: str) -> Path | None:
    """The parameter whose value is meant in a text of a kind; None: it cannot be told."""
    names = [tuple(name.split(".")) for name in dict.fromkeys(_PARAM.findall(text))]
    if part:
        texts = {name: _text_at(resolved, (*at, *name)) for name in names}
        names = [name for name, one in texts.items() if part in one or "${" in one]
    return names[0] if names and (part or len(names) == 1) else None


def _text_at(resolved: Resolved, path: Path) -> str:
    document, place, _ = _written(resolved, path)
    found = value_at(document.value, place)
    return found if isinstance(found, str) else ""


def _call_of(resolved: Resolved, path: Path, document: Document) -> Call | None:
    """The call that fills in what a path leads to in a kind's document."""
    places = {"tasks": resolved.task_place, "groups": resolved.group_place}.get(
        str(path[:1] and path[0])
    )
    index = path[1] if len(path) > 1 else None
    if places is None or not isinstance(index, int) or index >= len(places):
        return None
    calls = [one.call for one in (places[index], *places[index].callers()) if one.call]
    return next((call for call in calls if call.kind.document is document), None)


def _group_of(resolved: Resolved, call: Call) -> int:
    return next(i for i, one in enumerate(resolved.group_call) if one is call)


def _candidates(resolved: Resolved, path: Path) -> list[tuple[Document, Path]]:
    strongest_first = resolved.layers[::-1]
    if len(path) == 2 and path[0] == "tags":
        return _tag(resolved, path[1])
    if path[:1] == ("groups",) and len(path) > 1 and isinstance(path[1], int):
        return _of_group(resolved, path[1], path[2:])
    if len(path) < 2 or path[0] != "tasks" or not isinstance(path[1], int):
        found = [(layer.document, (*layer.prefix, *path)) for layer in strongest_first]
        if path[:1] == ("vars",):
            found = [(layer.document, path) for layer in strongest_first]
        return found
    index, rest = path[1], path[2:]
    if index >= len(resolved.task_place):
        return []
    place = resolved.task_place[index]
    found = [(place.document, (*place.path, *rest))]
    if rest[:2] == ("with", "command") or rest == ("uses",):
        found.append((place.document, (*place.path, "run")))
    if rest == ("needs",):
        found.append((place.document, (*place.path, "teardown_for")))
    task = resolved.value["tasks"][index]
    uses = task.get("uses") if isinstance(task, dict) else None
    kind = Named(uses if isinstance(uses, str) else "", resolved.task_names[index], {}, {})
    below: list[tuple[Document, Path]] = []
    for above in _places(kind, rest):
        if above[0] == "defaults":
            below += _around(resolved, place, above)
        below += [(layer.document, (*layer.prefix, *above)) for layer in strongest_first]
    return [*below, *found] if kind.names and rest == ("uses",) else [*found, *below]


def _of_group(resolved: Resolved, index: int, rest: Path) -> list[tuple[Document, Path]]:
    """Where a group says something, or the kind that it is a call of, or the defaults of that."""
    if index >= len(resolved.group_place):
        return []
    place, call = resolved.group_place[index], resolved.group_call[index]
    found = [(place.document, (*place.path, *rest))]
    if call is None:
        return found
    if rest[:1] == ("with",) and len(rest) > 1:
        kind = Named(call.kind.name, call.names, {}, {})
        every = named.defaults_of(kind, rest[1:])
        found += [(one.document, (*one.prefix, *p)) for p in every for one in resolved.layers[::-1]]
        rest = ("params", rest[1], "default", *rest[2:])
    if rest[:1] == ("params",):
        found += [(call.kind.document, rest), (call.kind.document, rest[:2])]
    return found


def _around(resolved: Resolved, place: Written, setting: Path) -> Iterator[tuple[Document, Path]]:
    """Where the groups around a task may give a setting, the inner ones first; a call gives it
    beside its `uses`, and is stronger than its kind."""
    for length in range(len(place.path) - 2, 0, -2):
        yield place.document, (*place.path[:length], *setting)
    if (call := place.call) is not None:
        yield call.place.document, (*call.place.path, *setting[1:])
        for name in call.names:
            for layer in resolved.layers[::-1]:
                yield layer.document, (*layer.prefix, "kinds", name, *setting[1:])
        yield place.document, setting
        yield from _around(resolved, call.place, setting)


def _places(kind: Named, rest: Path) -> list[Path]:
    """Where a layer may say what a task does not, the strongest first."""
    if rest[:1] == ("with",) and len(rest) > 1:
        return named.defaults_of(kind, rest[1:])
    if rest == ("uses",):
        return [("kinds", name, "uses") for name in kind.names[-1:]]
    if rest and (rest[0] in SETTINGS or rest[0] == "description"):
        by_name: list[Path] = [("kinds", name, *rest) for name in kind.names]
        return [*by_name, ("defaults", *rest)]
    return []


def _tag(resolved: Resolved, index: str | int) -> list[tuple[Document, Path]]:
    """Where a tag was written: they add up, so its index differs from that in its document."""
    written: list[tuple[Document, Path]] = []
    below: set[str] = set()
    for layer in resolved.layers:
        tags = layer.value().get("tags")
        every = tags if isinstance(tags, list) else []
        for place, tag in enumerate(every):
            if not isinstance(tag, str) or tag not in below:
                written.append((layer.document, (*layer.prefix, "tags", place)))
        below.update(tag for tag in every if isinstance(tag, str))
    return written[index : index + 1] if isinstance(index, int) else []


def _filled_in(value: Any, path: Path) -> Path:
    """The place above `path` where a `${…}` stands for all that is below it."""
    for length in range(len(path) - 1, 0, -1):
        above = path[:length]
        if exists(value, above):
            for part in above:
                value = value[part]
            return above if isinstance(value, str) and "${" in value else ()
    return ()


__all__ = ["called_from", "given", "origin"]
