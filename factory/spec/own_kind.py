"""What the file of a kind of one's own says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

from factory.diagnostics import Diagnostic
from factory.spec import params
from factory.spec.read import Document

_OUTPUT = re.compile(
    r"\{\{\s*tasks(?:\.(?P<name>\w+)|\[(?P<q>['\"])(?P<key>[^'\"]+)(?P=q)\])"
    r"\.(?:output|outputs\.(?P<output>\w+))\s*\}\}"
)
"""The output of one step, or one of those of a kind that it calls."""


class Handed(NamedTuple):
    """The step in a kind whose output is handed on; of one that calls a kind, which `output`."""

    step: str
    output: str = ""


class OwnKind:
    """A kind of the project's own that is right by itself."""

    def __init__(self, name: str, document: Document) -> None:
        self.name = name
        self.document = document
        self.value = document.value

    @cached_property
    def params(self) -> Mapping[str, Mapping[str, Any]]:
        """The JSON Schema of each parameter; one without a `default` must be given."""
        given = self.value.get("params", {})
        return {
            name: param if params.is_schema(param) else {"default": param}
            for name, param in given.items()
        }

    @cached_property
    def outputs(self) -> Mapping[str, Handed]:
        """What each output is called, and what in the kind it is."""
        return {name: handed(said) for name, said in self.value.get("outputs", {}).items()}

    @property
    def description(self) -> str:
        """What the kind does, for people."""
        return str(self.value.get("description", ""))

    @property
    def deprecated(self) -> str:
        """Why it should not be called any more, and what instead; empty: it may be."""
        return str(self.value.get("deprecated", ""))


class BrokenKind(NamedTuple):
    """A kind whose own file is wrong; the errors come first."""

    diagnostics: tuple[Diagnostic, ...]


def handed(said: Any) -> Handed:
    """What an output of a kind is; without a step: nothing that can be."""
    match = _OUTPUT.fullmatch(said.strip()) if isinstance(said, str) else None
    if match is None:
        return Handed("")
    return Handed(match["name"] or match["key"], match["output"] or "")


__all__ = ["BrokenKind", "Handed", "OwnKind", "handed"]
