"""`{$file: _steps.yaml}`: a value that stands in a file of its own, beside the file that names it.

It is put in before layers are merged, so that `${…}` in it is filled in as in the spec itself.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from factory.diagnostics import Diagnostic, limited, quoted
from factory.diagnostics import Path as Place
from factory.errors import SpecError
from factory.problem import Problem
from factory.spec import beside, discover, table
from factory.spec.diagnose import placed
from factory.spec.notes import MAX_VALUES, Notes, size_of
from factory.spec.read import Document, read, read_value

WORD = "$file"
_READ: dict[str, Callable[[Path, str, Path | None], Document]] = {
    ".yaml": read_value,
    ".yml": read_value,
    ".json": read_value,
    table.SUFFIX: table.read_table,
}
_EXPECTED = "a file beside this one that ends in .yaml, .json or .csv"


def read_whole(path: Path, name: str, root: Path | None = None) -> Document:
    """Read a file with the values of those that it names.

    :param root: the configuration root that it is in; what links to elsewhere is not read.
    :raises SpecError: it cannot be read; Incomplete: one of those that it names cannot, or holds
        no value.
    """
    document = read(path, name, root)
    if WORD not in document.text:
        return document
    joiner = _Joiner(document, root)
    value = joiner.value(document.value, ())
    whole = msgspec.structs.replace(document, value=value, parts=joiner.parts)
    problems = joiner.notes.problems
    if problems or joiner.broken:
        told = (placed(document, one.path, one) for one in problems)
        raise Incomplete(whole, joiner.holes, limited([*joiner.broken, *told], joiner.notes.more))
    return whole


class Incomplete(SpecError):
    """A file that names others which cannot be read: in `document` nothing stands at `holes`."""

    def __init__(
        self, document: Document, holes: Sequence[Place], diagnostics: Sequence[Diagnostic]
    ) -> None:
        super().__init__(diagnostics)
        self.document = document
        self.holes = holes


class _Joiner:
    """Puts in the values of the files that one document names."""

    def __init__(self, document: Document, root: Path | None) -> None:
        self.document = document
        self.root = root
        self.parts: dict[Place, Document] = {}
        self.known: dict[str, Document | None] = {}
        self.broken: list[Diagnostic] = []
        self.holes: list[Place] = []
        self.notes = Notes(MAX_VALUES)

    def value(self, value: Any, place: Place) -> Any:
        """A value with every `$file` in it."""
        if isinstance(value, list):
            return [self.value(entry, (*place, index)) for index, entry in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if WORD not in value:
            return {key: self.value(entry, (*place, key)) for key, entry in value.items()}
        if (problem := self._problem(value, place)) is not None:
            self.notes.add(problem)
            self.holes.append(place)
            return None
        return self._value(value[WORD], place)

    def _value(self, name: str, place: Place) -> Any:
        """The value of a file, which is read once however often it is named."""
        if self.notes.left < 0:
            return None  # which is told already
        if name not in self.known:
            self.known[name] = self._part(name)
        if (part := self.known[name]) is None:
            self.holes.append(place)
            return None
        self.parts[place] = part
        if not self.notes.spend(size_of(part.value)):
            self.notes.too_large(place)
            self.holes.append(place)
        return part.value

    def _problem(self, value: dict[str, Any], place: Place) -> Problem | None:
        for key in value:
            if key != WORD:
                message = f"the key {quoted(key)} is not known beside {WORD}"
                expected = f"{WORD} alone: it stands for the whole value"
                hint = _rows_meant(value)
                path = (*place, key)
                return Problem(path, "unknown-key", message, expected, hint, at_key=True)
        name = value[WORD]
        path = (*place, WORD)
        if not isinstance(name, str) or "${" in name or "{{" in name:
            message = "the name of a file stands as it is, without templates"
            return Problem(path, "file", message, _EXPECTED)
        file = Path(name)
        if file.suffix not in _READ:
            return Problem(path, "file", f"{quoted(name)} holds no values", _EXPECTED)
        if file.suffix in discover.SUFFIXES and not file.name.startswith("_"):
            message = f"the file {quoted(name)} is a pipeline, by its name"
            hint = f"rename it to _{file.name}"
            return Problem(path, "file", message, "a name that begins with `_`", hint)
        with beside.below(self.root):
            problem = beside.missing(name, self.document.path.parent)
        return problem and msgspec.structs.replace(problem, path=path)

    def _part(self, name: str) -> Document | None:
        """A file that is named; None: what is wrong with it is noted."""
        try:
            return self._read(name)
        except SpecError as error:
            self.broken += error.diagnostics
            return None

    def _read(self, name: str) -> Document:
        path = self.document.path.parent / name
        shown = posixpath.normpath(posixpath.join(posixpath.dirname(self.document.name), name))
        part = _READ[path.suffix](path, shown, self.root)
        nested = next(_named(part.value, ()), None) if WORD in part.text else None
        if nested is not None:
            message = f"{WORD} stands in a file that {WORD} names"
            told = Problem(nested, "file", message, "the value itself", at_key=True)
            raise SpecError([placed(part, nested, told)])
        return part


def _rows_meant(value: dict[str, Any]) -> str:
    """A table beside the keys of a step or a pipeline."""
    name = value[WORD]
    is_table = isinstance(name, str) and name.endswith(table.SUFFIX)
    return f"a copy for each row: `matrix: {{{WORD}: {name}}}`" if is_table else ""


def _named(value: Any, place: Place) -> Iterator[Place]:
    """The places of every `$file`."""
    entries: Any = enumerate(value) if isinstance(value, list) else ()
    for key, entry in value.items() if isinstance(value, dict) else entries:
        if key == WORD:
            yield (*place, key)
        yield from _named(entry, (*place, key))
