"""What a rule sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from factory.project import Outcome, Project
from factory.spec import discover
from factory.spec.read import Document


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """The linted files with their results. `names` are all files of the root, by their names.

    `layers` are the layers that could be read, `files` all that are linted, broken ones as well;
    `whole` tells whether the whole root is linted.
    """

    project: Project
    outcomes: tuple[Outcome, ...]
    layers: tuple[Document, ...]
    files: tuple[Path, ...]
    names: Mapping[str, Path]
    whole: bool

    def documents(self) -> Iterator[Document]:
        """Every file that could be read, layers first."""
        yield from self.layers
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
