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
    r"\{\{\s*tasks(?:\.(?P<name>\w+)|\[(?P<q>['\"])(?P<key>.+?)(?P=q)\])\.output\s*\}\}"
)
"""The output of one step."""


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
    def outputs(self) -> Mapping[str, str]:
        """What each output is called, and the step in the kind whose output it is."""
        return {name: step_of(said) for name, said in self.value.get("outputs", {}).items()}

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


def step_of(said: Any) -> str:
    """The step whose output an output of a kind is; empty: it is none."""
    match = _OUTPUT.fullmatch(said.strip()) if isinstance(said, str) else None
    return (match["name"] or match["key"]) if match else ""


__all__ = ["BrokenKind", "OwnKind", "step_of"]
