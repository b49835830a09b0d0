"""A folder that the worker sees: `file:///data/x.csv` is the path `/data/x.csv`, as it is written.

Nothing in an address is decoded, so that every name has one. A file is written beside its place,
under a hidden name, and renamed.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

from factory.stores import UnknownStore, names
from factory.stores.disk import removing
from factory.stores.disk.unfinished import unfinished
from factory.stores.model import Can, File, Folder, Page, Place, Unfinished, Writer, changed, pages

START = "file:///"

# or not for us: who may not look is told as who finds nothing
_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP, errno.ENAMETOOLONG}


def place(uri: str) -> Place:
    """The place of this address.

    :raises UnknownStore: it names a host.
    """
    if not uri.startswith(START):
        raise UnknownStore(f"{uri!r} names no file of this machine", f"write {START}…")
    return Place(Disk(), uri.removeprefix("file://"))


@dataclass(frozen=True)
class Disk:
    """Files of this machine, or of a disk that it shares with others."""

    can = Can(appendable=True, links=True, parts=True, hides=True)
    leaves_from = 0

    def uri(self, path: str) -> str:
        """See `Store`."""
        return f"file://{path}"

    def list(self, folder: str, *, deep: bool = False, prefix: str = "") -> Iterator[Page]:
        """See `Store`. Links to folders are not followed; below, a closed folder is left out."""
        begins = f"{folder.rstrip('/')}/{prefix}"
        found = _entries(folder, deep)
        return pages(entry for entry in found if entry.path.startswith(begins))

    def file(self, path: str) -> File | None:
        """See `Store`."""
        try:
            facts = os.stat(path)
        except ValueError:  # no name of a file
            return None
        except OSError as error:
            if error.errno in _NOT_THERE:
                return None
            raise
        return _file(path, facts) if stat.S_ISREG(facts.st_mode) else None

    def open(self, path: str, *, version: str | None = None) -> BinaryIO:
        """See `Store`. A version is looked at once: who writes into the file is not seen."""
        file = open(path, "rb")  # noqa: SIM115
        if version is None or _file(path, os.fstat(file.fileno())).version == version:
            return file
        file.close()
        raise changed(path)

    def writer(self, path: str, *, only_new: bool = False) -> Writer:
        """See `Store`. It cuts off an earlier writer of this path, unless it is `only_new`.

        For that, the disk must have hard links.
        """
        return _Writer(path, only_new)

    def copy(self, source: str, target: str) -> None:
        """See `Store`."""
        with self.open(source) as given, self.writer(target) as out:
            shutil.copyfileobj(given, out, 1 << 20)

    def delete(self, path: str, *, version: str | None = None) -> None:
        """See `Store`. A version that is to go has a hidden name for a moment."""
        if version is not None:
            removing.delete(path, version, self.file)
            return
        with suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(path)

    def delete_below(self, folder: str) -> None:
        """See `Store`. The folder goes, too. What can't be removed stays, and the rest goes."""
        failures: list[OSError] = []

        def note(function: Any, path: str, failure: Any) -> None:
            error: OSError = failure if isinstance(failure, OSError) else failure[1]
            if not isinstance(error, FileNotFoundError):
                failures.append(error)

        told: dict[str, Any] = {"onexc" if sys.version_info >= (3, 12) else "onerror": note}
        shutil.rmtree(folder, **told)
        if failures:
            raise failures[0]

    def delete_empty(self, folder: str) -> None:
        """See `Store`."""
        with suppress(OSError):  # it is not empty, or is not there
            os.rmdir(folder)

    def settle(self, folder: str, *, deep: bool = False, prefix: str = "") -> None:
        """See `Hides`. A closed folder is passed over."""
        removing.settle(folder, deep, prefix, self.file)

    def real(self, paths: Sequence[str]) -> Sequence[str]:
        """See `Resolves`."""
        return [os.path.realpath(path) for path in paths]

    def cut_off(self, path: str) -> None:
        """See `KeepsParts`."""
        folder, _, name = path.rpartition("/")
        with suppress(FileNotFoundError, NotADirectoryError):
            _remove_left(folder or "/", name)

    def unfinished(self, path: str) -> AbstractContextManager[Unfinished]:
        """See `Appendable`."""
        return unfinished(path)


def _entries(folder: str, deep: bool) -> Iterator[File | Folder]:
    left = [folder]
    passed_over: tuple[type[OSError], ...] = (FileNotFoundError, NotADirectoryError)
    while left:
        with suppress(*passed_over):
            passed_over = (*passed_over[:2], PermissionError)  # but not the one that is asked for
            for path, entry in _scanned(left.pop()):
                try:
                    if entry.is_dir(follow_symlinks=False):
                        yield Folder(path, entry.stat(follow_symlinks=False).st_mtime)
                        if deep:
                            left.append(path)
                    elif entry.is_file():
                        yield _file(path, entry.stat())
                except FileNotFoundError:  # gone since
                    continue


def _scanned(folder: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    above = folder.rstrip("/")
    with os.scandir(folder or "/") as entries:
        for entry in entries:
            if not names.is_temporary(entry.name):
                yield f"{above}/{entry.name}", entry


def _file(path: str, facts: os.stat_result) -> File:
    version = f"{facts.st_ino}-{facts.st_size}-{facts.st_mtime_ns}"
    return File(path, facts.st_size, facts.st_mtime, version)


class _Writer(Writer):
    def __init__(self, path: str, only_new: bool) -> None:
        super().__init__()
        self._path = path
        self._only_new = only_new
        folder, _, name = path.rpartition("/")
        os.makedirs(folder or "/", exist_ok=True)
        if not only_new:
            _remove_left(folder or "/", name)
        self._temporary = f"{folder}/{names.temporary(name)}"
        self._file = open(self._temporary, "wb")  # noqa: SIM115

    def write(self, data: Any, /) -> int:
        written = self._file.write(data)
        self.size += written
        return written

    def flush(self) -> None:
        if not self._file.closed:
            self._file.flush()

    def _publish(self) -> None:
        self._file.close()
        if self._only_new:
            os.link(self._temporary, self._path)
            os.unlink(self._temporary)
        else:
            os.replace(self._temporary, self._path)

    def _discard(self) -> None:
        with suppress(OSError):  # a full disk: what is written last may fail again
            self._file.close()
        with suppress(FileNotFoundError):
            os.unlink(self._temporary)


_LARGE = 500  # entries of a folder
_PAUSE = 9.0  # so many times as long as a look took
_next_look: dict[str, float] = {}


def _remove_left(folder: str, name: str) -> None:
    """What killed writers of the same path have left.

    In a large folder only now and then: of thousands of files that are written there one after
    the other, each would look at all before it.
    """
    begun = time.monotonic()
    if begun < _next_look.get(folder, begun):
        return
    count = 0
    with os.scandir(folder) as entries:
        for count, entry in enumerate(entries, 1):  # noqa: B007
            if names.is_of(entry.name, name):
                with suppress(FileNotFoundError):
                    os.unlink(entry.path)
    if count > _LARGE:
        if len(_next_look) > _LARGE:
            _next_look.clear()
        now = time.monotonic()
        _next_look[folder] = now + _PAUSE * (now - begun)
