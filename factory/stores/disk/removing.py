"""A file goes in the version that was seen: by another name first, where nobody writes it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress

from factory.stores import names
from factory.stores.model import File, changed

log = logging.getLogger(__name__)

Look = Callable[[str], File | None]


def delete(path: str, version: str, look: Look) -> None:
    """Remove it. What a killed try has left by the other name is seen to first.

    :raises OSError: another one is there, and stays: `model.is_changed`.
    """
    folder, _, name = path.rpartition("/")
    aside = f"{folder}/{names.leaving(name, version)}"
    if not os.path.lexists(aside):
        found = look(path)
        if found is None:
            return
        if found.version != version:
            raise changed(path)
        with suppress(FileNotFoundError):
            os.rename(path, aside)
    if not _ended(aside, path, look):
        raise changed(path)


def settle(folder: str, deep: bool, prefix: str, look: Look) -> None:
    """End what killed removals have left, as `Hides` has it."""
    begins = f"{folder.rstrip('/')}/{prefix}"
    for above, folders, files in os.walk(folder or "/"):
        here = above.rstrip("/")
        for entry in (*files, *folders):
            name = names.before_away(entry)
            if name is not None and f"{here}/{name}".startswith(begins):
                _ended(f"{here}/{entry}", f"{here}/{name}", look)
        if not deep:
            break


def _ended(aside: str, path: str, look: Look) -> bool:
    """Gone, if it is the version that its hidden name tells of; else it has its own name again."""
    held = look(aside)
    name = path.rpartition("/")[2]
    if held is not None and aside.endswith(f"/{names.leaving(name, held.version)}"):
        with suppress(FileNotFoundError):
            os.unlink(aside)
        return True
    if not os.path.lexists(aside):  # another try was faster
        return True
    _put_back(aside, path)
    return False


def _put_back(aside: str, path: str) -> None:
    """Its name again, unless a third file has that by now."""
    try:
        os.link(aside, path, follow_symlinks=False)
        os.unlink(aside)
    except OSError:  # the name is taken, the disk has no links, or it is a folder
        if os.path.lexists(path):
            log.warning("another file came as %s: the one before is kept as %s", path, aside)
        else:
            os.rename(aside, path)
