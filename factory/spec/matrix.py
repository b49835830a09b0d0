"""`matrix`: the name and the values of each copy, of rows or of every combination."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

from factory.diagnostics import Path, did_you_mean, dotted, nearest, one_of, quoted
from factory.problem import Problem
from factory.spec.fill import Value, as_text
from factory.spec.notes import Notes

MAX_COMBINATIONS = 1000
MAX_NAME = 250  # Airflow's own limit for ids

Combination = tuple[str, Value | None]
"""A name and its values; None when the matrix is broken."""

_VALUES = "names with lists of single values, such as `table: [orders, customers]`"
_ROW = "a row such as `{table: orders, key: [order_id]}`: its first field names its copy"
_IN_DAG_IDS = re.compile(r"[^A-Za-z0-9_.-]")
_IN_TASK_IDS = re.compile(r"[^A-Za-z0-9_-]")


def combinations(name: str, matrix: Any, path: Path, notes: Notes) -> list[Combination]:
    """`name__value` with its values, for each copy; `name` alone when there is a problem."""
    if path in notes.holes:  # a `${…}` that could not be told: a broken one, and said already
        return [(name, None)]
    problem = _problem(matrix, path)
    if problem is not None:
        notes.add(problem)
        return [(name, None)]
    refused = _IN_DAG_IDS if path == ("matrix",) else _IN_TASK_IDS
    found: dict[str, Value | None] = {}
    origins: dict[str, str] = {}
    for number, (words, values) in enumerate(_copies(matrix), start=1):
        full = _name(name, words, refused)
        origin = f"row {number}" if isinstance(matrix, list) else _shown(words)
        if full in found:
            notes.add(_clash(path, full, origins[full], origin))
        found[full] = values
        origins.setdefault(full, origin)
    if len(longest := max(found, key=len)) > MAX_NAME:
        notes.add(_too_long(path, longest))
    return list(found.items())


def copy_name(name: str, words: str) -> str:
    """The id of the copy that `load[orders, eu]` names."""
    return _name(name, (word.strip() for word in words.split(",")), _IN_TASK_IDS)


def _copies(matrix: Any) -> Iterator[tuple[Iterable[Any], Value]]:
    """What names each copy, and its values."""
    if isinstance(matrix, list):
        for row in matrix:
            yield [next(iter(row.values()))], row
        return
    for combination in itertools.product(*matrix.values()):
        yield combination, dict(zip(matrix, combination, strict=True))


def _name(name: str, words: Iterable[Any], refused: re.Pattern[str]) -> str:
    return "__".join([name, *(_word(value, refused) for value in words)])


def _word(value: Any, refused: re.Pattern[str] = _IN_TASK_IDS) -> str:
    return refused.sub("_", as_text(value)).rstrip("_-.")


def _problem(matrix: Any, path: Path) -> Problem | None:
    if not isinstance(matrix, dict | list) or not matrix:
        what = "the matrix is empty" if not matrix else f"{_kind(matrix)} is no matrix"
        hint = "of a CSV file, what is below its header are the rows" if matrix == [] else ""
        return _bad(path, what, f"{_VALUES}; or a list of rows", hint or _file_meant(matrix))
    if isinstance(matrix, list):
        found, count = _of_rows(matrix, path), len(matrix)
    else:
        each = (_of_values(values, (*path, key)) for key, values in matrix.items())
        found = next(filter(None, each), None)
        count = 0 if found else math.prod(len(values) for values in matrix.values())
    return found or (_too_many(path, count) if count > MAX_COMBINATIONS else None)


def _of_values(values: Any, place: Path) -> Problem | None:
    if not isinstance(values, list):
        message = f"{dotted(place[-2:])} is {_kind(values)}, not a list"
        return _bad(place, message, _VALUES, _file_meant(values))
    if not values:
        return _bad(place, f"{dotted(place[-2:])} is an empty list", _VALUES)
    each = (_of_name(value, (*place, index), _VALUES) for index, value in enumerate(values))
    return next(filter(None, each), None)


def _file_meant(value: Any) -> str:
    is_file = isinstance(value, str) and value.endswith((".csv", ".yaml", ".yml", ".json"))
    return f"for the rows of a file write `matrix: {{$file: {value}}}`" if is_file else ""


def _of_name(value: Any, place: Path, expected: str) -> Problem | None:
    if not isinstance(value, (str, int, float)):
        return _bad(place, f"{_kind(value)} is not a single value", expected)
    return None if re.search("[A-Za-z0-9]", _word(value)) else _nameless(place, value)


def _of_rows(rows: list[Any], path: Path) -> Problem | None:
    """Each has the fields of the first, in whatever order but for the one that names it."""
    first = rows[0]
    for index, row in enumerate(rows):
        place = (*path, index)
        if not isinstance(row, dict) or not row:
            return _bad(
                place, f"{_kind(row) if row else 'an empty row'} is no row of a matrix", _ROW
            )
        name = next(iter(first))
        if problem := _of_fields(row, first, place):
            return problem
        if next(iter(row)) != name:
            message = f"the first field of this row is {quoted(next(iter(row)))}"
            return _bad(place, message, f"{quoted(name)} first, as in the first row: it names it")
        if problem := _of_name(row[name], (*place, name), _ROW):
            return problem
    return None


def _of_fields(row: Value, first: Value, place: Path) -> Problem | None:
    lacks = [field for field in first if field not in row]
    more = [field for field in row if field not in first]
    if lacks:
        message = f"this row lacks {', '.join(map(quoted, lacks[:5]))}, which the first one has"
        meant = (field for field in more if nearest(field, lacks))
        if len(lacks) == 1 and (slip := next(meant, None)) is not None:
            message = f"the first row has no {quoted(slip)}"
            return _bad((*place, slip), message, one_of(lacks), did_you_mean(slip, lacks))
        return _bad(place, message, "the same fields in each row; `null` where there is none")
    if more:
        message = f"the first row has no {quoted(more[0])}"
        return _bad((*place, more[0]), message, one_of(list(first)), did_you_mean(more[0], first))
    return None


def _bad(path: Path, message: str, expected: str, hint: str = "") -> Problem:
    return Problem(path, "bad-matrix", message, expected=expected, hint=hint)


def _kind(value: Any) -> str:
    names = {str: "text", list: "a list", dict: "a mapping", bool: "a boolean"}
    return "nothing" if value is None else names.get(type(value), "a number")


def _nameless(path: Path, value: Any) -> Problem:
    return Problem(
        path,
        "bad-matrix",
        f"{value!r} cannot be part of a name",
        expected="values with letters (a to z) or digits: they become part of the ids",
        hint="" if isinstance(path[-1], str) else _OF_ROWS,  # a row is told by its field
    )


_OF_ROWS = "in a list of rows the first field is the name: `[{name: all, value: …}]`"


def _too_many(path: Path, count: int) -> Problem:
    return Problem(
        path,
        "too-many",
        f"the matrix has {f'{count:,}' if count < 10**9 else 'countless'} combinations",
        expected=f"at most {MAX_COMBINATIONS:,}",
        at_key=True,
    )


def _too_long(path: Path, full: str) -> Problem:
    return Problem(
        path,
        "too-long",
        f"a copy is named {full[:40]}…, which has {len(full)} characters",
        expected=f"at most {MAX_NAME} characters",
        at_key=True,
    )


def _shown(words: Iterable[Any]) -> str:
    return ", ".join(quoted(as_text(word)) for word in words)


def _clash(path: Path, full: str, first: str, second: str) -> Problem:
    return Problem(
        path,
        "matrix-clash",
        f"two copies are both named {full!r}: those of {first} and of {second}",
        expected="values that differ in letters (a to z) and digits",
        at_key=True,
    )
