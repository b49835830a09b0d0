"""The source files of a conversion: small ones are read once, and what has been read is told."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, cast

from factory.stores.model import Store

SMALL = 256 << 10
"""Bytes of a file that is kept: it is opened to see its columns, their types, and its rows."""
KEPT = 32 << 20
"""Bytes of all that are kept; those beyond are read from the store each time."""
_FEW = 16


class Watched:
    """Files that are read one after the other through `store`."""

    def __init__(self, store: Store, paths: Sequence[str]) -> None:
        self._paths = paths
        self._below = store
        self._sizes: dict[str, int] = {}
        self._kept: dict[str, bytes] = {}
        self._room = KEPT
        self.begin()

    @property
    def store(self) -> Store:
        """The store that is watched; readers do no more than open."""
        return cast(Store, _Opens(self))

    @property
    def size(self) -> int | None:
        """Bytes of all files; None where many would have to be asked for that alone."""
        unknown = [path for path in self._paths if path not in self._sizes]
        if len(unknown) > _FEW:
            return None
        found = [self._below.file(path) for path in unknown]
        return sum(self._sizes.values()) + sum(file.size for file in found if file)

    def begin(self) -> None:
        """Forget what was read until now, to find out what the files hold."""
        self._path, self._before = "", 0
        self._file: BinaryIO | None = None

    def open(self, path: str) -> BinaryIO:
        """Open the next file, or the same once more."""
        if path != self._path:
            self._before += self._sizes.get(self._path, 0)
            self._path = path
        self._file = self._opened(path)
        return self._file

    def _opened(self, path: str) -> BinaryIO:
        if path in self._kept:
            return io.BytesIO(self._kept[path])
        file = self._below.open(path)
        self._sizes[path] = size = file.seek(0, os.SEEK_END)
        file.seek(0)
        if size > min(SMALL, self._room):
            return file
        with file:
            self._kept[path] = data = file.read()
        self._room -= len(data)
        return io.BytesIO(data)

    def position(self) -> int:
        """Bytes that were read; asked only when somebody wants to know, so it costs no time."""
        if self._file is None:
            return self._before
        try:
            here = self._file.tell()
        except ValueError:  # it is closed
            here = self._sizes.get(self._path, 0)
        return self._before + here


@dataclass(frozen=True)
class _Opens:
    watched: Watched

    def open(self, path: str) -> BinaryIO:
        return self.watched.open(path)
