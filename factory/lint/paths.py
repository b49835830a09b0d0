"""Paths as people write them."""

from __future__ import annotations

from pathlib import Path


def shown_path(path: Path) -> str:
    """A path as a person in the current folder would write it."""
    try:
        return path.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.as_posix()
