"""What is downloaded and put together once, and kept for all projects of a user."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path


def cache_folder() -> Path:
    """`FACTORY_CACHE`, else `pipeline-factory` in the user's cache folder."""
    if chosen := os.environ.get("FACTORY_CACHE"):
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "pipeline-factory"


def downloads(folder: Path) -> Path:
    """Where lies what ``folder`` is made from, until it is made."""
    return folder.with_name(f".{folder.name}.downloads")


def made(folder: Path, fill: Callable[[Path, Path], None]) -> Path:
    """The folder, which appears whole or not at all; one process makes it.

    ``fill`` gets the folder of what is downloaded, which stays when it is interrupted, so that the
    next try goes on there, and a new one to fill.
    """
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name(f".{folder.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _make(folder, fill)
    return folder


def _make(folder: Path, fill: Callable[[Path, Path], None]) -> None:
    new = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    try:
        fill(downloads(folder), new)
        new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    shutil.rmtree(downloads(folder), ignore_errors=True)
