"""Where each value of a document stands: a tree beside the plain value, built on demand."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
import yaml

from factory.diagnostics import Path
from factory.spec import table
from factory.spec.read import Document, events
from factory.spec.syntax import split_lines

Event = Any  # yaml's events: their marks are typed as optional


class Place(msgspec.Struct):
    """One value: its position, that of its key, its raw text when it is a scalar.

    Lines and columns count from 1; `end` is the line and the column after its last character.
    `children` is by key or by index.
    """

    line: int
    column: int
    end: tuple[int, int] = (0, 0)
    key_line: int = 0
    key_column: int = 0
    key_width: int = 1
    raw: str = ""
    plain: bool = False
    children: dict[str | int, Place] = {}
    width: int = 1


def line_of(document: Document, path: Path) -> tuple[str, int]:
    """The file that wrote what stands at `path`, and the line."""
    document, path = document.at(path)
    place, _ = locate(of(document.name, document.text), path)
    return document.name, place.line


def locate(root: Place, path: Path) -> tuple[Place, Path]:
    """The place of `path`, or of its nearest ancestor that exists, and how far it got."""
    place = root
    for depth, part in enumerate(path):
        child = place.children.get(part)
        if child is None:
            return place, path[:depth]
        place = child
    return place, path


def find(text: str, place: Place, part: str, nth: int = 0) -> tuple[int, int] | None:
    """Line and column of a part of a scalar; None when it is not written in one piece.

    :param nth: how many of it come before.
    """
    last = place.end[0]
    for number, line in enumerate(lines_of(text)[place.line - 1 : last], place.line):
        start = place.column - 1 if number == place.line else 0
        stop = place.end[1] - 1 if number == last else len(line)
        column = line.find(part, start, stop)
        while column >= 0 and (nth or _is_escaped(line, column, part)):
            nth -= not _is_escaped(line, column, part)
            column = line.find(part, column + len(part), stop)
        if column >= 0:
            return number, column + 1
    return None


def _is_escaped(line: str, column: int, part: str) -> bool:
    """`$${`: meant as it is."""
    return part.startswith("${") and column > 0 and line[column - 1] == "$"


@lru_cache(maxsize=32)  # a tree may take a hundred times the memory of its text
def of(name: str, text: str) -> Place:
    """The places of a file that was read: of a table, its rows."""
    return _rows(text) if name.endswith(table.SUFFIX) else build(text)


def _rows(text: str) -> Place:
    lines = [row.line for row in table.rows(text)][1:]
    return Place(1, 1, children={index: Place(line, 1) for index, line in enumerate(lines)})


@lru_cache(maxsize=8)
def lines_of(text: str) -> list[str]:
    """The lines of a text, split once for all problems in it."""
    return split_lines(text)


def build(text: str) -> Place:
    """The places of a text that `read` has accepted."""
    root: Place | None = None
    stack: list[tuple[Place, list[Event], bool]] = []
    anchors: dict[str, Place] = {}
    for event in events(text):
        if isinstance(event, yaml.ScalarEvent):
            plain = bool(event.implicit[0]) and event.tag is None
            place = _at(event, raw=event.value, plain=plain)
        elif isinstance(event, yaml.AliasEvent):
            place = msgspec.structs.replace(
                _at(event), children=anchors.get(str(event.anchor), _at(event)).children
            )
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            place = _at(event)
            stack.append((place, [], isinstance(event, yaml.MappingStartEvent)))
            if event.anchor:
                anchors[event.anchor] = place
            continue
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            place, _, _ = stack.pop()
        else:
            continue
        if not stack:
            root = place
        else:
            _attach(stack[-1], event, place)
    return root or Place(1, 1)


def _at(event: Event, raw: str = "", plain: bool = False) -> Place:
    mark, end = event.start_mark, event.end_mark
    width = end.column - mark.column if end.line == mark.line else 1
    return Place(
        mark.line + 1,
        mark.column + 1,
        end=(end.line + 1, end.column + 1),
        raw=raw,
        plain=plain,
        children={},
        width=max(1, width),
    )


def _attach(frame: tuple[Place, list[Event], bool], event: Event, place: Place) -> None:
    parent, pending, is_mapping = frame
    if not is_mapping:
        parent.children[len(parent.children)] = place
    elif not pending:
        pending.append(event)
    else:
        key_event = pending.pop()
        key: Any = getattr(key_event, "value", "")
        if key == "<<" and key_event.implicit[0]:
            sources = [place] if not _is_list(place) else place.children.values()
            for source in sources:
                for name, child in source.children.items():
                    parent.children.setdefault(name, child)
            return
        start, end = key_event.start_mark, key_event.end_mark
        place.key_line, place.key_column = start.line + 1, start.column + 1
        place.key_width = max(1, end.column - start.column) if end.line == start.line else 1
        parent.children[key] = place


def _is_list(place: Place) -> bool:
    return 0 in place.children


__all__ = ["Place", "build", "find", "lines_of", "locate"]
