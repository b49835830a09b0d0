"""Links: a file of a project may be one, as long as it leads to a file of the project.

What a link from elsewhere would show (`/etc/shadow` in an error, in a rendered field) was never
meant to be a spec. The configuration root itself may be a link, as in a Git bundle, and so may what
is in it, as in a mounted ConfigMap, whose files are links into its own `..data`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

CODE = "link-outside"
MESSAGE = "this link leads out of the project, so it is not read"
EXPECTED = "a link to a file of the same kind in this project"

# without waiting: a FIFO would block until somebody writes into it
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_DEEP = 2


class Outside(Exception):
    """A link leads out of the project."""


def opened(path: Path) -> int:
    """A descriptor of whatever is there.

    :raises OSError: nothing is, or it cannot be opened.
    """
    return os.open(path, _FLAGS)


def require_inside(descriptor: int, path: Path, root: Path) -> None:
    """What was opened is the file of this name, in the project of the configuration root.

    It is asked of what is open: a file may be swapped for a link at any moment.

    :raises Outside: it is not.
    """
    real = os.path.realpath(path)
    if _leads(path, root, real) or not _is(descriptor, real):
        raise Outside(path)


@contextmanager
def reading(path: Path, root: Path | None) -> Iterator[BinaryIO]:
    """A file, which must be in the root's project if a root is given.

    :raises Outside: it is a link to elsewhere.
    """
    descriptor = opened(path)
    try:
        if root is not None:
            require_inside(descriptor, path, root)
        with open(descriptor, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(descriptor)


def leads_outside(path: Path, root: Path) -> bool:
    """Whether a path below the root leads to a file or folder that is not in the project."""
    return _leads(path, root, os.path.realpath(path))


def _leads(path: Path, root: Path, real: str) -> bool:
    if real == str(path):  # there is no link on the way
        return False
    own = os.path.realpath(root)
    if _below(own, real) is not None:
        return False
    for project in {os.path.dirname(own), os.path.realpath(root.parent)}:
        below = _below(project, real)
        # a root that lies in `/` or `/etc` has no project around it
        if below is None or len(Path(project).parts) <= _DEEP:
            continue
        hidden = any(part.startswith(".") for part in Path(below).parts)
        if not hidden and os.path.splitext(real)[1] == path.suffix:
            return False
    return True


def _below(folder: str, path: str) -> str | None:
    """The path from a folder on; None when it is not in it."""
    if path == folder:
        return ""
    prefix = folder.rstrip(os.sep) + os.sep
    return path.removeprefix(prefix) if path.startswith(prefix) else None


def _is(descriptor: int, real: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(real))
    except OSError:
        return False
