"""The tasks of one pipeline, written out: defaults, kinds, groups, calls, copies of a matrix."""

from __future__ import annotations

from typing import Any

import msgspec

from factory.diagnostics import Path, quoted
from factory.problem import Problem
from factory.spec import calls, groups, named, teardown, written
from factory.spec.fill import Filler, Scope, Value
from factory.spec.groups import Copy, Level
from factory.spec.layers import Layer, Library, deep, mapping
from factory.spec.matrix import combinations
from factory.spec.model import SETTINGS
from factory.spec.named import NOTHING, Named, looked_up
from factory.spec.notes import MAX_VALUES, Notes, size_of
from factory.spec.own_kind import OwnKind
from factory.spec.written import Call, Written

MAX_TASKS = 2_000
"""Tasks of one pipeline: a DAG with more can neither be looked at nor scheduled well."""

_BESIDE = {**{name: name for name in sorted(SETTINGS)}, "doc_md": "description"}
"""Arguments of every operator that a task says beside `with`, and the word for them there."""


class Tasks:
    """The tasks of one pipeline: defaults, kinds' defaults, `run`, groups, matrix, `${…}`."""

    def __init__(
        self,
        value: Value,
        filler: Filler | None,
        notes: Notes,
        layers: tuple[Layer, ...],
        scope: Scope,
        library: Library,
    ) -> None:
        self.kinds = mapping(value.get("kinds"))
        self.notes = notes
        self.layers = layers
        self.scope = scope
        self.library = library
        self.top = Level(filler=filler, defaults=groups.settings(value), matrix={})
        self.found: list[Any] = []
        self.called: list[str] = []
        self.places: list[Written] = []
        self.levels: list[Level] = []
        self.matrices: list[Value] = []
        self.names: list[tuple[str, ...]] = []
        self.groups: list[Level] = []
        self.copied = False

    def resolve(self, written: list[Any], place: Written) -> list[Any]:
        """The tasks that these entries become; where each comes from stands beside them."""
        self._entries(written, place, self.top)
        if self.groups and not self.found:
            self.notes.holes.append(("tasks",))  # an echo of empty groups
        if len(self.found) <= MAX_TASKS and self.notes.left >= 0:
            if self.copied or self.groups:
                groups.join(self.found, self.levels, self.groups, self.notes)
            for problem in teardown.write_out(self.found):
                self.notes.add(problem)
        return self.found

    def _entries(self, written: list[Any], above: Written, level: Level) -> None:
        for position, entry in enumerate(written):
            place = above.below(position)
            if not isinstance(entry, dict):
                self._add(entry, place, level)
                level.whole = False
            elif "matrix" in entry and isinstance(entry.get("id"), str):
                self._copy(entry, place, level)
            else:
                self._one(entry, place, level, Copy(entry.get("id"), level.filler, level.matrix))
            if len(self.found) > MAX_TASKS:
                if level is self.top:
                    self._note_too_many(place.path)
                return
            if self.notes.left < 0:
                self.notes.holes.append(("tasks",))
                return

    def _one(self, entry: Value, place: Written, level: Level, copy: Copy) -> None:
        """A task or a group, or one copy of it."""
        if "tasks" in entry:
            self._group(entry, place, level, copy)
            return
        if self.library and (of_kind := self._own_kind(entry, copy.filler)):
            self._call(entry, place, level, copy, of_kind)
            return
        index = len(self.found)
        task = self._filled(_named(entry, copy.id, level), level, copy.filler)
        path: Path = ("tasks", index, "id")
        name, own = self._called(entry, copy, level, task.get("id"), path)
        self._add(task, place, level, copy.matrix, _joined(level.called, name))
        level.add(name, own, task.get("id"), path, place.path)

    def _group(self, entry: Value, place: Written, level: Level, copy: Copy) -> None:
        at: Path = ("groups", len(self.groups))
        value = _named(entry, copy.id, level)
        value = {key: value[key] for key in value if key != "matrix"}
        for word in ("uses", "run", "with"):
            if value.pop(word, None) is not None:
                message = f"`tasks` and `{word}` both stand here"
                expected = "a group of tasks, or one task"
                self.notes.add(Problem((*at, word), "two-commands", message, expected, at_key=True))
        own = {key: value[key] for key in value if key != "tasks"}
        filled = copy.filler.fill(own, at) if copy.filler else own
        if isinstance(filled.get("needs"), str):
            filled["needs"] = [filled["needs"]]
        name, own_id = self._called(entry, copy, level, filled.get("id"), (*at, "id"))
        inner = level.below(filled, value["tasks"], place, copy, _joined(level.called, name))
        self.groups.append(inner)
        level.add(name, own_id, inner, (*at, "id"), place.path)
        if value["tasks"] == []:
            path = (*at, "tasks")
            self.notes.add(Problem(path, "out-of-bounds", "this group is empty", "a task in it"))
        elif isinstance(value["tasks"], list):
            self._entries(value["tasks"], place.below("tasks"), inner)

    def _own_kind(self, entry: Value, filler: Filler | None) -> Named | None:
        """What `uses` names, where that is a kind of the project's own."""
        uses = entry.get("uses")
        if filler and isinstance(uses, str):
            uses = filler.fill(uses, ("tasks", len(self.found), "uses"))
        kind = self._kind(uses, filler) if isinstance(uses, str) else NOTHING
        return kind if kind.uses in self.library and not kind.circle else None

    def _call(self, entry: Value, place: Written, level: Level, copy: Copy, named: Named) -> None:
        """A group of the tasks that a kind has for these parameters."""
        at: Path = ("groups", len(self.groups))
        filled = self._filled_call(_named(entry, copy.id, level), copy.filler, named, at)
        name, own_id = self._called(entry, copy, level, filled.get("id"), (*at, "id"))
        called = _joined(level.called, name)
        group = {key: filled[key] for key in calls.BESIDE if key in filled}
        kind = self.library[named.uses]
        problem = self._ring(named.uses, place) or calls.refused(
            named.uses, kind, place, (*at, "uses")
        )
        if problem:
            self.notes.add(problem)
            self.notes.spend(MAX_VALUES // MAX_TASKS)  # no task is counted, and calls multiply
            inner = level.below(group, [], place, copy, called)
            inner.whole = False
            self.notes.holes.append((*at, "tasks"))
        else:
            assert isinstance(kind, OwnKind)
            inner = self._opened(kind, filled, group, place, level, copy, named.names, called)
        self.groups.append(inner)
        level.add(name, own_id, inner, (*at, "id"), place.path)
        if inner.call is not None:
            within = Written(inner.call.kind.document, ("tasks",), inner.call)
            self._entries(inner.value["tasks"], within, inner)

    def _ring(self, uses: str, place: Written) -> Problem | None:
        """That kinds call each other in a circle, told where it begins by their names."""
        if (found := calls.ring(uses, place)) is None:
            return None
        closing, names = found
        every = (index for index, level in enumerate(self.groups) if level.place is closing)
        at: Path = ("groups", next(every, len(self.groups)), "uses")
        message = f"the kinds call each other in a circle: {' → '.join(names)}"
        return Problem(at, "cycle", message, "kinds that can be put in an order")

    def _filled_call(self, entry: Value, filler: Filler | None, named: Named, at: Path) -> Value:
        """A call with the defaults under it and every `${…}` replaced."""
        value = {**named.beside, **entry}
        given = value.get("with", {})
        if isinstance(given, dict):
            value["with"] = deep(named.below, given)
        if "run" in value:
            message, expected = "`uses` and `run` both stand here", "either `run` or `uses`"
            self.notes.add(Problem((*at, "run"), "two-commands", message, expected, at_key=True))
        filled: Value = filler.fill(value, at) if filler else value
        if isinstance(filled.get("needs"), str):
            filled["needs"] = [filled["needs"]]
        return filled

    def _opened(
        self,
        kind: OwnKind,
        filled: Value,
        group: Value,
        place: Written,
        level: Level,
        copy: Copy,
        names: tuple[str, ...],
        called: str,
    ) -> Level:
        """What stands in the kind, as a level of this one."""
        at: Path = ("groups", len(self.groups))
        for problem in calls.misplaced(filled, kind, at):
            self.notes.add(problem)
        tasks = kind.value["tasks"]
        if not self.notes.spend(size_of(tasks)):
            self.notes.too_large((*at, "uses"))
        scope = msgspec.structs.replace(self.scope, params={})
        values = calls.arguments(kind, filled["with"], at, scope, self.notes)
        scope = msgspec.structs.replace(scope, params=values)
        copied = bool(level.matrix or copy.matrix) or (
            level.inside is not None and level.inside.copied
        )
        call = Call(place, kind, names, scope, copied)
        own = {**groups.settings(kind.value), **calls.settings(filled)}
        value = {"description": kind.description, **group, "tasks": tasks}
        return level.opened(value, own, call, Filler(scope, self.notes), called)

    def _called(
        self, entry: Value, copy: Copy, level: Level, full: Any, path: Path
    ) -> tuple[str, str] | tuple[None, None]:
        """What an entry is called where it stands, and this copy of it; None: it cannot be told."""
        if not isinstance(full, str) or not isinstance(copy.id, str) or path in self.notes.holes:
            return None, None
        own = level.own(full)
        return own.removesuffix(copy.id.removeprefix(entry["id"])), own

    def _note_too_many(self, entry: Path) -> None:
        """Where it becomes too much; of the tasks themselves nothing else is told."""
        outer = [place.outermost.path[:2] for place in self.places]
        index = outer.index(entry) if entry in outer else len(outer) - 1
        by_matrix = len(self.places) > index + 1
        place: Path = ("tasks", index, "matrix") if by_matrix else ("tasks", index)
        self.notes.add(too_many(place, MAX_TASKS, "this pipeline", "one pipeline"))
        self.notes.holes.append(("tasks",))

    def _add(
        self,
        task: Any,
        place: Written,
        level: Level,
        matrix: Value | None = None,
        called: str = "",
    ) -> None:
        self.found.append(task)
        self.called.append(called)
        self.places.append(place)
        self.levels.append(level)
        self.matrices.append(matrix or {})
        if len(self.names) < len(self.found):
            self.names.append(())

    def _filled(self, task: Value, level: Level, filler: Filler | None) -> Value:
        """A task with `run` written out, the defaults under it and every `${…}` replaced."""
        place = ("tasks", len(self.found))
        own = dict(task)
        if "run" in own:
            self._write_out(own)
        uses = own.get("uses")
        if filler and isinstance(uses, str):
            uses = filler.fill(uses, (*place, "uses"))
        kind = self._kind(uses, filler) if isinstance(uses, str) else NOTHING
        full = {**level.defaults, **kind.beside, **own}
        if kind.names:
            full["uses"] = kind.uses
        if wrong := named.problem(kind):
            self.notes.once(wrong)
            self.notes.holes.append((*place, "uses"))
        self.names.append(kind.names)
        if kind.below:
            given = full.get("with", {})
            if isinstance(given, dict):
                full["with"] = deep(kind.below, given)
        if filler is not None:
            full = filler.fill(full, place)
        for key in groups.NAMING:
            if isinstance(full.get(key), str):  # one task may stand alone
                full[key] = [full[key]]
        if "teardown_for" in own and "trigger_rule" not in task:
            full.pop("trigger_rule", None)  # a default is for those that wait for others
        if "." in kind.uses and isinstance(full.get("with"), dict):
            self._say_once(full, {**kind.beside, **task}, kind, level)
        return full

    def _kind(self, uses: str, filler: Filler | None) -> Named:
        place = ("tasks", len(self.found), "uses")
        return looked_up(
            uses, self.kinds, (lambda text: filler.fill(text, place)) if filler else _as_is, deep
        )

    def _say_once(self, full: Value, task: Value, kind: Named, level: Level) -> None:
        """An operator takes settings in its `with`, too: what the task says itself wins there.

        Of two defaults the one of the stronger layer, and in one layer the operator's own.
        """
        given, own = full["with"], task.get("with", {})
        own = own if isinstance(own, dict) else given  # a `${…}` was filled in
        for name, beside in _BESIDE.items():
            if name in own and beside in task:
                self._note_twice(name, beside)
            elif name in own or name in mapping(own.get("default_args")):
                full.pop(beside, None)
            elif name in kind.below and name in given and beside in full:
                strength = max(self._strength(path) for path in named.defaults_of(kind, (name,)))
                if beside in task or strength < self._of_default(name, level):
                    full["with"] = {key: given[key] for key in full["with"] if key != name}
                else:
                    del full[beside]

    def _note_twice(self, name: str, beside: str) -> None:
        self.notes.add(
            Problem(
                ("tasks", len(self.found), "with", name),
                "said-twice",
                f"{name} stands here, and {'' if name == beside else f'as `{beside}:` '}"
                "beside `with:` as well",
                expected="one of the two",
                hint=f"say it beside `with:`, as `{beside}:`",
                at_key=True,
            )
        )

    def _of_default(self, name: str, level: Level) -> int:
        """The place of the layer whose default of a setting holds: a group stands in the file."""
        if level.said(name):
            return next(i for i, layer in enumerate(self.layers) if not layer.prefix)
        return self._strength(("defaults", name))

    def _strength(self, path: Path) -> int:
        """The place of the strongest layer that says something there."""
        every = enumerate(self.layers)
        return max((i for i, one in every if written.exists(one.value(), path)), default=-1)

    def _copy(self, entry: Value, place: Written, level: Level) -> None:
        name = entry["id"]
        at: Path = ("groups", len(self.groups)) if "tasks" in entry else ("tasks", len(self.found))
        if self.library and self._own_kind(entry, None):
            at = ("groups", len(self.groups))
        at = (*at, "matrix")
        matrix = entry["matrix"]
        if level.filler is not None:
            matrix = level.filler.fill(matrix, at)
        self.copied = True
        every = combinations(name, matrix, at, self.notes)
        self._note_same_names(every[0][1], level, at)
        single = {key: value for key, value in entry.items() if key != "matrix"}
        if not self.notes.spend((size_of(single) + size_of(self.kinds)) * len(every)):
            self.notes.too_large(at)
        for copy_id, values in every if self.notes.left >= 0 else every[:1]:
            if len(self.found) > MAX_TASKS:
                return
            filler = level.filler
            if filler is not None:
                filler = Filler(filler.scope.within(values), self.notes)
            matrix = {**level.matrix, **(values or {})}
            self._one(single, place, level, Copy(copy_id, filler, matrix))

    def _note_same_names(self, values: Value | None, level: Level, at: Path) -> None:
        for name in values or {}:
            if name in level.matrix:
                message = f"a group around this has values for {quoted(name)} as well"
                self.notes.add(Problem(at, "bad-matrix", message, "another name", at_key=True))

    def _write_out(self, full: Value) -> None:
        """`run: …` as `uses: bash` with a command."""
        command = full.pop("run")
        if "uses" in full:
            self._note_run("`uses` and `run` both stand here", "either `run` or `uses`")
            self.notes.holes.append(("tasks", len(self.found), "uses"))
            return
        full["uses"] = "bash"
        given = full.get("with", {})
        if not isinstance(given, dict):
            return
        if "command" in given:
            self._note_run("`run` already is the command", "either `run` or `with.command`")
            return
        full["with"] = {"command": command, **given}

    def _note_run(self, message: str, expected: str) -> None:
        place = ("tasks", len(self.found), "run")
        self.notes.add(Problem(place, "two-commands", message, expected, at_key=True))


def too_many(path: Path, limit: int, what: str, where: str) -> Problem:
    """Said where more tasks are written than one DAG or file may have."""
    return Problem(
        path,
        "too-many",
        f"{what} has more than {limit:,} tasks once every matrix is written out",
        expected=f"at most {limit:,} in {where}",
        hint="let one task do more of the work, or share it out among several files",
        at_key=True,
    )


def _named(entry: Value, own: Any, level: Level) -> Value:
    """A task with its whole id."""
    return {**entry, "id": level.full(own)} if isinstance(own, str) else entry


def _joined(above: str, name: str | None) -> str:
    return f"{above}.{name}" if above else name or ""


def _as_is(value: Any) -> Any:
    return value
