"""A file while it comes, beside the place where it will be."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

from factory.stores.model import Facts, Store, Unfinished, is_appendable
from factory.transfer.download.version import Note, Version
from factory.transfer.errors import TransferError

_FULL = {
    errno.ENOSPC: "the stage is full",
    errno.EDQUOT: "the stage is full (disk quota)",
    errno.EFBIG: "the stage takes no file of this size",
    errno.ENOLCK: "the stage is on a disk without file locks",
}


@contextmanager
def part_of(store: Store, path: str) -> Iterator[Part]:
    """The unfinished file of `path`. Only a store that appends lets it be continued later.

    A full stage is a `TransferError`, and leaves nothing of the file behind.
    """
    opened = store.unfinished(path) if is_appendable(store) else closing(_Anew(store, path))
    with _room(path), opened as unfinished:
        part = Part(unfinished)
        with _room(path, part):
            yield part


@contextmanager
def _room(path: str, part: Part | None = None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise _full(error, path, part) from error


def _full(error: OSError, path: str, part: Part | None) -> TransferError:
    folder, _, name = path.rpartition("/")
    message = f"{_FULL[error.errno or 0]}: {folder}"
    if part is not None:
        of = "" if part.length is None else f" of {part.length}"
        message += f" took {part.size}{of} bytes of {name}"
        part.restart()
    return TransferError(message, "Set `stage` to another place, or make room there")


class Part:
    """Bytes that become a file when it is published, and else vanish or wait to be continued."""

    def __init__(self, unfinished: Unfinished) -> None:
        self._bytes = unfinished
        self.length: int | None = None
        self.read = unfinished.read
        self.cut = unfinished.cut
        self.write = unfinished.write
        self.restart = unfinished.restart

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._bytes.size

    def begun(self, url: str) -> Note | None:
        """What the bytes are that an earlier attempt left; `url` is a digest."""
        note = Note.of(self._bytes.begun())
        if note is None or note.url != url or not self.size:
            return None
        return note if note.length is None or self.size <= note.length else None

    def finished(self, url: str) -> Note | None:
        """What the file is that stands in its place already."""
        facts, size = self._bytes.finished() or (None, 0)
        note = Note.of(facts)
        return note if note is not None and (note.url, note.length) == (url, size) else None

    def note(self, url: str, length: int | None, version: Version) -> None:
        """Say what the bytes are, so that a later attempt can continue."""
        self.length = length
        if version.if_range():
            self._bytes.note(Note(url, length, version).facts())

    def publish(self, url: str, version: Version) -> None:
        """Become the file, whole."""
        note = Note(url, self.size, version)
        self._bytes.publish(note.facts() if version.known() else None)


class _Anew:
    """Where nothing can be appended: each attempt begins with no byte, and keeps none."""

    def __init__(self, store: Store, path: str) -> None:
        self._new = partial(store.writer, path)
        self._writer = self._new()

    @property
    def size(self) -> int:
        return self._writer.size

    def begun(self) -> None:
        return None

    def finished(self) -> None:
        return None

    def read(self, size: int) -> Iterator[bytes]:
        return iter(())

    def cut(self, size: int) -> None:
        self.restart()

    def restart(self) -> None:
        if self.size:
            self._writer.abort()
            self._writer = self._new()

    def note(self, facts: Facts) -> None:
        pass

    def write(self, block: bytes) -> None:
        self._writer.write(block)

    def publish(self, facts: Facts | None) -> None:
        self._writer.commit()

    def close(self) -> None:
        self._writer.abort()
