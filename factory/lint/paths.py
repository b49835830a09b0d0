"""Paths as people write them."""

from __future__ import annotations

import os
from pathlib import Path

_WORKSPACES = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")


def shown_path(path: Path) -> str:
    """A path as a person in the current folder would write it."""
    try:
        return path.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.as_posix()


def repository(folder: Path) -> Path:
    """The root of the repository that a folder is in: what a forge's paths count from.

    Without Git, such as in a container, what the CI calls its workspace; else the current folder,
    or `folder` itself where that is elsewhere.
    """
    above = (folder, *folder.parents)
    for one in above:
        if os.path.lexists(one / ".git"):
            return one
    known = [Path(os.environ[name]) for name in _WORKSPACES if os.environ.get(name)]
    return next((one for one in (*known, Path.cwd()) if one in above), folder)
