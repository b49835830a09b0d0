"""Unfinished files on a disk: `.<name>.part`, with what is noted of it in `.<name>.json`."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from factory.stores import names
from factory.stores.model import Facts, Unfinished

_BLOCK = 1 << 20


@contextmanager
def unfinished(path: str) -> Iterator[Unfinished]:
    """See `factory.stores.Appendable`."""
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    found = _Unfinished(place)
    try:
        yield found
    finally:
        found.close()


class _Unfinished:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._sidecar = path.with_name(f".{path.name}.json")
        self._name, self._file, self._first = _claim(path)
        self._inode = os.fstat(self._file).st_ino
        # with the inode, which tells the bytes that are meant
        self._noted: dict[str, Any] | None = self._read_note() if self._first else None
        self._published = False
        self.size = os.lseek(self._file, 0, os.SEEK_END)

    def begun(self) -> Facts | None:
        return self._facts() if self._is_noted() else None

    def finished(self) -> tuple[Facts, int] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        if self._noted is None or self._noted["inode"] != found.st_ino:
            return None
        return self._facts(), found.st_size

    def read(self, size: int) -> Iterator[bytes]:
        for start in range(0, size, _BLOCK):
            yield os.pread(self._file, min(_BLOCK, size - start), start)

    def cut(self, size: int) -> None:
        os.ftruncate(self._file, size)
        self.size = os.lseek(self._file, 0, os.SEEK_END)

    def restart(self) -> None:
        self.cut(0)
        if self._is_noted():
            self._forget()

    def note(self, facts: Facts) -> None:
        if self._first:  # else the note is another's
            noted = {"inode": self._inode, **facts}
            self._sidecar.write_text(json.dumps(noted))
            self._noted = noted

    def write(self, block: bytes) -> None:
        left = memoryview(block)
        while left:
            written = os.write(self._file, left)
            self.size += written
            left = left[written:]

    def publish(self, facts: Facts | None) -> None:
        if self._first:  # before the rename: a note about the part holds for the file
            self._forget()
            if facts is not None:
                self.note(facts)
        os.replace(self._name, self._path)
        self._published = True

    def close(self) -> None:
        noted = self._is_noted()
        if not self._published and not (noted and self.size):
            with suppress(FileNotFoundError):
                os.unlink(self._name)
            if noted:
                self._forget()
        os.close(self._file)

    def _is_noted(self) -> bool:
        return self._noted is not None and self._noted["inode"] == self._inode

    def _facts(self) -> Facts:
        return {name: value for name, value in (self._noted or {}).items() if name != "inode"}

    def _read_note(self) -> dict[str, Any] | None:
        """None, too, when a killed process left half of it."""
        try:
            found = json.loads(self._sidecar.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return found if isinstance(found, dict) and "inode" in found else None

    def _forget(self) -> None:
        self._sidecar.unlink(missing_ok=True)
        self._noted = None


def _claim(path: Path) -> tuple[Path, int, bool]:
    """Lock the unfinished file: its name, its descriptor, and whether it may be continued.

    While another process writes it, which may be a task that was thought dead, a name of our own
    is taken.
    """
    usual = path.with_name(names.unfinished(path.name))
    file = _locked(usual)
    if file is not None:
        _remove_dead(path, usual)
        return usual, file, True
    while file is None:
        own = path.with_name(names.temporary(path.name))
        file = _locked(own)
    return own, file, False


def _locked(name: Path) -> int | None:
    """Its descriptor, or None while another process has it. A killed process has nothing."""
    while True:
        file = os.open(name, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file), os.stat(name)):
                return file
        except FileNotFoundError:
            pass  # another writer published it, or gave it up, between the two calls
        except BlockingIOError:
            os.close(file)
            return None
        except OSError:
            os.close(file)
            raise
        os.close(file)


def _remove_dead(path: Path, usual: Path) -> None:
    for entry in path.parent.iterdir():
        if not names.is_of(entry.name, path.name) or entry == usual:
            continue
        file = _locked(entry)
        if file is not None:
            entry.unlink(missing_ok=True)
            os.close(file)
