"""Problems at paths of the resolved value → file, line and column of what was written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from factory.diagnostics import Diagnostic, Path, dotted, limited
from factory.problem import Problem
from factory.spec import positions
from factory.spec.origins import called_from, given, origin
from factory.spec.read import Document
from factory.spec.resolve import Resolved
from factory.spec.syntax import as_quoted


def diagnose(resolved: Resolved, problems: Iterable[Problem]) -> list[Diagnostic]:
    """Each problem at the file, line and column that wrote the value; sorted, each once, and how
    many more there are.

    What is found at a place whose value could not be told is an echo, and left out.
    """
    holes = {_address(resolved, path) for path in resolved.holes}
    first_hand = set(resolved.problems)
    more = resolved.more or getattr(problems, "more", 0)
    found = []
    for problem in problems:
        document, path = origin(resolved, problem.path)
        if problem.code == "missing-key" and document is not _home(resolved, problem.path):
            problem = _in_the_step(resolved, problem)
            document, path = origin(resolved, problem.path)
        if problem not in first_hand and any(
            (document.name, path[:length]) in holes for length in range(1, len(path) + 1)
        ):
            more = resolved.more  # those that nobody looked at may be echoes as well
            continue
        if problem.first:
            problem = replace(problem, message=f"{problem.message}{_first(resolved, problem)}")
        meant, read = given(resolved, problem)
        if read:
            document, path = origin(resolved, meant)
        calls = called_from(resolved, meant, document)
        told = replace(
            placed(document, path, problem),
            called=_lines((call.document, call.path) for call in calls),
            read_in=_lines(read),
        )
        found.append((problem.path, told))
    return limited(sorted(_each(found)), more)


_MANY_COPIES = 3
"""So many are told as one: most are mended at one place."""
_NAMED = 3
_QUOTED = re.compile(r"'[^']*'")


def _each(found: Iterable[tuple[Path, Diagnostic]]) -> Iterator[Diagnostic]:
    """Each problem once, where several tasks read one place; of many copies the first."""
    spots: dict[tuple[str, int, int, str], dict[Path, dict[str, Diagnostic]]] = {}
    for path, told in found:
        spot = spots.setdefault((told.file, told.line, told.column, told.code), {})
        spot.setdefault(path, {})[told.message] = told
    for copies in spots.values():
        each = {message: told for copy in copies.values() for message, told in copy.items()}
        first = next(iter(copies.values()))
        if len(copies) < _MANY_COPIES or len(first) > 1 or len(each) < _MANY_COPIES:
            yield from each.values()
            continue
        (told,) = first.values()
        more = f"{len(copies) - 1} more like it{_differing(told.message, each)}"
        yield replace(told, message=f"{told.message}, and {more}")


def _differing(one: str, others: Iterable[str]) -> str:
    """What other messages quote in place of what one does: the values that copies got."""
    own = {*_QUOTED.findall(one)}
    quoted = (word for other in others for word in _QUOTED.findall(other) if word not in own)
    every = [*dict.fromkeys(quoted)]
    more = ", …" if len(every) > _NAMED else ""
    return f": {', '.join(every[:_NAMED])}{more}" if every else ""


def _lines(places: Iterable[tuple[Document, Path]]) -> str:
    lines = (positions.line_of(document, path) for document, path in places)
    return ", ".join(f"{file}:{line}" for file, line in lines)


def _first(resolved: Resolved, problem: Problem) -> str:
    document, path = origin(resolved, problem.path)
    here, _ = positions.line_of(document, path)
    file, line = positions.line_of(*origin(resolved, problem.first))
    return f": the other is in line {line}" + ("" if file == here else f" of {file}")


def _home(resolved: Resolved, path: Path) -> Document:
    """The file that a task was written in."""
    if path[:1] == ("tasks",) and len(path) > 1 and int(path[1]) < len(resolved.task_place):
        return resolved.task_place[int(path[1])].document
    return resolved.document


def _in_the_step(resolved: Resolved, problem: Problem) -> Problem:
    """What a default of a layer lacks is told where the step could say it."""
    if problem.path[:1] != ("tasks",):
        return problem
    written: Any = resolved.task_place[int(problem.path[1])].value()
    place, lacks = problem.path[:2], problem.path[2:]
    while lacks and isinstance(written, dict) and lacks[0] in written:
        written = written[lacks[0]]
        place, lacks = (*place, lacks[0]), lacks[1:]
    if not all(isinstance(part, str) for part in lacks):  # a list is one value
        return problem
    return replace(problem, path=place, message=f"{problem.message} in `{dotted(lacks)}`")


def _address(resolved: Resolved, path: Path) -> tuple[str, Path]:
    document, place = origin(resolved, path)
    return document.name, place


def placed(document: Document, path: Path, problem: Problem) -> Diagnostic:
    """A problem at the position of `path` in a document, or of its nearest ancestor there."""
    document, path = document.at(path)
    place, reached = positions.locate(positions.of(document.name, document.text), path)
    is_empty = place.plain and not place.raw  # nothing stands there to point at
    line, column, width = place.line, place.column, place.width
    hint = problem.hint
    part = document.parts.get(path)  # of a whole file: its name is told, for it has no line
    message = f"{problem.message} ({part.path.name})" if part else problem.message
    if place.key_line > 0 and (is_empty or (problem.at_key and len(reached) == len(path))):
        line, column, width = place.key_line, place.key_column, place.key_width
        if is_empty and not hint and _has_comment(document.text, line):
            hint = "what follows ` #` is a comment: put it in quotes"
    elif problem.part and (at := positions.find(document.text, place, problem.part, problem.nth)):
        line, column, width = *at, len(problem.part)
    elif problem.quote and place.plain and not hint and "${" not in place.raw:
        hint = f"put it in quotes: {as_quoted(place.raw)}"
    return Diagnostic(
        file=document.name,
        line=line,
        column=column,
        width=width,
        code=problem.code,
        message=message,
        path=dotted(path),
        expected=problem.expected,
        hint=hint,
        severity="warning" if problem.severity == "warning" else "error",
    )


def _has_comment(text: str, line: int) -> bool:
    return " #" in positions.lines_of(text)[line - 1]
