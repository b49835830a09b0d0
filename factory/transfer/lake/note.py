"""What says that an attempt is at work, and on which files: should it be killed, they are found.

It is written as seldom as may be: at the beginning, when something of a file may stay, and now and
then, so that a long attempt is not taken for one that was killed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from factory.stores.model import Place, Writer, keeps_parts
from factory.transfer.lake.manifest import begin

RENEWED = 3600.0
"""Seconds after which it is written anew, with the next file."""


class Note:
    """The note of one attempt; `open_files` gives the paths that it is at work on."""

    def __init__(self, lake: Place, token: str, open_files: Callable[[], Iterable[str]]) -> None:
        self._lake, self._token, self._open_files = lake, token, open_files
        self._written = float("-inf")

    def writer(self, path: str) -> Writer:
        """A new file of the attempt; it is noted before anything of it can stay."""
        place = self._lake.below(path)
        leaves = place.store.leaves_from if keeps_parts(place.store) else None
        if leaves == 0 or time.monotonic() - self._written > RENEWED:
            self._write(path)
        out = place.store.writer(place.path)
        return _Noted(out, leaves, lambda: self._write(path)) if leaves else out

    def _write(self, path: str) -> None:
        begin(self._lake, self._token, sorted({*self._open_files(), path}))
        self._written = time.monotonic()


class _Noted(Writer):
    """Tells once, before more than so many bytes are written."""

    def __init__(self, out: Writer, most: int, tell: Callable[[], None]) -> None:
        super().__init__()
        self._out, self._most, self._tell = out, most, tell
        self._told = False

    def write(self, data: Any, /) -> int:
        if not self._told and self.size + memoryview(data).nbytes > self._most:
            self._tell()
            self._told = True
        written = self._out.write(data)
        self.size += written
        return written

    def _publish(self) -> None:
        self._out.commit()

    def _discard(self) -> None:
        self._out.abort()
