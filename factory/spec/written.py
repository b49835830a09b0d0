"""Where a value stands: a file, a path in it, and the call of a kind that put it there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from factory.diagnostics import Path
from factory.spec.read import Document

if TYPE_CHECKING:
    from factory.spec.fill import Scope
    from factory.spec.own_kind import OwnKind


class Written(msgspec.Struct, frozen=True):
    """A task or a group as it was written; `call` is that of the kind whose file this is."""

    document: Document
    path: Path
    call: Call | None = None

    def below(self, *parts: str | int) -> Written:
        """What stands there."""
        return Written(self.document, (*self.path, *parts), self.call)

    def value(self) -> dict[str, Any]:
        """The mapping that stands here."""
        found: Any = self.document.value
        for part in self.path:
            found = found[part]
        return dict(found)

    def callers(self) -> Iterator[Written]:
        """The calls that led here, the nearest first; the last is the pipeline's own."""
        place = self
        while place.call is not None:
            place = place.call.place
            yield place

    @property
    def outermost(self) -> Written:
        """Where in the pipeline's own file this was asked for."""
        *_, place = (self, *self.callers())
        return place


class Call(msgspec.Struct, frozen=True):
    """A task whose `uses` leads to a kind of the project's own.

    `names` are the `kinds` that it went through; `scope` is what `${…}` may name in the kind;
    `copied`: a `matrix` outside makes this one of several.
    """

    place: Written
    kind: OwnKind
    names: tuple[str, ...]
    scope: Scope
    copied: bool


def exists(value: Any, path: Path) -> bool:
    """Whether something stands there."""
    for part in path:
        if isinstance(value, list):
            if not isinstance(part, int) or part >= len(value):
                return False
        elif not isinstance(value, dict) or part not in value:
            return False
        value = value[part]
    return True


def value_at(value: Any, path: Path) -> Any:
    """What stands there; None: nothing does."""
    if not exists(value, path):
        return None
    for part in path:
        value = value[part]
    return value


__all__ = ["Call", "Written", "exists", "value_at"]
