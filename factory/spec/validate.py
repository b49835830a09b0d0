"""Is a resolved spec right? Yes or no in microseconds; on a no, every reason with its place.

The verdict is `jsonschema-rs`'s. Only on a no does `jsonschema` list the errors; each becomes a
`Problem` at a path of the resolved value, and `diagnose` turns those into positions in files.
"""

from __future__ import annotations

import graphlib
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from typing import Any

import jsonschema_rs

from factory.diagnostics import Diagnostic, Path, did_you_mean, dotted, one_of
from factory.errors import FactoryError
from factory.spec import positions, schedule, schema
from factory.spec.model import DefaultsFile, EnvironmentFile, Pipeline
from factory.spec.read import Document
from factory.spec.resolve import Problem, Resolved, origin

ArgumentsOf = Callable[[str], Any]
"""`uses` → the type of its arguments, or None for any mapping.

KeyError when there is no such kind, FactoryError when it does not load.
"""


class _Validator:
    def __init__(self, model: Any, authoring: bool) -> None:
        self.schema = schema.of(model, authoring=authoring)
        self.is_valid = jsonschema_rs.validator_for(self.schema).is_valid

    def problems(self, value: Any, prefix: Path = ()) -> Iterator[Problem]:
        if not self.is_valid(value):
            from factory.spec.explain import explain

            yield from explain(self.schema, value, prefix)


@cache
def _validator(model: Any, authoring: bool = False) -> _Validator:
    return _Validator(model, authoring)


def validate_layer(document: Document, *, environment: bool = False) -> list[Diagnostic]:
    """What is wrong in a `_defaults.yaml` or in an environment file."""
    model = EnvironmentFile if environment else DefaultsFile
    found = _validator(model, authoring=True).problems(document.value)
    return [placed(document, problem.path, problem) for problem in found]


def validate(resolved: Resolved, arguments_of: ArgumentsOf, kinds: Iterable[str]) -> list[Problem]:
    """Every problem of a resolved spec that can be told without reading other files."""
    found = [*resolved.problems, *_validator(Pipeline).problems(resolved.value)]
    tasks = resolved.value.get("tasks")
    if isinstance(tasks, list):
        steps = [
            (index, task)
            for index, task in enumerate(tasks)
            if isinstance(task, dict) and isinstance(task.get("id"), str)
        ]
        for index, task in steps:
            found += _arguments(index, task, arguments_of, kinds)
        found += _graph(steps)
    found += schedule.problems(resolved.value)
    return found


def _arguments(
    index: int, task: dict[str, Any], arguments_of: ArgumentsOf, kinds: Iterable[str]
) -> Iterator[Problem]:
    uses, given = task.get("uses"), task.get("with", {})
    if not isinstance(uses, str) or not uses:
        return
    try:
        model = arguments_of(uses)
        validator = None if model is None else _validator(model)
    except KeyError:
        known = list(kinds)
        yield Problem(
            ("tasks", index, "uses"),
            "unknown-kind",
            f"there is no kind {uses!r}",
            expected=f"{one_of(known)}, or an operator's import path",
            hint=did_you_mean(uses, known),
        )
        return
    except FactoryError as error:  # a kind of another package that does not load
        yield Problem(("tasks", index, "uses"), "broken-kind", error.message, hint=error.hint)
        return
    except TypeError as error:  # one whose arguments have no JSON Schema
        message = f"the kind {uses!r} is broken: {error}"
        yield Problem(("tasks", index, "uses"), "broken-kind", message)
        return
    if validator is not None and isinstance(given, dict):
        yield from validator.problems(given, ("tasks", index, "with"))


def _graph(steps: list[tuple[int, dict[str, Any]]]) -> Iterator[Problem]:
    """Ids that stand twice, needs that do not exist, needs that go round in a circle."""
    first: dict[str, int] = {}
    for index, task in steps:
        if task["id"] in first:
            yield Problem(
                ("tasks", index, "id"),
                "duplicate-id",
                f"the id {task['id']!r} stands here a second time",
                expected="each id once in a pipeline",
            )
        first.setdefault(task["id"], index)
    edges: dict[str, list[str]] = {}
    for index, task in steps:
        needs = task.get("needs")
        if not isinstance(needs, list):
            continue
        for place, need in enumerate(needs):
            if not isinstance(need, str):
                continue
            if need in first:
                edges.setdefault(task["id"], []).append(need)
                continue
            others = [name for name in first if name != task["id"]]
            yield Problem(
                ("tasks", index, "needs", place),
                "unknown-task",
                f"there is no task {need!r}",
                expected=one_of(others) if others else "the id of another task",
                hint=did_you_mean(need, others),
            )
    try:
        graphlib.TopologicalSorter(edges).prepare()
    except graphlib.CycleError as error:
        circle = list(reversed(error.args[1]))
        yield Problem(
            ("tasks", first[circle[0]], "needs"),
            "cycle",
            f"the needs go round in a circle: {' → '.join(circle)}",
            expected="tasks that can be put in an order",
            at_key=True,
        )


def diagnose(resolved: Resolved, problems: Iterable[Problem]) -> list[Diagnostic]:
    """Each problem at the file, line and column that wrote the value; sorted, each once."""
    found = []
    for problem in problems:
        document, path = origin(resolved, problem.path)
        found.append(placed(document, path, problem))
    return sorted(set(found))


def placed(document: Document, path: Path, problem: Problem) -> Diagnostic:
    """A problem at the position of `path` in a document, or of its nearest ancestor there."""
    place, reached = positions.locate(_positions(document.name, document.text), path)
    at_key = problem.at_key and len(reached) > 0 and place.key_line > 0
    line, column = (place.key_line, place.key_column) if at_key else (place.line, place.column)
    width = len(str(reached[-1])) if at_key else place.width
    hint = problem.hint
    if place.plain and not at_key and problem.code == "type" and "text" in problem.expected:
        hint = _swallowed(place.raw) or hint
    return Diagnostic(
        file=document.name,
        line=line,
        column=column,
        width=width,
        code=problem.code,
        message=problem.message,
        path=dotted(problem.path),
        expected=problem.expected,
        hint=hint,
        severity="warning" if problem.severity == "warning" else "error",
    )


def _swallowed(raw: str) -> str:
    """YAML 1.1 reads `yes`, `off` and `12:30` as something else than text."""
    value = positions.plain_value(raw)
    if isinstance(value, str):
        return ""
    shown = {True: "true", False: "false", None: "nothing"}.get(value, str(value))
    return f'YAML reads {raw or "an empty value"} as {shown}: write "{raw}"'


@lru_cache(maxsize=64)
def _positions(name: str, text: str) -> positions.Place:
    return positions.build(text)
