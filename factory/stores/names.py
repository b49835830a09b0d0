"""What a file is called while it is written or removed: hidden, beside its place."""

from __future__ import annotations

import hashlib
import os
import re
import uuid

_END = r"\.[0-9a-f]{32}\.part"
_LONGEST = 200  # bytes; a name may have 255
_TEMPORARY = re.compile(rf"\..+{_END}", re.DOTALL)
_AWAY = re.compile(r"\.(.*)\.[0-9a-f]{32}\.old", re.DOTALL)


def unfinished(name: str) -> str:
    """The one that a later process finds again."""
    return f".{name}.part"


def temporary(name: str) -> str:
    """A new one each time: a writer that was thought dead must not write into ours."""
    return f".{name}.{uuid.uuid4().hex}.part"


def is_temporary(entry: str) -> bool:
    """Was it made by `temporary`, `aside` or `leaving`, of whatever file?"""
    if not entry.startswith("."):
        return False
    return _TEMPORARY.fullmatch(entry) is not None or _AWAY.fullmatch(entry) is not None


def aside(name: str) -> str:
    """What is in the way of a new one is called for a moment. It is nobody's to remove."""
    return f".{name}.{uuid.uuid4().hex}.old"


def leaving(name: str, version: str) -> str:
    """What a file is called before it goes: the same each time, so that a later try finds it."""
    begin = name if len(os.fsencode(name)) < _LONGEST else ""
    digest = hashlib.sha256(os.fsencode(f"{version}/{name}")).hexdigest()[:32]
    return f".{begin}.{digest}.old"


def before_away(entry: str) -> str | None:
    """The name that a file had before `aside` or `leaving`; None: of neither, or too long a one."""
    found = _AWAY.fullmatch(entry)
    return found[1] or None if found else None


def is_temporary_of(entry: str, name: str) -> bool:
    """Was it made by `temporary`, of a file of this name? One of `a` is none of `a.csv`."""
    return re.fullmatch(rf"\.{re.escape(name)}{_END}", entry) is not None


def is_of(entry: str, name: str) -> bool:
    """Is it what a file of this name is called while it is written, by either way?"""
    return entry == unfinished(name) or is_temporary_of(entry, name)
