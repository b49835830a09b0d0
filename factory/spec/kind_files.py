"""Kinds of a project's own: `_kinds/load_table.yaml`, with `params`, `tasks` and `outputs`.

Each file is read once, when something calls it, and looked at by itself: what is wrong in it
whoever calls it is told there, and no other pipeline is concerned.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path as File
from typing import Any

from factory.diagnostics import Diagnostic, Path, did_you_mean, limited, one_of, quoted, shortened
from factory.errors import SpecError, said
from factory.problem import Problem, Problems
from factory.spec import beside, model, params
from factory.spec.diagnose import placed
from factory.spec.own_kind import BrokenKind, OwnKind, handed
from factory.spec.read import Document
from factory.spec.validator import validator

_TEMPLATE = re.compile(r"\{\{[^{}]*\}\}|\{%[^%]*%\}")
_OF_RUN = re.compile(r"(?<![\w.{])params\.(?P<name>\w+)")
_READ = re.compile(r"(?<!\$)\$\{\s*params(?:\.(?P<name>[^{}.\s]*)[^{}]*)?\s*\}")
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


class Library(Mapping[str, "OwnKind | BrokenKind"]):
    """The kinds of a project by name. A file that has the name of another kind is none: those who
    use that one are well.

    :param read: reads a file; raises SpecError.
    :param is_taken: whether the product or a package has a kind of this name.
    """

    def __init__(
        self,
        files: Mapping[str, File],
        read: Callable[[File], Document],
        is_taken: Callable[[str], bool],
    ) -> None:
        self._files = files
        self._read = read
        self._is_taken = is_taken
        self._known: dict[str, OwnKind | BrokenKind] = {}

    def __getitem__(self, name: str) -> OwnKind | BrokenKind:
        if name not in self:
            raise KeyError(name)
        return self._of_file(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)

    def __contains__(self, name: object) -> bool:
        return name in self._own

    @cached_property
    def _own(self) -> Mapping[str, File]:
        return {name: file for name, file in self._files.items() if not self._is_taken(name)}

    def _of_file(self, name: str) -> OwnKind | BrokenKind:
        if name not in self._known:
            self._known[name] = self._made(name, self._files[name])
        return self._known[name]

    @property
    def files(self) -> Mapping[str, File]:
        """The file of each name."""
        return self._files

    def documents(self) -> Iterator[Document]:
        """The files of those that are right."""
        every = (self[name] for name in self)
        return (kind.document for kind in every if isinstance(kind, OwnKind))

    def diagnostics(self, name: str) -> list[Diagnostic]:
        """What is wrong in a kind's own file, and what looks so."""
        found = self._of_file(name)
        if isinstance(found, BrokenKind):
            return [*found.diagnostics]
        return _placed(found.document, [*_unused(found), *_of_runs(found)])

    def _made(self, name: str, file: File) -> OwnKind | BrokenKind:
        try:
            document = self._read(file)
        except SpecError as error:
            return BrokenKind(tuple(error.diagnostics))
        found = [*_name_taken(name, self._is_taken)]
        try:
            found += [] if found else _problems(document)
        except Exception as error:  # a defect that one file brings out is told of it alone
            found.append(Problem((), "internal", f"the factory fails on this file: {said(error)}"))
        if found:
            return BrokenKind(tuple(_placed(document, found)))
        return OwnKind(name, document)


def _placed(document: Document, found: Iterator[Problem] | list[Problem]) -> list[Diagnostic]:
    problems = Problems()
    problems.put(found)
    told = (placed(document, entry.path, entry) for entry in problems)
    return limited(sorted(told), problems.more)


def _name_taken(name: str, is_taken: Callable[[str], bool]) -> Iterator[Problem]:
    if is_taken(name):
        message = f"{quoted(name)} is a kind already, and stays what it is: this file is not read"
        hint = "rename the file"
        yield Problem((), "kind-name", message, "a name of your own", hint)


def _problems(document: Document) -> Iterator[Problem]:
    """What is wrong in a kind, whoever calls it."""
    value = document.value
    wrong = validator(model.KindFile, authoring=True).problems(value)
    yield from wrong
    if "tasks" not in value:
        yield Problem((), "missing-key", "the key 'tasks' is missing", "the steps of the kind")
    given = value.get("params", {})
    if wrong or "tasks" not in value:
        return
    for name in given:
        if not _NAME.fullmatch(name) or name == "uses":
            message = f"{quoted(name)} cannot be the name of a parameter"
            expected = "letters (a to z), digits and `_`"
            yield Problem(("params", name), "format", message, expected, at_key=True)
    yield from params.problems({"params": given})
    known = params.of_mapping(given) or given
    for path, text in _texts({key: value[key] for key in _FILLED if key in value}, ()):
        yield from _unknown(text, path, known)
    yield from _of_callers(value)
    yield from _outputs(value)


_FILLED = ("tasks", "defaults")


def _unknown(text: str, path: Path, given: Mapping[str, Any]) -> Iterator[Problem]:
    for match in _READ.finditer(text):
        name = match["name"]
        if name is None or name in given:
            continue
        yield Problem(
            path,
            "unknown-placeholder",
            f"{shortened(match[0])} is not known",
            expected=one_of(sorted(given)) if given else "a name under `params:`",
            hint=did_you_mean(name, given) or f"add `{shortened(name)}:` under `params:`",
            part=match[0],
        )


_MATRIX = re.compile(r"(?<!\$)\$\{\s*matrix(?:\.(?P<name>[^{}.\s]*)[^{}]*)?\s*\}")


def _of_callers(value: Mapping[str, Any]) -> Iterator[Problem]:
    """`${matrix.…}` of no matrix in the kind: that of a caller is the caller's alone."""
    every = [entry["matrix"] for _, entry in _mappings(value["tasks"], ()) if "matrix" in entry]
    if not all(isinstance(one, (dict, list)) for one in every):
        return  # a `${…}`, whose names are not known here
    rows = [row for one in every for row in (one if isinstance(one, list) else [one])]
    known = {name for row in rows if isinstance(row, dict) for name in row}
    for path, text in _texts(value["tasks"], ("tasks",)):
        for match in _MATRIX.finditer(text):
            if match["name"] not in known:
                message = f"{shortened(match[0])} is no matrix of this kind"
                expected = "a `matrix` in this file, or a parameter that is given its value"
                yield Problem(path, "unknown-placeholder", message, expected, part=match[0])


def _mappings(value: Any, path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    if isinstance(value, dict):
        yield path, value
    entries: Any = enumerate(value) if isinstance(value, list) else ()
    for key, entry in value.items() if isinstance(value, dict) else entries:
        yield from _mappings(entry, (*path, key))


def _outputs(value: Mapping[str, Any]) -> Iterator[Problem]:
    """What is no output, and what is one of a step that is not there."""
    ids = [entry.get("id") for entry in value["tasks"] if isinstance(entry, dict)]
    known = [one for one in ids if isinstance(one, str)]
    for name, text in value.get("outputs", {}).items():
        path: Path = ("outputs", name)
        if not _NAME.fullmatch(name):
            message = f"{quoted(name)} cannot be the name of an output"
            yield Problem(path, "format", message, "letters (a to z), digits and `_`", at_key=True)
        step = handed(text).step
        first = re.split(r"[.\[]", step)[0]
        if not step:
            message = f"{quoted(text)} is not the output of one step"
            yield Problem(path, "format", message, "such as `{{ tasks.count.output }}`")
        elif first not in known and not any("${" in one for one in known):
            message = f"there is no task {quoted(first)} in this kind"
            hint = did_you_mean(first, known)
            yield Problem(path, "unknown-task", message, one_of(known), hint, part=first)


def _unused(kind: OwnKind) -> Iterator[Problem]:
    """Parameters that nothing in the kind reads; a SQL file beside it may do so, too."""
    read = {problem.part.removeprefix("params.") for problem in _of_runs(kind)}  # told there
    folder = kind.document.path.parent
    for _, text in _texts({key: kind.value.get(key) for key in _FILLED}, ()):
        if text.endswith(".sql") and not beside.missing(text, folder):
            text += beside.text_of(folder / text)
        for match in _READ.finditer(text):
            if match["name"] is None:
                return  # all of them
            read.add(match["name"])
    for name in kind.params:
        if name not in read:
            yield Problem(
                ("params", name),
                "unused-var",
                f"nothing reads ${{params.{shortened(name)}}}",
                hint="remove it, or read it where it was meant",
                at_key=True,
                severity="warning",
            )


def _of_runs(kind: OwnKind) -> Iterator[Problem]:
    """`{{ params.x }}` where the kind has a parameter of that name: it is a run's, and not this."""
    for path, text in _texts({key: kind.value.get(key) for key in _FILLED}, ()):
        read = (match for tag in _TEMPLATE.finditer(text) for match in _OF_RUN.finditer(tag[0]))
        for name in dict.fromkeys(match["name"] for match in read):
            if name in kind.params:
                yield Problem(
                    path,
                    "template",
                    f"`params.{name}` in a template is what a run is started with",
                    expected="what the call gives",
                    hint=f"write `${{params.{name}}}`",
                    part=f"params.{name}",
                    severity="warning",
                )


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    entries: Any = enumerate(value) if isinstance(value, list) else ()
    for key, entry in value.items() if isinstance(value, dict) else entries:
        yield from _texts(entry, (*path, key))


__all__ = ["Library"]
