"""Files beside a spec, by the names that it gives them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from itertools import islice
from pathlib import Path, PurePosixPath

from factory.diagnostics import did_you_mean, quoted
from factory.problem import Problem
from factory.spec import links
from factory.spec.text import Unreadable, bytes_of

_MAX_ENTRIES = 10_000
"""Names that are looked at to find the one that was meant."""
_EXPECTED = "a file beside this one, or below its folder"
_ROOT: ContextVar[Path | None] = ContextVar("root", default=None)


@contextmanager
def below(root: Path | None) -> Iterator[None]:
    """In this block, files beside specs must not be links that lead out of the root's project."""
    token = _ROOT.set(root)
    try:
        yield
    finally:
        _ROOT.reset(token)


def root() -> Path | None:
    """The configuration root of the block that this runs in."""
    return _ROOT.get()


def missing(name: str, folder: Path) -> Problem | None:
    """Why `name` is no file in `folder` or below it; None when it is one.

    Airflow's template loader does not look above the folder of a spec either.
    """
    written = PurePosixPath(name)
    if written.is_absolute() or ".." in written.parts:
        return Problem(
            (),
            "file",
            f"the file {quoted(name)} is outside of the folder of this spec",
            expected=_EXPECTED,
        )
    try:
        if (above := root()) is not None and links.leads_outside(folder / written, above):
            return Problem(
                (), links.CODE, links.MESSAGE, links.EXPECTED, "put the file itself here"
            )
        if (folder / written).is_file():
            return None
        hint = _hint(name, written, folder)
    except (OSError, ValueError) as error:  # a name too long, or with a NUL
        reason = getattr(error, "strerror", None) or str(error)
        return Problem((), "file", f"{quoted(name)} cannot be a file: {reason}", expected=_EXPECTED)
    message = f"there is no file {quoted(name)} beside this one"
    return Problem((), "file", message, expected=_EXPECTED, hint=hint)


def text_of(path: Path) -> str:
    """The text of a file that is not missing; empty when it cannot be read, or is too large."""
    try:
        data, size = bytes_of(path, root())
    except Unreadable:
        return ""
    return data.decode(errors="replace") if size <= len(data) else ""


def _hint(name: str, written: PurePosixPath, folder: Path) -> str:
    """The file that was meant: of the same kind in its folder, else of the same name below."""
    there = folder / written.parent
    if there.is_dir():
        every = _entries(str(there), there.stat().st_mtime_ns)
        near = (path for path in every if os.path.splitext(path)[1] == written.suffix)
    else:
        near = (path for path in _below(folder) if os.path.basename(path) == written.name)
    names = [os.path.relpath(path, folder).replace(os.sep, "/") for path in near]
    return did_you_mean(name, names) or (f"there is {names[0]}" if len(names) == 1 else "")


@lru_cache(maxsize=4)
def _entries(folder: str, changed: int) -> list[str]:
    """Files in a folder, listed once for all tasks that name one."""
    with os.scandir(folder) as entries:
        return [entry.path for entry in islice(entries, _MAX_ENTRIES) if os.path.isfile(entry)]


def _below(folder: Path) -> Iterator[str]:
    """Files below a folder; links to folders are not followed."""
    left = _MAX_ENTRIES
    for above, _, files in os.walk(folder):
        left -= 1 + len(files)
        if left < 0:
            return
        yield from (os.path.join(above, file) for file in files)


__all__ = ["below", "missing", "root", "text_of"]
