"""Layers of a pipeline: which document says a key, and how two of them become one.

Maps merge deeply, lists are replaced, `tags` add up, and a map whose `type` or `mode` differs
replaces the one below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from factory.diagnostics import Path
from factory.spec.fill import Value
from factory.spec.own_kind import BrokenKind, OwnKind
from factory.spec.read import Document


class Layer(msgspec.Struct, frozen=True):
    """A document, and where in it the keys of a pipeline stand."""

    document: Document
    prefix: Path = ()

    def value(self) -> Value:
        """The pipeline keys of this layer."""
        value: Any = self.document.value
        for part in self.prefix:
            value = value.get(part) if isinstance(value, dict) else None
        return value if isinstance(value, dict) else {}


Library = Mapping[str, OwnKind | BrokenKind]
"""The kinds of a project's own, by name: read when they are asked for."""
NO_KINDS: Library = {}


def merge(under: Value, over: Value) -> Value:
    """Two layers of pipeline keys as one; neither is changed."""
    merged = deep(under, over)
    if "schedule" in over:  # `every` over `assets` must not become both
        merged["schedule"] = over["schedule"]
    tags, more = under.get("tags"), over.get("tags")
    if isinstance(tags, list) and isinstance(more, list):
        known = {tag for tag in tags if isinstance(tag, str)}
        merged["tags"] = [
            *tags,
            *(tag for tag in more if (tag not in known if isinstance(tag, str) else True)),
        ]
    return merged


def deep(under: Value, over: Value) -> Value:
    """Two maps as one, `over` the stronger; neither is changed."""
    if not under:
        return dict(over)
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        if value.__class__ is dict and below.__class__ is dict and _same_shape(below, value):
            merged[key] = deep(below, value)
        else:
            merged[key] = value
    return merged


def _same_shape(under: Any, over: Value) -> bool:
    return all(
        under.get(word, over.get(word)) == over.get(word, under.get(word))
        for word in ("type", "mode")
    )


def mapping(value: Any) -> Value:
    """A value that should be a map; an empty one for any other."""
    return value if isinstance(value, dict) else {}
