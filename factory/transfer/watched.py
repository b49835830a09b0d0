"""How much of its source files a conversion has read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, cast

from factory.stores.model import Store


class Watched:
    """Files that are read one after the other through `store`."""

    def __init__(self, store: Store, paths: Sequence[str]) -> None:
        found = [(path, store.file(path)) for path in paths]
        self._sizes = {path: file.size if file else 0 for path, file in found}
        self._below = store
        self.begin()

    @property
    def store(self) -> Store:
        """The store that is watched; readers do no more than open."""
        return cast(Store, _Opens(self))

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(self._sizes.values())

    def begin(self) -> None:
        """Forget what was read until now, to find out what the files hold."""
        self._path, self._before = "", 0
        self._file: BinaryIO | None = None

    def open(self, path: str) -> BinaryIO:
        """Open the next file, or the same once more."""
        if path != self._path:
            self._before += self._sizes.get(self._path, 0)
            self._path = path
        self._file = self._below.open(path)
        return self._file

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
