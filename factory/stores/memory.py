"""Files in this process, for tests: `memory://<name>/<path>`. The same name is the same store."""

from __future__ import annotations

import errno
import io
import itertools
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from factory.stores import UnknownStore
from factory.stores.model import Can, File, Folder, Page, Place, Writer, changed, pages

START = "memory://"
_counter = itertools.count(1)


def place(uri: str) -> Place:
    """The place of this address.

    :raises UnknownStore: it has no name of a store.
    """
    name, _, path = uri.removeprefix(START).partition("/")
    if not name:
        raise UnknownStore(f"{uri!r} names no store", f"write {START}<name>/<path>")
    return Place(Memory(name), path)


@dataclass(frozen=True)
class _File:
    data: bytes
    changed: float = field(default_factory=time.time)
    version: int = field(default_factory=lambda: next(_counter))


_stores: dict[str, dict[str, _File]] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class Memory:
    """The files of this name. They stay as long as the process."""

    name: str
    can = Can(pins=True)

    def uri(self, path: str) -> str:
        """See `Store`."""
        return f"{START}{self.name}/{path}"

    def list(self, folder: str, *, deep: bool = False, prefix: str = "") -> Iterator[Page]:
        """See `Store`."""
        above, files = _prefix(folder), self._files()
        with _lock:
            there = dict(files)
        below = {path: file for path, file in there.items() if path.startswith(above + prefix)}
        entries: dict[str, File | Folder] = {}
        for path, file in below.items():
            first, slash, _ = path[len(above) :].partition("/")
            if deep or not slash:
                entries[path] = _known(path, file)
            else:
                entries[above + first] = Folder(above + first)
        return pages(entries.values())

    def file(self, path: str) -> File | None:
        """See `Store`."""
        found = self._files().get(path)
        return None if found is None else _known(path, found)

    def open(self, path: str, *, version: str | None = None) -> BinaryIO:
        """See `Store`."""
        found = self._at(path)
        if version not in (None, str(found.version)):
            raise changed(path)
        return io.BytesIO(found.data)

    def writer(self, path: str, *, only_new: bool = False) -> Writer:
        """See `Store`."""
        return _Writer(self._files(), path, only_new)

    def copy(self, source: str, target: str) -> None:
        """See `Store`."""
        self._files()[target] = _File(self._at(source).data)

    def delete(self, path: str, *, version: str | None = None) -> None:
        """See `Store`."""
        files = self._files()
        with _lock:
            found = files.get(path)
            if version is not None and found is not None and str(found.version) != version:
                raise changed(path)
            files.pop(path, None)

    def delete_below(self, folder: str) -> None:
        """See `Store`."""
        prefix, files = _prefix(folder), self._files()
        with _lock:
            for path in [path for path in files if path.startswith(prefix)]:
                del files[path]

    def delete_empty(self, folder: str) -> None:
        """See `Store`. There are no folders."""

    def _files(self) -> dict[str, _File]:
        with _lock:
            return _stores.setdefault(self.name, {})

    def _at(self, path: str) -> _File:
        try:
            return self._files()[path]
        except KeyError:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from None


def _prefix(folder: str) -> str:
    return f"{folder}/" if folder else ""


def _known(path: str, file: _File) -> File:
    return File(path, len(file.data), file.changed, str(file.version))


class _Writer(Writer):
    def __init__(self, files: dict[str, _File], path: str, only_new: bool) -> None:
        super().__init__()
        self._files = files
        self._path = path
        self._only_new = only_new
        self._written = io.BytesIO()

    def write(self, data: Any, /) -> int:
        self._check_open()
        written = self._written.write(data)
        self.size += written
        return written

    def _publish(self) -> None:
        file = _File(self._written.getvalue())
        with _lock:
            if self._only_new and self._path in self._files:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), self._path)
            self._files[self._path] = file

    def _discard(self) -> None:
        self._written.close()
