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
    if look(aside) is None:
        found = look(path)
        if found is None:
            return
        if found.version != version:
            raise changed(path)
        with suppress(FileNotFoundError):
            os.rename(path, aside)
    held = look(aside)
    if held is not None and held.version != version:
        _put_back(aside, path)
        raise changed(path)
    with suppress(FileNotFoundError):
        os.unlink(aside)


def _put_back(aside: str, path: str) -> None:
    """Its name again, unless a third file has that by now."""
    try:
        os.link(aside, path, follow_symlinks=False)
        os.unlink(aside)
    except OSError:  # the name is taken, or the disk has no links
        if os.path.lexists(path):
            log.warning("another file came as %s: the one before is kept as %s", path, aside)
        else:
            os.rename(aside, path)
