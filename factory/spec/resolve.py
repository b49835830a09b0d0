"""Layers, `${…}` and matrix: a document → one or several resolved specs. Pure.

Weakest first: each folder's `_defaults.yaml`, the file, the environment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from factory.diagnostics import Path
from factory.problem import Problem
from factory.spec.fill import Filler, Scope, Value
from factory.spec.layers import NO_KINDS, Layer, Library, deep, mapping, merge
from factory.spec.matrix import combinations
from factory.spec.notes import MAX_VALUES, Notes, size_of
from factory.spec.read import Document
from factory.spec.tasks import Tasks, too_many
from factory.spec.written import Call, Written

MAX_FILE_TASKS = 10_000
"""Tasks of all pipelines that one file describes by its `matrix`."""

_UNSAID: Any = object()
_NOT_FILLED = ("kinds", "matrix", "vars")  # kinds: filled as part of each task


class Context(msgspec.Struct, frozen=True):
    """What surrounds a file: the layers below it, the environment above it, and the kinds of the
    project's own."""

    below: tuple[Layer, ...] = ()
    environment: str = "dev"
    above: Document | None = None
    base: Value = {}
    library: Library = NO_KINDS


class Resolved(msgspec.Struct, frozen=True):
    """One pipeline with every value in its place.

    `task_place[i]` is where the resolved task `i` was written, `task_group[i]` the id of the group
    that holds it, `task_matrix[i]` what a `matrix` of its own or of a group gave it, and
    `task_names[i]` the `kinds` that its `uses` went through, other than what it is now; `groups`
    are those of tasks, with all but their `matrix`; `group_call[i]` is the call that made the group
    `i`, `group_called[i]` and `task_called[i]` are what `needs` calls all copies of a group or a
    task; `layers` is weakest first; `more` is how many problems were found beside `problems`.
    """

    dag_id: str
    document: Document
    layers: tuple[Layer, ...]
    value: Value
    scope: Scope
    task_place: tuple[Written, ...]
    task_group: tuple[str, ...]
    task_matrix: tuple[Value, ...]
    task_names: tuple[tuple[str, ...], ...]
    problems: tuple[Problem, ...]
    holes: tuple[Path, ...] = ()
    more: int = 0
    groups: tuple[Value, ...] = ()
    group_place: tuple[Written, ...] = ()
    group_call: tuple[Call | None, ...] = ()
    group_called: tuple[str, ...] = ()
    task_called: tuple[str, ...] = ()
    library: Library = NO_KINDS

    def scope_of(self, task: int) -> Scope:
        """What `${…}` may name in the resolved task `task`, and in the files that it names."""
        call = self.task_place[task].call
        return (call.scope if call else self.scope).within(self.task_matrix[task])

    def is_copy(self, task: int) -> bool:
        """Whether a `matrix` made the resolved task `task` one of several."""
        call = self.task_place[task].call
        return bool(self.task_matrix[task]) or (call is not None and call.copied)


def context(
    below: Sequence[Layer], environment: str, above: Document | None, library: Library = NO_KINDS
) -> Context:
    """The context of every file of a folder; its layers are merged once."""
    base: Value = {}
    for layer in below:
        base = merge(base, layer.value())
    base.pop("version", None)  # of the layer's own grammar
    return Context(tuple(below), environment, above, base, library)


def resolve(document: Document, around: Context, only: str | None = None) -> list[Resolved]:
    """The pipelines that a document describes: one, or one for each matrix combination.

    :param only: leave out all but this dag_id.
    """
    layers = (*around.below, Layer(document))
    merged = merge(around.base, document.value)
    if around.above is not None:
        top = Layer(around.above, ("override",))
        layers = (*layers, top)
        merged = merge(merged, top.value())
        merged["vars"] = deep(mapping(merged.get("vars")), mapping(around.above.value.get("vars")))
    notes = Notes(MAX_VALUES)
    stem = document.path.stem
    if "matrix" not in merged:
        if only not in (None, stem):
            return []
        return [_Resolver(document, layers, merged, notes, around).one(stem, {})]
    merged["matrix"] = _matrix(merged, stem, around.environment, notes)
    every = combinations(stem, merged["matrix"], ("matrix",), notes)
    wanted = [entry for entry in every if only in (None, entry[0])]
    size = size_of({key: merged[key] for key in merged if key != "matrix"})
    found = []
    tasks = 0
    for dag_id, values in wanted:
        if not notes.spend(size):
            notes.too_large(("matrix",))
        if tasks > MAX_FILE_TASKS:
            notes.add(too_many(("matrix",), MAX_FILE_TASKS, "this file", "one file"))
        own = notes.copy()
        resolver = _Resolver(document, layers, merged, own, around)
        found.append(resolver.one(dag_id, values))
        notes.left = own.left
        if notes.left < 0 or tasks > MAX_FILE_TASKS:
            return found[-1:]  # the others are well, and are not wanted
        tasks += len(found[-1].task_place)
    return found


def _matrix(merged: Value, stem: str, environment: str, notes: Notes) -> Any:
    """The pipeline's matrix, in which `${vars.…}` may stand."""
    scope = Scope(mapping(merged.get("vars")), {}, environment, stem)
    return Filler(scope, notes).fill(merged["matrix"], ("matrix",))


class _Resolver:
    """One pipeline of a document."""

    def __init__(
        self,
        document: Document,
        layers: tuple[Layer, ...],
        merged: Value,
        notes: Notes,
        around: Context,
    ) -> None:
        self.document = document
        self.layers = layers
        self.merged = merged
        self.notes = notes
        self.environment = around.environment
        self.library = around.library

    def one(self, dag_id: str, matrix: Value | None) -> Resolved:
        value = dict(self.merged)
        written = value.pop("tasks", _UNSAID)
        if matrix is None:
            del value["matrix"]  # what is wrong with it is told
        scope = Scope(mapping(value.get("vars")), matrix, self.environment, dag_id)
        filler = self._filler(scope)
        if filler is not None:
            value = {
                key: entry if key in _NOT_FILLED else filler.fill(entry, (key,))
                for key, entry in value.items()
            }
            if scope.vars:
                value["vars"] = Filler(scope, self.notes, lenient=True).fill(scope.vars, ("vars",))
        tasks = Tasks(value, filler, self.notes, self.layers, scope, self.library)
        if isinstance(written, list):
            value["tasks"] = tasks.resolve(written, Written(self.document, ("tasks",)))
        elif written is not _UNSAID:
            value["tasks"] = written
        return Resolved(
            dag_id,
            self.document,
            self.layers,
            value,
            scope,
            tuple(tasks.places),
            tuple(level.prefix for level in tasks.levels),
            tuple(tasks.matrices),
            tuple(tasks.names),
            tuple(self.notes.problems),
            tuple(self.notes.holes),
            self.notes.more,
            tuple(level.value for level in tasks.groups),
            tuple(level.place for level in tasks.groups if level.place),
            tuple(level.call for level in tasks.groups),
            tuple(level.called for level in tasks.groups),
            tuple(tasks.called),
            self.library,
        )

    def _filler(self, scope: Scope) -> Filler | None:
        """None when no layer holds a `${`: most files, and the fastest way."""
        if any("${" in text for layer in self.layers for text in layer.document.texts()):
            return Filler(scope, self.notes)
        return None
