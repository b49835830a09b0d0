"""The source files of a conversion: each in the version that was seen, and how much was read."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, cast

from factory.stores.model import File, Store, is_changed
from factory.transfer.errors import BadRow, Missing

AGAIN = (
    "Clear the whole group of the step: it looks again at what is there. Let who writes a file "
    "give it its name when it is whole"
)
_SMALL = 256 << 10
"""Bytes of a file that is asked for once, though it is opened twice."""
_KEPT = 32 << 20
"""Bytes of all such files."""


class Watched:
    """Files that are read one after the other through `store`.

    :param seen: those of the paths that were seen before; the others are looked at now.
    """

    def __init__(
        self, store: Store, paths: Sequence[str], seen: Mapping[str, File] | None = None
    ) -> None:
        looked = seen or {}
        found = ((path, looked.get(path) or store.file(path)) for path in paths)
        self._seen = {path: file for path, file in found if file is not None}
        self._below = store
        self._small: dict[str, bytes] = {}
        self.begin()
        self._room = _KEPT

    @property
    def store(self) -> Store:
        """The store that is watched; readers do no more than open."""
        return cast(Store, _Opens(self))

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self._seen.values())

    def begin(self) -> None:
        """Forget what was read until now, to find out what the files hold."""
        self._path, self._before = "", 0
        self._file: BinaryIO | None = None
        self._room = 0

    def open(self, path: str) -> BinaryIO:
        """Open the next file, or the same once more.

        Raises `BadRow` and `Missing`: it is not the one that was seen.
        """
        if path != self._path:
            self._before += self._size(self._path)
            self._path = path
        self._file = self._kept(path)
        return self._file

    def position(self) -> int:
        """Bytes that were read; asked only when somebody wants to know, so it costs no time."""
        if self._file is None:
            return self._before
        try:
            here = self._file.tell()
        except ValueError:  # it is closed
            here = self._size(self._path)
        return self._before + here

    def require_unchanged(self) -> None:
        """See that the files still are what was seen, where their store cannot see to that.

        Raises `BadRow` and `Missing`.
        """
        if not self._below.can.pins:
            for path, seen in self._seen.items():
                now = self._below.file(path)
                if now is None or now.version != seen.version:
                    raise self._other(path, gone=now is None)

    def _size(self, path: str) -> int:
        return self._seen[path].size if path in self._seen else 0

    def _kept(self, path: str) -> BinaryIO:
        """A small file is kept while the columns are looked for, until its rows are read."""
        if path in self._small:
            return io.BytesIO(self._small[path] if self._room else self._small.pop(path))
        size = self._size(path)
        if not size or size > min(_SMALL, self._room):
            return self._opened(path)
        with self._opened(path) as file:
            data = self._small[path] = file.read()
        self._room = max(1, self._room - len(data))
        return io.BytesIO(data)

    def _opened(self, path: str) -> BinaryIO:
        seen = self._seen.get(path)
        if seen is None:
            return self._below.open(path)
        try:
            return self._below.open(path, version=seen.version)
        except FileNotFoundError as error:
            if self._below.file(path) is None:  # which tells of a bucket that is gone
                raise self._other(path, gone=True) from error
            raise self._other(path) from error
        except OSError as error:
            if is_changed(error):
                raise self._other(path) from error
            raise

    def _other(self, path: str, *, gone: bool = False) -> BadRow | Missing:
        uri = self._below.uri(path)
        if gone:
            return Missing(f"{uri} is gone since it was listed", AGAIN)
        return BadRow(f"{uri} changed after it was listed", AGAIN)


@dataclass(frozen=True)
class _Opens:
    watched: Watched

    def open(self, path: str) -> BinaryIO:
        return self.watched.open(path)
