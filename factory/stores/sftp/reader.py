"""A file on an SFTP server, in ranges that all are of one version.

A connection that breaks off is made again, and the file opened again: if it is still the same.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import BinaryIO

from factory.stores import ranged
from factory.stores.model import changed
from factory.stores.sftp import wire
from factory.stores.sftp.errors import Target, problem, told
from factory.stores.sftp.listing import file_of, version_of
from factory.stores.sftp.session import Session
from factory.stores.sftp.wire import Facts, Request, Wire


def opened(session: Session, target: Target, version: str | None = None) -> BinaryIO:
    """A seekable file as it is now, or as it was in this version.

    :raises FileNotFoundError: there is none.
    :raises OSError: it is another one now: `model.is_changed`.
    """
    file = _File(target, version)
    with told(target):
        first = session.call(file.begin)

    def fetch(start: int, end: int) -> bytes:
        with told(target):
            return session.call(lambda live: file.read(live, start, end))

    return ranged.opened(fetch, file.size, first, let_go=file.let_go)


class _File:
    """A handle, of the wire that gave it."""

    def __init__(self, target: Target, version: str | None) -> None:
        self._target = target
        self._version = version
        self._facts: Facts | None = None
        self._wire: Wire | None = None
        self._handle = b""

    @property
    def size(self) -> int:
        return (self._facts and self._facts.size) or 0

    def begin(self, live: Wire) -> bytes:
        """Open it, and read what comes first."""
        self._open(live)
        self._facts = wire.facts_of(live.one(wire.of(wire.FSTAT, self._handle)))
        try:
            if self._facts.is_folder:
                raise problem(errno.EISDIR, "it is a folder", self._target.path)
            file_of(self._target.path, self._facts)
            if self._version not in (None, version_of(self._facts)):
                raise self._changed()
            return self.read(live, 0, min(ranged.FIRST, self.size))
        except BaseException:
            self.let_go()
            raise

    def read(self, live: Wire, start: int, end: int) -> bytes:
        """All bytes between, if the file is as it was."""
        if self._wire is not live:
            self._open(live)
        got: dict[int, bytes] = {}
        missing = [(at, min(wire.MOST, end - at)) for at in range(start, end, wire.MOST)]
        # some servers tell a size of 0, or less than there is
        beyond = [(self.size, 1)] if end == self.size else []
        while True:
            *replies, now = live.ask(self._requests([*missing, *beyond]))
            self._require_same(wire.facts_of(wire.require(now)))
            if beyond and wire.data_of(replies.pop()):
                raise self._longer()
            beyond = []
            for (at, _), reply in zip(missing, replies, strict=True):
                got[at] = wire.data_of(reply)
                if not got[at]:
                    raise self._changed()
            # a server may give less than it was asked for
            missing = [
                (at + len(got[at]), length - len(got[at]))
                for at, length in missing
                if len(got[at]) < length
            ]
            if not missing:
                return b"".join(got[at] for at in sorted(got))

    def _longer(self) -> OSError:
        return problem(
            errno.EIO,
            f"the file holds more than the {self.size:,} bytes that the SFTP server tells",
            self._target.path,
        )

    def _requests(self, missing: list[tuple[int, int]]) -> Iterator[Request]:
        yield from (wire.reads(self._handle, at, length) for at, length in missing)
        yield wire.of(wire.FSTAT, self._handle)

    def _open(self, live: Wire) -> None:
        self._handle = live.one(wire.opens(self._target.path, wire.FOR_READING)).get_string()
        self._wire = live

    def _require_same(self, now: Facts) -> None:
        if self._facts is not None and (now.size, now.changed) != self._facts[::2]:
            raise self._changed()

    def _changed(self) -> OSError:
        error = changed(self._target.path)
        error.hint = (  # type: ignore[attr-defined]
            "run the step again when it is whole: let who writes a file give it its name at the end"
        )
        return error

    def let_go(self) -> None:
        """Close it, with what is asked next: a collector may call this in any thread."""
        if self._wire is not None:
            self._wire.later(wire.of(wire.CLOSE, self._handle))
            self._wire = None
