"""What a file is called while it is written: hidden, beside the place where it will be."""

from __future__ import annotations

import re
import uuid

_END = r"\.[0-9a-f]{32}\.part"
_TEMPORARY = re.compile(rf"\..+{_END}", re.DOTALL)


def unfinished(name: str) -> str:
    """The one that a later process finds again."""
    return f".{name}.part"


def temporary(name: str) -> str:
    """A new one each time: a writer that was thought dead must not write into ours."""
    return f".{name}.{uuid.uuid4().hex}.part"


def is_temporary(entry: str) -> bool:
    """Was it made by `temporary`, of whatever file?"""
    return _TEMPORARY.fullmatch(entry) is not None


def aside(name: str) -> str:
    """What is in the way of a new one is called for a moment. It is nobody's to remove."""
    return f".{name}.{uuid.uuid4().hex}.old"


def is_temporary_of(entry: str, name: str) -> bool:
    """Was it made by `temporary`, of a file of this name? One of `a` is none of `a.csv`."""
    return re.fullmatch(rf"\.{re.escape(name)}{_END}", entry) is not None


def is_of(entry: str, name: str) -> bool:
    """Is it what a file of this name is called while it is written, by either way?"""
    return entry == unfinished(name) or is_temporary_of(entry, name)
