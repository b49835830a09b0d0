"""What a rule sees."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path as File
from typing import Any

import msgspec
from msgspec import UNSET

from factory.diagnostics import Diagnostic, Path
from factory.plan import conditions
from factory.plan.model import Pipeline, Task
from factory.problem import Problem
from factory.project import Outcome, Project
from factory.spec import assets, discover
from factory.spec.diagnose import diagnose
from factory.spec.read import Document
from factory.spec.resolve import Resolved


class Linted:
    """A plan, and where what it tells was written: only this knows what a spec looks like."""

    def __init__(self, plan: Pipeline, resolved: Resolved) -> None:
        self.plan = plan
        self.resolved = resolved
        self.told: set[Diagnostic] = set()
        """What rules found of it: some of that stands in files that others read as well."""
        self._texts: dict[str, list[tuple[Path, str]]] = {}  # three rules ask

    def place(self, step: str, below: Path) -> Path:
        """Where a step's argument stands in the spec; `below` as a plan has it."""
        return (*self._places[step], *below)

    def folder(self, step: str) -> File:
        """Where the files are that a step names: beside the file that it was written in."""
        document = self.document(step)
        return self._folder if document is self.resolved.document else document.path.parent

    @cached_property
    def _folder(self) -> File:
        return self.resolved.document.path.parent

    def document(self, step: str) -> Document:
        """The file that a step was written in."""
        return self.resolved.task_place[int(self._places[step][1])].document

    def texts(self, step: str) -> Sequence[tuple[Path, str]]:
        """The texts of a step's `with` that may be templates, with their places."""
        if step not in self._texts:
            self._texts[step] = [*texts(self.arguments(step), self.place(step, ()))]
        return self._texts[step]

    def arguments(self, step: str) -> Mapping[str, Any]:
        """What a step's `with` says."""
        found: Mapping[str, Any] = self.written(step).get("with", {})
        return found

    def written(self, step: str) -> Mapping[str, Any]:
        """A step as the spec resolves to."""
        found: Mapping[str, Any] = self.resolved.value["tasks"][self._places[step][1]]
        return found

    def decided(self, step: str) -> list[tuple[Path, Any]]:
        """The `if` of each group of which this is the first step that decides."""
        return self._decided.get(step, [])

    def group_at(self, place: Path) -> str:
        """The id of the group at whose place something stands; empty where that is none."""
        return self.resolved.groups[int(place[1])]["id"] if place[:1] == ("groups",) else ""

    @cached_property
    def _decided(self) -> Mapping[str, list[tuple[Path, Any]]]:
        groups = {group["id"]: index for index, group in enumerate(self.resolved.groups)}
        found: dict[str, list[tuple[Path, Any]]] = {}
        for task, around in zip(
            self.resolved.value["tasks"], conditions.around(self.resolved), strict=True
        ):
            for each in around:
                if each.is_first and (index := groups.pop(each.group, None)) is not None:
                    place = ("groups", index, "if")
                    found.setdefault(task["id"], []).append((place, each.condition))
        return found

    def in_copies(self, step: str) -> bool:
        """Whether a step or a group stands in a group with a `for_each`."""
        groups = (group.id for group in self.plan.groups if group.for_each is not UNSET)
        return any(step.startswith(f"{group}.") for group in groups)

    def is_copied(self, step: str) -> bool:
        """Whether a step has a copy for each item, by itself or by a group around it."""
        return "for_each" in self.written(step) or self.in_copies(step)

    def fields(self, step: str) -> tuple[str, ...]:
        """The keys of the items that a step is copied for; none where they are not known."""
        around = [g for g in self.resolved.groups if step.startswith(f"{g['id']}.")]
        every = [one["for_each"] for one in (*around, self.written(step)) if "for_each" in one]
        items = every[-1] if every else None
        if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
            return ()
        return tuple(dict.fromkeys(str(key) for item in items for key in item))

    def beside(self, step: str, key: str) -> Path:
        """Where a key of a step stands, beside its `with`."""
        return (*self._places[step][:-1], key)

    @cached_property
    def tasks(self) -> Mapping[str, list[Task]]:
        """The tasks of each step."""
        found: dict[str, list[Task]] = {}
        for task in self.plan.tasks:
            found.setdefault(task.step, []).append(task)
        return found

    def diagnose(self, found: Iterable[Problem]) -> list[Diagnostic]:
        """Problems at places of the spec, in the files that wrote it."""
        problems = [*found]
        return self.tell(diagnose(self.resolved, problems)) if problems else []

    def tell(self, found: Iterable[Diagnostic]) -> list[Diagnostic]:
        """What concerns this pipeline, in whichever file."""
        told = [*found]
        self.told.update(told)
        return told

    def waits(self) -> Iterator[tuple[Path, str]]:
        """The assets that the schedule waits for, as written, with their places."""
        if self.plan.waits:
            yield from assets.of_schedule(self.resolved.value.get("schedule"))

    @cached_property
    def _places(self) -> dict[str, Path]:
        tasks = self.resolved.value["tasks"]
        return {task["id"]: ("tasks", index, "with") for index, task in enumerate(tasks)}


class Scope(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The linted files with their results. `names` are all files of the root, by their names.

    `layers` are the layers that could be read, `kinds` all kinds of the project's own that are
    right, `files` all that are linted, broken ones as well;
    `whole` tells whether the whole root is linted; then `parts` are all files of values in it.
    """

    project: Project
    outcomes: tuple[Outcome, ...]
    layers: tuple[Document, ...]
    files: tuple[File, ...]
    names: Mapping[str, File]
    whole: bool
    parts: tuple[File, ...] = ()
    kinds: tuple[Document, ...] = ()

    def linted(self) -> tuple[Linted, ...]:
        """Every pipeline that has a plan; the same ones for each rule."""
        return self._linted

    @cached_property
    def _linted(self) -> tuple[Linted, ...]:
        found = (map(Linted, outcome.plans, outcome.specs) for outcome in self.outcomes)
        return tuple(itertools.chain.from_iterable(found))

    def documents(self) -> Iterator[Document]:
        """Every file that could be read, layers first."""
        yield from self.layers
        yield from self.kinds
        for outcome in self.outcomes:
            if outcome.specs:
                yield outcome.specs[0].document

    def texts(self) -> Iterator[tuple[str, str]]:
        """Name and text of every file that is text, whatever is wrong in it."""
        known = {document.path: document for document in self.documents()}
        for path in self.files:
            if path in known:
                yield known[path].name, known[path].text
            elif text := self.project.text(path):
                yield discover.display(self.project.root, path), text
        parts = (part for each in known.values() for part in each.parts.values())
        yield from {part.name: part.text for part in parts}.items()


def texts(value: Any, place: Path) -> Iterator[tuple[Path, str]]:
    """The texts that may be templates, with their places."""
    if isinstance(value, str):
        if "{{" in value or "{%" in value or "{#" in value or value.endswith(".sql"):
            yield place, value
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from texts(entry, (*place, key))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from texts(entry, (*place, index))
