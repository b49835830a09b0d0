"""What a path says before anybody looks: is it a pattern, a folder, where does it begin?

Addresses are taken as well: `file:///in/*.csv` begins in `file:///in`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from factory.diagnostics import Path
from factory.problem import Problem

MAGIC = re.compile(r"[*?\[]")
"""What makes a pattern of a path."""


def is_pattern(path: str) -> bool:
    """Whether it may mean several files."""
    return MAGIC.search(path) is not None


def is_folder(path: str) -> bool:
    """Whether it means all that is below: it ends in `/`, or is a store's root."""
    return not path or path.endswith("/")


def is_deep(path: str) -> bool:
    """Whether it means files of folders of any depth."""
    return is_folder(path) or "**" in path


@lru_cache(maxsize=64)  # asked for each of many files
def beginning(path: str) -> str:
    """The folder that all it means is below: `/in` of `/in/*/x.csv`, of `/in/` and `/in/x.csv`."""
    magic = MAGIC.search(path)
    return path[: magic.start() if magic else None].rpartition("/")[0].rstrip("/")


def name_below(path: str, file: str) -> str:
    """What a file that a path means is called below its beginning: `b/x.csv` of `/in/*/x.csv`."""
    if file == path.rstrip("/"):  # also one whose own name looks like a pattern
        return file.rpartition("/")[2]
    return file[len(beginning(path)) :].lstrip("/")


def is_below(path: str, folder: str) -> bool:
    """Whether a path is in a folder, of whatever depth, or is the folder."""
    return f"{path.rstrip('/')}/".startswith(f"{folder.rstrip('/')}/" if folder else "")


def gap(path: str) -> str | None:
    """A part that is empty, `.` or `..`: what it means differs between stores. None without."""
    inner = path.rpartition("://")[2].removeprefix("/").removesuffix("/")
    parts = inner.split("/") if inner else []
    return next((part for part in parts if part in ("", ".", "..")), None)


def is_whole(path: str) -> bool:
    """Whether it means a store's root or any file in it: nothing stands before its pattern.

    `~` is where a login begins, often all that it sees.
    """
    magic = MAGIC.search(path)
    return path[: magic.start() if magic else None].strip("/") in ("", "~")


def inside(uri: str) -> str:
    """What an address says behind the name of its store: `in/x` of `acme://box/in/x`."""
    return uri.partition("://")[2].partition("/")[2]


def own_copies(source: str, target: str, place: Path) -> Iterator[Problem]:
    """Files that would be copied to where they are, or into what is copied."""
    begins = beginning(source)
    onto = target in (source, f"{begins}/")
    if onto or (is_deep(source) and is_below(target, begins)):
        where = "to where they are" if onto else "into the folder that is copied"
        message = f"the files of {source!r} would be copied {where}"
        yield Problem(place, "own-copy", message, f"a folder that is not in {begins}/")
