"""What a file is called while it is written: hidden, beside the place where it will be."""

from __future__ import annotations

import re
import uuid

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{32}\.part", re.DOTALL)


def unfinished(name: str) -> str:
    """The one that a later process finds again."""
    return f".{name}.part"


def temporary(name: str) -> str:
    """A new one each time: a writer that was thought dead must not write into ours."""
    return f".{name}.{uuid.uuid4().hex}.part"


def is_temporary(entry: str) -> bool:
    """Was it made by `temporary`, of whatever file?"""
    return _TEMPORARY.fullmatch(entry) is not None


def is_of(entry: str, name: str) -> bool:
    """Is it what a file of this name is called while it is written, by either way?"""
    return entry.startswith(f".{name}.") and entry.endswith(".part")
