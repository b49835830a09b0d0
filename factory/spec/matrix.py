"""`matrix`: names and values of every combination."""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

from factory.diagnostics import Path, dotted
from factory.problem import Problem
from factory.spec.fill import Value, as_text
from factory.spec.notes import Notes

MAX_COMBINATIONS = 1000
MAX_NAME = 250  # Airflow's own limit for ids

Combination = tuple[str, Value | None]
"""A name and its values; None when the matrix is broken."""

_EXAMPLE = "names with lists of single values, such as `table: [orders, customers]`"
_IN_DAG_IDS = re.compile(r"[^A-Za-z0-9_.-]")
_IN_TASK_IDS = re.compile(r"[^A-Za-z0-9_-]")


def combinations(name: str, matrix: Any, path: Path, notes: Notes) -> list[Combination]:
    """`name__value` with its values, for each combination; `name` alone when there is a problem."""
    problem = _problem(matrix, path)
    if problem is not None:
        notes.add(problem)
        return [(name, None)]
    found: dict[str, Value | None] = {}
    for chosen in itertools.product(*matrix.values()):
        full = _name(name, chosen, _IN_DAG_IDS if path == ("matrix",) else _IN_TASK_IDS)
        if full in found:
            notes.add(_clash(path, full))
        found[full] = dict(zip(matrix, chosen, strict=True))
    if len(longest := max(found, key=len)) > MAX_NAME:
        notes.add(_too_long(path, longest))
    return list(found.items())


def _name(name: str, chosen: tuple[Any, ...], refused: re.Pattern[str]) -> str:
    return "__".join([name, *(_word(value, refused) for value in chosen)])


def _word(value: Any, refused: re.Pattern[str] = _IN_TASK_IDS) -> str:
    return refused.sub("_", as_text(value)).rstrip("_-.")


def _problem(matrix: Any, path: Path) -> Problem | None:
    if not isinstance(matrix, dict) or not matrix:
        return _bad(path, "the matrix is empty" if not matrix else f"{_kind(matrix)} is no matrix")
    for key, values in matrix.items():
        place = (*path, key)
        if not isinstance(values, list):
            return _bad(place, f"{dotted(place[-2:])} is {_kind(values)}, not a list")
        if not values:
            return _bad(place, f"{dotted(place[-2:])} is an empty list")
        for index, value in enumerate(values):
            if not isinstance(value, (str, int, float)):
                return _bad((*place, index), f"{_kind(value)} is not a single value")
            if not re.search("[A-Za-z0-9]", _word(value)):
                return _nameless((*place, index), value)
    count = math.prod(len(values) for values in matrix.values())
    return _too_many(path, count) if count > MAX_COMBINATIONS else None


def _bad(path: Path, message: str) -> Problem:
    return Problem(path, "bad-matrix", message, expected=_EXAMPLE)


def _kind(value: Any) -> str:
    names = {str: "text", list: "a list", dict: "a mapping", bool: "a boolean"}
    return "nothing" if value is None else names.get(type(value), "a number")


def _nameless(path: Path, value: Any) -> Problem:
    return Problem(
        path,
        "bad-matrix",
        f"{value!r} cannot be part of a name",
        expected="values with letters (a to z) or digits: they become part of the ids",
    )


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
        f"a combination is named {full[:40]}…, which has {len(full)} characters",
        expected=f"at most {MAX_NAME} characters",
        at_key=True,
    )


def _clash(path: Path, full: str) -> Problem:
    return Problem(
        path,
        "matrix-clash",
        f"two combinations are both named {full!r}",
        expected="values that differ in letters (a to z) and digits",
        at_key=True,
    )
