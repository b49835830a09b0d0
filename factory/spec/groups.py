"""Groups: tasks inside a task. What a name means in one, and what a group's `needs` become.

A name is looked for among the siblings, then in each group around them. A group that is needed is
all of it: the tasks behind which no other of it comes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from factory.diagnostics import Path, did_you_mean, one_of, quoted
from factory.problem import Problem
from factory.spec.fill import Filler, Value
from factory.spec.matrix import copy_name
from factory.spec.model import SETTINGS
from factory.spec.notes import Notes
from factory.spec.written import Call, Written

NAMING = ("needs", "teardown_for")
"""Keys of a task that name others."""
MAX_NEEDS = 100_000
_PART = re.compile(r"(?P<name>[^\[\].]+)(?:\[(?P<words>[^\[\]]+)\])?(?:\.|\Z)")


class Copy(NamedTuple):
    """One copy of an entry: its id, what fills it, and the values of every matrix around it."""

    id: Any
    filler: Filler | None
    matrix: Value


class Level:
    """A group, or the pipeline itself: what stands in it, by name.

    `defaults` are those of all that is around it as well, `settings` its own. A name is one thing,
    or its copies: ids of tasks, and groups. `called` is what those outside call it: `table.checks`,
    of all its copies. What stands in a `call` is a kind's, and sees no name outside of it.
    """

    def __init__(
        self,
        *,
        filler: Filler | None,
        defaults: Value,
        matrix: Value,
        above: Level | None = None,
        value: Value | None = None,
        place: Written | None = None,
        called: str = "",
        own: Value | None = None,
        call: Call | None = None,
    ) -> None:
        self.filler = filler
        self.defaults = defaults
        self.matrix = matrix
        self.above = above
        self.value = value or {}
        self.place = place
        self.called = called
        self.settings = own or {}
        self.call = call
        own = self.value.get("id")
        self.prefix: str = own if isinstance(own, str) else ""
        self.whole = True
        self.names: dict[str, list[Any]] = {}
        self.copies: dict[str, Any] = {}
        self.placed: dict[str, Path] = {}
        self.entries: dict[str, Path] = {}
        self.twice: list[tuple[str, Path]] = []

    def below(self, value: Value, tasks: Any, place: Written, copy: Copy, called: str) -> Level:
        """A group in this one."""
        own = settings(value)
        return Level(
            filler=copy.filler,
            defaults={**self.defaults, **own},
            matrix=copy.matrix,
            above=self,
            value={**value, "tasks": tasks},
            place=place,
            called=called,
            own=own,
        )

    def opened(self, value: Value, own: Value, call: Call, filler: Filler, called: str) -> Level:
        """The tasks of a kind in this one, with the settings of the call."""
        return Level(
            filler=filler,
            defaults={**self.defaults, **own},
            matrix={},
            above=self,
            value=value,
            place=call.place,
            called=called,
            own=own,
            call=call,
        )

    def around(self) -> Iterator[Level]:
        """This one, and those around it."""
        level: Level | None = self
        while level is not None:
            yield level
            level = level.above

    def seen(self) -> Iterator[Level]:
        """This one, and those around it whose names are known here."""
        for level in self.around():
            yield level
            if level.call is not None:
                return

    @property
    def inside(self) -> Call | None:
        """The call that this stands in, if it is a kind's."""
        return next((level.call for level in self.around() if level.call is not None), None)

    def said(self, setting: str) -> bool:
        """Whether a group has a default for a setting."""
        return any(setting in level.settings for level in self.around())

    def full(self, name: str) -> str:
        """The id of what has this name here."""
        return f"{self.prefix}.{name}" if self.prefix else name

    def own(self, full: str) -> str:
        """The name here of what has this id."""
        return full.removeprefix(f"{self.prefix}.") if self.prefix else full

    def add(self, name: str | None, copy: str | None, what: Any, path: Path, entry: Path) -> None:
        """Something that stands here, by its name and that of its copy; None: it cannot be told.

        :param path: of its id; `entry`: where the file has it, all of its copies.
        """
        if name is None or copy is None:
            self.whole = False
            return
        if self.entries.setdefault(name, entry) != entry:
            self.twice.append((name, path))
        elif copy in self.copies:
            self.twice.append((copy, path))
        self.names.setdefault(name, []).append(what)
        self.placed.setdefault(name, path)
        self.copies[copy] = what


def settings(value: Value) -> Value:
    """The settings among the defaults of a pipeline or of a group."""
    defaults = value.get("defaults")
    found = defaults if isinstance(defaults, dict) else {}
    return {key: found[key] for key in found if key in SETTINGS}


def join(
    tasks: Sequence[Any], levels: Sequence[Level], groups: Sequence[Level], notes: Notes
) -> None:
    """Turn every name in `needs` and `teardown_for` into ids of tasks."""
    for problem in _same_names(levels, groups):
        notes.add(problem)
    _Joining(tasks, levels, groups, notes).join()


class _Joining:
    def __init__(
        self, tasks: Sequence[Any], levels: Sequence[Level], groups: Sequence[Level], notes: Notes
    ) -> None:
        self.tasks = tasks
        self.levels = levels
        self.groups = groups
        self.notes = notes
        self.whole = all(level.whole for level in (*levels, *groups))
        self.inside: dict[int, list[str]] = {id(level): [] for level in groups}
        for task, level in zip(tasks, levels, strict=True):
            if _has_id(task):
                for around in level.around():
                    self.inside.setdefault(id(around), []).append(task["id"])
        self.ending = {task["id"] for task in tasks if _has_id(task) and task.get("teardown_for")}
        self.needs: dict[str, set[str]] = {}
        self.lasts: dict[int, list[str]] = {}

    def join(self) -> None:
        named = [
            {key: self._found(task, level, key, ("tasks", index)) for key in NAMING}
            for index, (task, level) in enumerate(zip(self.tasks, self.levels, strict=True))
        ]
        for task, found in zip(self.tasks, named, strict=True):
            if _has_id(task):
                every = [name for key in NAMING for name in found[key]]
                self.needs[task["id"]] = {one for each in every for one in self._all(each)}
        of_group = self._of_groups()
        total = 0
        for index, (task, found) in enumerate(zip(self.tasks, named, strict=True)):
            if not _has_id(task):
                continue
            for key in NAMING:
                more = of_group.get(task["id"], []) if key == "needs" else []
                if (found[key] or more) and isinstance(task.get(key, []), list):
                    total += self._put(task, index, key, found[key], more)
                if total > MAX_NEEDS:
                    self.notes.too_large(("tasks", index, key))
                    return

    def _put(
        self, task: Value, index: int, key: str, named: list[list[Any]], more: list[list[Any]]
    ) -> int:
        """Write ids for the names of a task, and of the groups around it; how many there are."""
        if any(self._holds(names, task["id"]) for names in named):
            self._note_itself(index, key)
            task[key] = []
            return 0
        each = [self._written_out(names, key) for names in named]
        first = [names[0] for names in each if names]  # it keeps the place
        rest = [name for names in each for name in names[1:]]
        rest += [name for names in more for name in self._written_out(names, key)]
        task[key] = [*first, *dict.fromkeys(rest)]
        return len(task[key])

    def _found(self, value: Any, level: Level, key: str, path: Path) -> list[list[Any]]:
        """What each name of a key means."""
        names = value.get(key) if isinstance(value, dict) else None
        return [
            self._meant(name, level, (*path, key, place))
            for place, name in enumerate(names if isinstance(names, list) else ())
        ]

    def _meant(self, name: Any, level: Level, path: Path) -> list[Any]:
        if not isinstance(name, str):
            return [name]
        found = meant(name, level)
        if isinstance(found, list):
            return found
        if self.whole and self.notes.full:
            self.notes.count(path, "unknown-task")
        elif self.whole:
            self.notes.add(told(found, path))
        return [name]

    def _of_groups(self) -> dict[str, list[list[Any]]]:
        """What tasks need because a group around them does; inner groups first."""
        more: dict[str, list[list[Any]]] = {}
        for index in range(len(self.groups) - 1, -1, -1):
            group = self.groups[index]
            if group.above is None:
                continue
            every_name = self._found(group.value, group.above, "needs", ("groups", index))
            # what means nothing is told of the group alone
            found = [names for names in every_name if self.needs.keys() & {*self._all(names)}]
            own = self.inside[id(group)]
            every = {one for names in found for one in self._all(names)}
            if every & {*own}:
                self._note_itself(index, "needs", "groups")
                continue
            first = [name for name in own if self.needs[name].isdisjoint(own)]
            for name in first if found else ():
                more.setdefault(name, []).extend(found)
                self.needs[name] |= every
        return more

    def _holds(self, names: Sequence[Any], own: Any) -> bool:
        """Whether a task is one of several that a name means."""
        alone = len(names) == 1 and not isinstance(names[0], Level)
        return not alone and own in self._all(names)

    def _all(self, names: Sequence[Any]) -> list[str]:
        """Every task of what a name means."""
        found: list[str] = []
        for each in names:
            found += self.inside[id(each)] if isinstance(each, Level) else [each]
        return [name for name in found if isinstance(name, str)]

    def _written_out(self, names: Sequence[Any], key: str) -> list[Any]:
        """The tasks of a name: of a group all that it ends with, or all that can be torn down.

        None of a group that is empty, which is told elsewhere.
        """
        found: list[Any] = []
        for each in names:
            if not isinstance(each, Level):
                found.append(each)
            elif key == "needs":
                found += self._last(each)
            else:
                found += [name for name in self.inside[id(each)] if name not in self.ending]
        return found

    def _last(self, group: Level) -> list[str]:
        if id(group) not in self.lasts:
            own = self.inside[id(group)]
            needed = set().union(*(self.needs[name] - {name} for name in own))
            self.lasts[id(group)] = [name for name in own if name not in needed] or own
        return self.lasts[id(group)]

    def _note_itself(self, index: int, key: str, what: str = "tasks") -> None:
        message = f"the {what[:-1]} is itself one of those that it names"
        path: Path = (what, index, key)
        self.notes.add(Problem(path, "self-need", message, "other tasks only", at_key=True))


def _has_id(task: Any) -> bool:
    return isinstance(task, dict) and isinstance(task.get("id"), str)


class Unknown(NamedTuple):
    """A name that means nothing; those before its part `at` lead to the levels `inside`."""

    name: str
    at: int
    inside: Sequence[Level]
    scopes: Sequence[Level]


def meant(name: str, level: Level) -> list[Any] | Unknown:
    """The ids of tasks, and the groups, that a name means: `load`, `table[orders].load`."""
    parts = _parts(name)
    first = parts[0][0] if parts else name
    scopes = [*level.seen()]
    home = next((each for each in scopes if first in each.names or first in each.copies), None)
    found: list[Any] = [home] if home else []
    for index, (part, words) in enumerate(parts if home else ()):
        inside = [each for each in found if isinstance(each, Level)]
        found = [one for each in inside for one in _chosen(each, part, words)]
        if not found:
            return Unknown(name, index, inside, scopes)
    return found or Unknown(name, 0, (), scopes)


def _parts(name: str) -> list[tuple[str, str]]:
    """`table[orders].load` as its parts; none, if it is no such name."""
    found = [*_PART.finditer(name)]
    if "".join(match[0] for match in found) != name or name.endswith("."):
        return []
    return [(match["name"], match["words"] or "") for match in found]


def normal(name: str) -> str:
    """A name whose copies are told by the words of their ids: `load[a b]` as `load[a_b]`."""
    return ".".join(
        copy_of(part, copy_name(part, words)) if words else part for part, words in _parts(name)
    )


def copy_of(name: str, copy: str) -> str:
    """`table[orders]` of the copy `table__orders`."""
    return f"{name}[{copy.removeprefix(f'{name}__')}]"


def _chosen(level: Level, name: str, words: str) -> list[Any]:
    if not words:
        return level.names.get(name) or ([level.copies[name]] if name in level.copies else [])
    one = level.copies.get(copy_name(name, words))
    return [one] if one in level.names.get(name, ()) else []


def told(unknown: Unknown, path: Path) -> Problem:
    """What is wrong with a name, and what would mean something in its place."""
    return Problem(path, "unknown-task", *_words(unknown))


def _words(unknown: Unknown) -> tuple[str, str, str]:
    """The message, what was expected, and a hint."""
    name, index, inside, scopes = unknown
    several = _several(name, scopes)
    if several or not inside:
        message, expected, near = _nowhere(name, scopes)
        return message, expected, several or near
    part, words = _parts(name)[index]
    whole = [match[0].rstrip(".") for match in _PART.finditer(name)]
    before, after = whole[:index], whole[index + 1 :]

    def hint(known: Sequence[str]) -> str:
        return did_you_mean(name, [".".join([*before, each, *after]) for each in known])

    if words and (known := [each for level in inside for each in _copies(level, part)]):
        known = [*dict.fromkeys(known)]
        return f"there is no copy {quoted(name)}", one_of(known), hint(known)
    if words and any(part in level.names for level in inside):
        message = f"{quoted('.'.join([*before, part]))} has no copies"
        other = _copy_before(before, [part, *after], words, scopes[0])
        return message, "a task or a group with a `matrix`", other or hint([part])
    if inside[0] not in scopes:
        message = f"there is no task {quoted(part)} in the group {quoted('.'.join(before))}"
        known = [*inside[0].names]
        copy = _copy_meant(before, part, after, scopes[0])
        return message, one_of(known), copy or hint(known)
    return _nowhere(name, scopes)


def _several(name: str, scopes: Sequence[Level]) -> str:
    """A hint where a name is several, which are no list."""
    words = name.replace(",", " ").split()
    parted = len(words) > 1 and all(isinstance(meant(word, scopes[0]), list) for word in words)
    return f"write [{', '.join(words)}]" if parted else ""


def _copy_before(before: list[str], rest: list[str], words: str, level: Level) -> str:
    """The words of a copy at the group that has one: `table[orders].load`."""
    for index, each in enumerate(before):
        moved = ".".join([*before[:index], f"{each}[{words}]", *before[index + 1 :], *rest])
        if isinstance(meant(moved, level), list):
            return f"did you mean {moved!r}?"
    return ""


def _copy_meant(before: list[str], part: str, after: list[str], level: Level) -> str:
    """A copy of a group that is named as if it stood in it: `table.orders`."""
    copy = ".".join([*before[:-1], f"{before[-1]}[{part}]", *after])
    has_words = "[" in before[-1] or "[" in part
    return (
        f"did you mean {copy!r}?" if not has_words and isinstance(meant(copy, level), list) else ""
    )


def _copies(level: Level, name: str) -> list[str]:
    """The copies of a task or a group, as they are named."""
    start = f"{name}__"
    mine = [*map(id, level.names.get(name, ()))]
    return [
        copy_of(name, copy)
        for copy, what in level.copies.items()
        if id(what) in mine and copy.startswith(start)
    ]


def _nowhere(name: str, scopes: Sequence[Level]) -> tuple[str, str, str]:
    known, copies = (
        [*dict.fromkeys(each for level in scopes for each in getattr(level, what))]
        for what in ("names", "copies")
    )
    inner = [*dict.fromkeys(each for level in scopes for each in _inner(level))]
    same = next((each for each in inner if each.endswith(f".{name}")), "")
    hint = f"did you mean {same!r}?" if same else did_you_mean(name, [*known, *copies, *inner])
    return f"there is no task {quoted(name)}", one_of(known), hint


def _inner(level: Level) -> Iterator[str]:
    """What stands in the groups of a level, as it is named here."""
    for name, found in level.names.items():
        if isinstance(found[0], Level):
            for inner in (*found[0].names, *_inner(found[0])):
                yield f"{name}.{inner}"


def _same_names(levels: Sequence[Level], groups: Sequence[Level]) -> Iterator[Problem]:
    """A name has one meaning, wherever it is read."""
    every = {id(level): level for level in (*groups, *levels)}
    for level in every.values():
        for name, path in level.twice:
            message = f"the id {quoted(name)} stands here a second time"
            expected, first = "each id once in a pipeline", level.placed.get(name, ())
            yield Problem(path, "duplicate-id", message, expected, first=first)
        for name, path in level.placed.items():
            outside = next((a for a in [*level.seen()][1:] if name in a.names), None)
            if outside is not None:
                message = f"the id {quoted(name)} stands outside of this group as well"
                expected = "an id that nothing around has: a name means one thing"
                first = outside.placed.get(name, ())
                yield Problem(path, "duplicate-id", message, expected, first=first)


__all__ = ["MAX_NEEDS", "NAMING", "Copy", "Level", "copy_of", "join", "meant", "normal", "settings"]
