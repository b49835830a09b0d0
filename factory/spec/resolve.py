"""Layers, `${…}` and matrix: a document → one or several resolved specs. Pure.

Weakest first: each folder's `_defaults.yaml`, the file, the environment. Maps merge deeply, lists
are replaced, `tags` add up, and a map whose `type` or `mode` differs replaces the one below it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from factory.diagnostics import Path, did_you_mean, dotted
from factory.spec.model import SETTINGS
from factory.spec.read import Document

Value = dict[str, Any]


class Layer(msgspec.Struct, frozen=True):
    """A document, and where in it the keys of a pipeline stand."""

    document: Document
    prefix: Path = ()

    def value(self) -> Value:
        """The pipeline keys of this layer."""
        value: Any = self.document.value
        for part in self.prefix:
            value = value.get(part) if isinstance(value, dict) else None
        return value if isinstance(value, dict) else {}


class Problem(msgspec.Struct, frozen=True):
    """Something wrong at a path of the resolved value; `layers` says where that was written."""

    path: Path
    code: str
    message: str
    expected: str = ""
    hint: str = ""
    at_key: bool = False
    severity: str = "error"


class Context(msgspec.Struct, frozen=True):
    """What surrounds a file: the layers below it and the environment above it."""

    below: tuple[Layer, ...] = ()
    environment: str = "dev"
    above: Document | None = None
    base: Value = {}


class Resolved(msgspec.Struct, frozen=True):
    """One pipeline with every value in its place.

    `task_index[i]` is the place in the file of the resolved task `i`; `layers` is weakest first.
    """

    dag_id: str
    document: Document
    layers: tuple[Layer, ...]
    value: Value
    task_index: tuple[int, ...]
    problems: tuple[Problem, ...]


def context(below: Sequence[Layer], environment: str, above: Document | None) -> Context:
    """The context of every file of a folder; its layers are merged once."""
    base: Value = {}
    for layer in below:
        base = merge(base, layer.value())
    return Context(tuple(below), environment, above, base)


def resolve(document: Document, around: Context) -> list[Resolved]:
    """The pipelines that a document describes: one, or one for each matrix combination."""
    layers = (*around.below, Layer(document))
    merged = merge(around.base, document.value)
    if around.above is not None:
        top = Layer(around.above, ("override",))
        layers = (*layers, top)
        merged = merge(merged, top.value())
        merged["vars"] = _deep(
            _mapping(merged.get("vars")), _mapping(around.above.value.get("vars"))
        )
    problems: list[Problem] = []
    stem = document.path.stem
    found = []
    for dag_id, values in _combinations(stem, merged.get("matrix"), ("matrix",), problems):
        found.append(_one(document, layers, merged, dag_id, values, around.environment, problems))
    return found


def _one(
    document: Document,
    layers: tuple[Layer, ...],
    merged: Value,
    dag_id: str,
    matrix: Value,
    environment: str,
    problems: Sequence[Problem],
) -> Resolved:
    notes = list(problems)
    value = dict(merged)
    tasks = value.pop("tasks", None)
    filler = None
    if "$" in document.text or any("$" in layer.document.text for layer in layers):
        scope = {
            "vars": _mapping(merged.get("vars")),
            "matrix": matrix,
            "environment": environment,
            "dag_id": dag_id,
        }
        filler = _Filler(scope, notes)
        value = {
            key: entry if key in ("kinds", "matrix") else filler.fill(entry, (key,))
            for key, entry in value.items()
        }
    index: list[int] = []
    if isinstance(tasks, list):
        kinds, defaults = _mapping(value.get("kinds")), _mapping(value.get("defaults"))
        value["tasks"] = _tasks(tasks, kinds, defaults, filler, index, notes)
    elif tasks is not None:
        value["tasks"] = tasks
    return Resolved(dag_id, document, layers, value, tuple(index), tuple(notes))


def _tasks(
    written: list[Any],
    kinds: Value,
    defaults: Value,
    filler: _Filler | None,
    index: list[int],
    notes: list[Problem],
) -> list[Any]:
    tasks: list[Any] = []
    copies: dict[str, list[str]] = {}
    for position, task in enumerate(written):
        if not isinstance(task, dict):
            tasks.append(task)
            index.append(position)
            continue
        if "matrix" not in task:
            full = _task(task, kinds, defaults, position, notes)
            tasks.append(filler.fill(full, ("tasks", len(tasks))) if filler else full)
            index.append(position)
            continue
        name = str(task.get("id", ""))
        place: Path = ("tasks", len(tasks), "matrix")
        single = {key: entry for key, entry in task.items() if key != "matrix"}
        full = _task(single, kinds, defaults, position, notes)
        for copy_id, values in _combinations(name, task["matrix"], place, notes):
            own = (
                _Filler({**filler.scope, "matrix": {**filler.scope["matrix"], **values}}, notes)
                if filler
                else None
            )
            copy = {**full, "id": copy_id}
            copies.setdefault(name, []).append(copy_id)
            tasks.append(own.fill(copy, ("tasks", len(tasks))) if own else copy)
            index.append(position)
    if copies:
        for task in tasks:
            if isinstance(task, dict) and isinstance(task.get("needs"), list):
                task["needs"] = [
                    copy for need in task["needs"] for copy in copies.get(str(need), [need])
                ]
    return tasks


def _task(task: Value, kinds: Value, defaults: Value, position: int, notes: list[Problem]) -> Value:
    full = {**{key: defaults[key] for key in defaults if key in SETTINGS}, **task}
    if "run" in full and "uses" not in full:
        command = full.pop("run")
        full["uses"] = "bash"
        given = full.get("with", {})
        if isinstance(given, dict) and "command" not in given:
            full["with"] = {"command": command, **given}
        else:
            notes.append(
                Problem(
                    ("tasks", position, "run"),
                    "run-and-command",
                    "`run` already is the command of this task",
                    expected="either `run` or `with.command`",
                    at_key=True,
                )
            )
    uses = full.get("uses")
    below = kinds.get(uses) if isinstance(uses, str) else None
    if isinstance(below, dict):
        full["with"] = _deep(below, _mapping(full.get("with")))
    return full


def merge(under: Value, over: Value) -> Value:
    """Two layers of pipeline keys as one; neither is changed."""
    merged = _deep(under, over)
    if "schedule" in over:  # `every` over `assets` must not become both
        merged["schedule"] = over["schedule"]
    tags, more = under.get("tags"), over.get("tags")
    if isinstance(tags, list) and isinstance(more, list):
        merged["tags"] = [*tags, *(tag for tag in more if tag not in tags)]
    return merged


def _deep(under: Value, over: Value) -> Value:
    if not under:
        return dict(over)
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        if value.__class__ is dict and below.__class__ is dict and _same_shape(below, value):
            merged[key] = _deep(below, value)
        else:
            merged[key] = value
    return merged


def _same_shape(under: Any, over: Value) -> bool:
    return all(
        under.get(word, over.get(word)) == over.get(word, under.get(word))
        for word in ("type", "mode")
    )


def _mapping(value: Any) -> Value:
    return value if isinstance(value, dict) else {}


def _combinations(
    name: str, matrix: Any, path: Path, problems: list[Problem]
) -> list[tuple[str, Value]]:
    if matrix is None:
        return [(name, {})]
    if not isinstance(matrix, dict) or not matrix:
        problems.append(_bad_matrix(path, matrix))
        return [(name, {})]
    for key, values in matrix.items():
        if not isinstance(values, list) or not values or not all(map(_is_scalar, values)):
            problems.append(_bad_matrix((*path, key), values))
            return [(name, {})]
    found: dict[str, Value] = {}
    for chosen in itertools.product(*matrix.values()):
        suffix = "__".join(re.sub(r"[^A-Za-z0-9_.-]", "_", _text(value)) for value in chosen)
        full = f"{name}__{suffix}"
        if full in found:
            problems.append(
                Problem(
                    path,
                    "matrix-clash",
                    f"two combinations are both named {full!r}",
                    expected="values that differ in letters and digits",
                )
            )
        found[full] = dict(zip(matrix, chosen, strict=True))
    return list(found.items())


def _bad_matrix(path: Path, value: Any) -> Problem:
    return Problem(
        path,
        "bad-matrix",
        f"{dotted(path[-2:])} is not a matrix of values",
        expected="names with lists of single values, such as `table: [orders, customers]`",
    )


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (str, int, float, bool))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


_PLACEHOLDER = re.compile(r"(\$?)\$\{([^{}]*)\}")


class _Filler:
    """Fills `${…}` in parsed values; `$${` stands for a literal `${`."""

    def __init__(self, scope: Value, problems: list[Problem]) -> None:
        self.scope = scope
        self.problems = problems
        self.open: list[str] = []

    def fill(self, value: Any, path: Path) -> Any:
        kind = value.__class__
        if kind is str:
            return self._string(value, path) if "${" in value else value
        if kind is dict:
            return {key: self.fill(entry, (*path, key)) for key, entry in value.items()}
        if kind is list:
            return [self.fill(entry, (*path, index)) for index, entry in enumerate(value)]
        return value

    def _string(self, text: str, path: Path) -> Any:
        whole = _PLACEHOLDER.fullmatch(text)
        if whole and not whole[1]:
            return self._look_up(whole[2].strip(), path)
        return _PLACEHOLDER.sub(lambda match: self._part(match, path), text)

    def _part(self, match: re.Match[str], path: Path) -> str:
        if match[1]:
            return match[0][1:]
        value = self._look_up(match[2].strip(), path)
        if isinstance(value, (dict, list)):
            self._note(
                path,
                "placeholder-type",
                f"${{{match[2]}}} is a collection",
                expected="a single value inside a longer text",
            )
        return _text(value)

    def _look_up(self, name: str, path: Path) -> Any:
        value: Any = self.scope
        parts = name.split(".")
        for depth, part in enumerate(parts):
            if not isinstance(value, Mapping) or part not in value:
                self._unknown(name, parts, depth, value, path)
                return ""
            value = value[part]
        if parts[0] != "vars":
            return value
        if name in self.open:
            chain = " → ".join([*self.open[self.open.index(name) :], name])
            self._note(
                path,
                "placeholder-cycle",
                f"{chain} goes round in a circle",
                expected="vars that do not need each other",
            )
            return ""
        self.open.append(name)
        filled = self.fill(value, path)
        self.open.pop()
        return filled

    def _unknown(self, name: str, parts: list[str], depth: int, scope: Any, path: Path) -> None:
        known = list(scope) if isinstance(scope, Mapping) else []
        if depth == 0:
            hint = did_you_mean(parts[0], known)
            if not hint and parts[0] in self.scope["vars"]:
                hint = f"did you mean ${{vars.{name}}}?"
            hint = hint or f"for the shell's own variable write ${parts[0]} or $${{{name}}}"
            expected = "${vars.…}, ${matrix.…}, ${environment} or ${dag_id}"
        else:
            near = did_you_mean(parts[depth], known)
            before = ".".join(parts[:depth])
            hint = near or f"add {parts[depth]} under `{before}`"
            expected = f"one of {', '.join(map(str, known))}" if known else f"a name in `{before}`"
        self._note(
            path,
            "unknown-placeholder",
            f"nothing is known as ${{{name}}}",
            expected=expected,
            hint=hint,
        )

    def _note(self, path: Path, code: str, message: str, expected: str, hint: str = "") -> None:
        problem = Problem(path, code, message, expected, hint)
        if problem not in self.problems:
            self.problems.append(problem)


def origin(resolved: Resolved, path: Path) -> tuple[Document, Path]:
    """Which document wrote the value at `path`, and its path there (or its nearest ancestor's)."""
    for length in range(len(path), -1, -1):
        for document, candidate in _candidates(resolved, path[:length]):
            if _exists(document.value, candidate):
                return document, candidate
    return resolved.document, ()


def _candidates(resolved: Resolved, path: Path) -> list[tuple[Document, Path]]:
    strongest_first = resolved.layers[::-1]
    if len(path) == 2 and path[0] == "tags":
        return _tag(resolved, path[1])
    if len(path) < 2 or path[0] != "tasks" or not isinstance(path[1], int):
        found = [(layer.document, (*layer.prefix, *path)) for layer in strongest_first]
        if path[:1] == ("vars",):
            found = [(layer.document, path) for layer in strongest_first]
        return found
    index, rest = path[1], path[2:]
    if index >= len(resolved.task_index):
        return []
    position = resolved.task_index[index]
    found = [(resolved.document, ("tasks", position, *rest))]
    if rest[:2] == ("with", "command") or rest == ("uses",):
        found.append((resolved.document, ("tasks", position, "run")))
    uses = resolved.value["tasks"][index].get("uses")
    for layer in strongest_first:
        if rest[:1] == ("with",) and len(rest) > 1 and isinstance(uses, str):
            found.append((layer.document, (*layer.prefix, "kinds", uses, *rest[1:])))
        elif rest and rest[0] in SETTINGS:
            found.append((layer.document, (*layer.prefix, "defaults", *rest)))
    return found


def _tag(resolved: Resolved, index: str | int) -> list[tuple[Document, Path]]:
    """Where a tag was written: they add up, so its index differs from that in its document."""
    written: dict[Any, tuple[Document, Path]] = {}
    for layer in resolved.layers:
        tags = layer.value().get("tags")
        for place, tag in enumerate(tags if isinstance(tags, list) else ()):
            if isinstance(tag, str):
                written.setdefault(tag, (layer.document, (*layer.prefix, "tags", place)))
    found = list(written.values())
    return [found[index]] if isinstance(index, int) and index < len(found) else []


def _exists(value: Any, path: Path) -> bool:
    for part in path:
        if isinstance(value, list):
            if not isinstance(part, int) or part >= len(value):
                return False
        elif not isinstance(value, dict) or part not in value:
            return False
        value = value[part]
    return True
