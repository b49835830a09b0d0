"""A file while it comes, beside the place where it will be."""

import errno
import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol

import fsspec
from fsspec.implementations.local import LocalFileSystem

from factory.transfer.download.version import Note, Version
from factory.transfer.errors import TransferError

_FULL = {
    errno.ENOSPC: "the stage is full",
    errno.EDQUOT: "the stage is full (disk quota)",
    errno.EFBIG: "the stage takes no file of this size",
    errno.ENOLCK: "the stage is on a disk without file locks",
}


class Part(Protocol):
    """Bytes that become a file when it is published, and else vanish or wait to be continued."""

    size: int

    def begun(self, url: str) -> Note | None:
        """What the bytes are that an earlier attempt left; `url` is a digest."""

    def finished(self, url: str) -> Note | None:
        """What the file is that stands in its place already."""

    def read(self, size: int) -> Iterator[bytes]:
        """The first `size` bytes."""

    def cut(self, size: int) -> None:
        """Keep the first `size` bytes; what follows is written behind them."""

    def restart(self) -> None:
        """Forget all."""

    def note(self, url: str, length: int | None, version: Version) -> None:
        """Say what the bytes are, so that a later attempt can continue."""

    def write(self, block: bytes) -> None:
        """Append."""

    def publish(self, url: str, version: Version) -> None:
        """Become the file, whole."""


def part_of(fs: fsspec.AbstractFileSystem, path: str) -> AbstractContextManager[Part]:
    """The unfinished file of `path`. Only on a disk can it be continued later.

    A full stage is a `TransferError`, and leaves nothing of the file behind.
    """
    if isinstance(fs, LocalFileSystem):
        return _local(Path(str(fs._strip_protocol(path))))
    return _remote(fs, path)


@contextmanager
def _local(path: Path) -> Iterator[Part]:
    part: _LocalPart | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = _LocalPart(path)
        yield part
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise _full(error, path, part) from error
    finally:
        if part is not None:
            part.close()


def _full(error: OSError, path: Path, part: "_LocalPart | None") -> TransferError:
    message = f"{_FULL[error.errno or 0]}: {path.parent}"
    if part is not None:
        of = "" if part.length is None else f" of {part.length}"
        message += f" took {part.size}{of} bytes of {path.name}"
        part.restart()
    return TransferError(message, "Set `stage` to another place, or make room there")


class _LocalPart:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._sidecar = path.with_name(f".{path.name}.json")
        self._name, self._file, self._first = _claim(path)
        self._inode = os.fstat(self._file).st_ino
        self._noted: Note | None = self._read_note() if self._first else None
        self._published = False
        self.size = os.lseek(self._file, 0, os.SEEK_END)
        self.length: int | None = None

    def begun(self, url: str) -> Note | None:
        note = self._noted
        if note is None or note.inode != self._inode or note.url != url or not self.size:
            return None
        return note if note.length is None or self.size <= note.length else None

    def finished(self, url: str) -> Note | None:
        note = self._noted
        if note is None or note.url != url:
            return None
        try:
            facts = self._path.stat()
        except FileNotFoundError:
            return None
        return note if (note.inode, note.length) == (facts.st_ino, facts.st_size) else None

    def read(self, size: int) -> Iterator[bytes]:
        for start in range(0, size, 1 << 20):
            yield os.pread(self._file, min(1 << 20, size - start), start)

    def cut(self, size: int) -> None:
        os.ftruncate(self._file, size)
        self.size = os.lseek(self._file, 0, os.SEEK_END)

    def restart(self) -> None:
        self.cut(0)
        if self._noted is not None and self._noted.inode == self._inode:
            self._forget()

    def note(self, url: str, length: int | None, version: Version) -> None:
        self.length = length
        if self._first and version.if_range():
            self._write_note(Note(self._inode, url, length, version))

    def write(self, block: bytes) -> None:
        left = memoryview(block)
        while left:
            written = os.write(self._file, left)
            self.size += written
            left = left[written:]

    def publish(self, url: str, version: Version) -> None:
        if self._first:  # before the rename: a note about the part holds for the file
            self._forget()
            if version.known():
                self._write_note(Note(self._inode, url, self.size, version))
        os.replace(self._name, self._path)
        self._published = True

    def close(self) -> None:
        noted = self._noted is not None and self._noted.inode == self._inode
        if not self._published and not (noted and self.size):
            with suppress(FileNotFoundError):
                os.unlink(self._name)
            if noted:
                self._forget()
        os.close(self._file)

    def _read_note(self) -> Note | None:
        try:
            return Note.parsed(self._sidecar.read_text())
        except (FileNotFoundError, UnicodeDecodeError):
            return None

    def _write_note(self, note: Note) -> None:
        self._sidecar.write_text(note.text())
        self._noted = note

    def _forget(self) -> None:
        self._sidecar.unlink(missing_ok=True)
        self._noted = None


def _claim(path: Path) -> tuple[Path, int, bool]:
    """Lock the unfinished file: its name, its descriptor, and whether it may be continued.

    While another process writes it, which may be a task that was thought dead, a name of our own
    is taken.
    """
    usual = path.with_name(f".{path.name}.part")
    file = _locked(usual)
    if file is not None:
        _remove_dead(path, usual)
        return usual, file, True
    while file is None:
        own = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
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
        ours = entry.name.startswith(f".{path.name}.") and entry.name.endswith(".part")
        if not ours or entry == usual:
            continue
        file = _locked(entry)
        if file is not None:
            entry.unlink(missing_ok=True)
            os.close(file)


@contextmanager
def _remote(fs: fsspec.AbstractFileSystem, path: str) -> Iterator[Part]:
    part = _RemotePart(fs, path)
    try:
        yield part
    finally:
        part.close()


class _RemotePart:
    """An object store cannot append: each attempt starts anew, under a name of its own."""

    def __init__(self, fs: fsspec.AbstractFileSystem, path: str) -> None:
        folder, _, name = path.rpartition("/")
        self._fs = fs
        self._path = path
        self._name = f"{folder}/.{name}.{uuid.uuid4().hex}.part".lstrip("" if folder else "/")
        if folder:
            fs.makedirs(folder, exist_ok=True)
        self._file = fs.open(self._name, "wb")
        self.size = 0

    def begun(self, url: str) -> None:
        return None

    def finished(self, url: str) -> None:
        return None

    def read(self, size: int) -> Iterator[bytes]:
        return iter(())

    def cut(self, size: int) -> None:
        self.restart()

    def restart(self) -> None:
        if self.size:
            self._file.close()
            self._file = self._fs.open(self._name, "wb")
            self.size = 0

    def note(self, url: str, length: int | None, version: Version) -> None:
        pass

    def write(self, block: bytes) -> None:
        self._file.write(block)
        self.size += len(block)

    def publish(self, url: str, version: Version) -> None:
        self._file.close()
        self._fs.mv(self._name, self._path)

    def close(self) -> None:
        self._file.close()
        with suppress(FileNotFoundError):
            self._fs.rm(self._name)
