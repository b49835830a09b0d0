"""Where each value of a resolved spec was written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from factory.diagnostics import Path
from factory.spec import named
from factory.spec.model import SETTINGS
from factory.spec.named import Named
from factory.spec.read import Document
from factory.spec.resolve import Resolved
from factory.spec.written import Written, exists


def origin(resolved: Resolved, path: Path) -> tuple[Document, Path]:
    """Which document wrote the value at `path`, and its path there (or its nearest ancestor's)."""
    for length in range(len(path), 0, -1):
        for document, candidate in _candidates(resolved, path[:length]):
            if exists(document.value, candidate):
                return document.at(candidate)
            if hidden := _filled_in(document.value, candidate):
                return document.at(hidden)
    return resolved.document, ()


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


_PARAM = re.compile(r"\$\{\s*params\.(\w+)")


def given(
    part: str, document: Document, path: Path, calls: list[Written]
) -> tuple[Document, Path, list[Written]]:
    """Where a call gave what is meant of a text in a kind, and the calls that led there.

    :param part: what is meant; where the kind itself has it, or no call, the place stays.
    :param calls: as of `called_from`.
    """
    found: Any = document.value
    for key in path if exists(found, path) else ():
        found = found[key]
    for number, call in enumerate(calls):
        if not part or not isinstance(found, str) or part in found:
            break
        written: Any = call.value().get("with")
        names = _PARAM.findall(found) if isinstance(written, dict) else []
        texts = {name: written[name] for name in names if isinstance(written.get(name), str)}
        name = next((n for n, text in texts.items() if part in text or "${" in text), "")
        found = texts.get(name)
        if name and part in found:
            return *call.document.at((*call.path, "with", name)), calls[number + 1 :]
    return document, path, calls


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


__all__ = ["called_from", "origin"]
