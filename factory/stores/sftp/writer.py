"""A file while it is written: beside its place, under a hidden name, and renamed at the end.

Memory is bounded by a block. A connection that breaks off is made again, and the block sent again.
"""

from __future__ import annotations

import errno
import itertools
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

from factory.stores import names
from factory.stores.model import Writer
from factory.stores.sftp import listing, wire
from factory.stores.sftp.errors import Target, plain, problem, told
from factory.stores.sftp.session import Session
from factory.stores.sftp.wire import Facts, Refused, Wire

BLOCK = 4 << 20

log = logging.getLogger(__name__)


class Upload(Writer):
    """See `Store.writer`."""

    def __init__(self, session: Session, target: Target, *, only_new: bool) -> None:
        super().__init__()
        self._session = session
        self._target = target
        self._only_new = only_new
        self._folder = Target(target.conn_id, target.path.rpartition("/")[0])
        self._temporary = self._beside(names.temporary)
        self._filling = bytearray()
        self._sent = 0
        self._wire: Wire | None = None  # that the handle is of
        self._handle = b""
        self._begun = False
        self._named: Facts | None = None  # what was to get its name, perhaps in vain
        self._collected = False

    def _beside(self, name: Callable[[str], str]) -> str:
        return f"{self._folder.path}/{name(self._target.path.rpartition('/')[2])}"

    def write(self, data: Any, /) -> int:
        """See `Writer`."""
        self._check_open()
        left = memoryview(data).cast("B")
        written = len(left)
        while left:
            some = left[: BLOCK - len(self._filling)]
            self._filling += some
            left = left[len(some) :]
            if len(self._filling) == BLOCK:
                self._send()
        self.size += written
        return written

    def _send(self) -> None:
        if not self._begun and not self._only_new:
            _remove_left(self._session, self._target, self._folder)
        with told(self._target):
            self._session.call(self._put)
        self._sent += len(self._filling)
        self._filling = bytearray()

    def _put(self, live: Wire) -> None:
        """The block is there then. It may be put again: it has its place."""
        if self._wire is not live:
            self._open(live)
        block = memoryview(self._filling)
        puts = (
            wire.writes(self._handle, self._sent + at, bytes(block[at : at + wire.MOST]))
            for at in range(0, len(block), wire.MOST)
        )
        for reply in live.ask(puts):
            wire.require(reply)

    def _open(self, live: Wire) -> None:
        how = wire.FOR_WRITING | (0 if self._begun else wire.CREATE)
        try:
            opened = live.one(wire.opens(self._temporary, how))
        except Refused as refused:
            if self._begun or refused.status not in (wire.NO_SUCH_FILE, wire.FAILURE):
                raise
            make_folders(live, self._folder)
            opened = live.one(wire.opens(self._temporary, how))
        self._wire, self._handle, self._begun = live, opened.get_string(), True
        if self._sent:
            self._require(self._sent, wire.facts_of(live.one(wire.of(wire.FSTAT, self._handle))))

    def _require(self, size: int, facts: Facts) -> None:
        if facts.size is not None and facts.size < size:
            raise problem(
                errno.EIO,
                f"{facts.size:,} of {size:,} bytes arrived: repeat the task",
                self._target.path,
                "is there room left on the SFTP server?",
            )

    def _publish(self) -> None:
        if not self._begun or self._filling:
            self._send()
        with told(self._target):
            self._session.call(self._finish)
            self._session.call(self._name)

    def _finish(self, live: Wire) -> None:
        """All is on the server's disk, as far as it can say so."""
        if self._wire is not live:
            self._open(live)
        ends = [wire.of(wire.CLOSE, self._handle)]
        if wire.FSYNC in live.extensions:
            ends.insert(0, wire.extended(wire.FSYNC, self._handle))
        for reply in live.ask(ends):
            wire.require(reply)
        self._wire = None

    def _name(self, live: Wire) -> None:
        if self._named is not None and self._is_named(live, self._named):
            return
        facts, before = live.facts(self._temporary, self._target.path)
        self._named = facts
        if facts is None:
            raise plain(errno.ENOENT, self._target.path)  # another writer cut it off
        self._require(self.size, facts)
        if self._only_new:
            self._name_new(live, before)
            return
        if before is not None and before.is_folder:
            raise problem(errno.EISDIR, "there is a folder of this name", self._target.path)
        if before is not None and _later(before, facts):
            # else it could not be told from one before: seconds are all that there is. A server
            # that sets no dates is asked in vain
            live.ask([wire.dates(self._temporary, (before.changed or 0) + 1)])
            (self._named,) = live.facts(self._temporary)
        if wire.POSIX_RENAME in live.extensions:
            live.one(wire.extended(wire.POSIX_RENAME, self._temporary, self._target.path))
        else:
            self._exchange(live, before)

    def _name_new(self, live: Wire, before: Facts | None) -> None:
        if before is not None:
            raise plain(errno.EEXIST, self._target.path)
        try:
            if wire.HARDLINK in live.extensions:
                live.one(wire.extended(wire.HARDLINK, self._temporary, self._target.path))
                live.ask([wire.on(wire.REMOVE, self._temporary)])
                return
        except Refused:
            pass  # there is one by now, or the disk has no links
        try:
            live.one(wire.renames(self._temporary, self._target.path))
        except Refused:
            if live.facts(self._target.path) == [None]:
                raise
            raise plain(errno.EEXIST, self._target.path) from None

    def _exchange(self, live: Wire, before: Facts | None) -> None:
        """Where a name that is taken is refused: for a moment there is no file of this name.

        Who is killed then leaves both hidden, and no later writer removes the one that was there.
        """
        path, aside = self._target.path, self._beside(names.aside)
        if before is None:
            live.one(wire.renames(self._temporary, path))
            return
        live.one(wire.renames(path, aside))
        try:
            live.one(wire.renames(self._temporary, path))
        except Refused:
            live.one(wire.renames(aside, path))
            raise
        live.one(wire.on(wire.REMOVE, aside))

    def _is_named(self, live: Wire, named: Facts) -> bool:
        """Did it get its name, though the answer that said so did not arrive?"""
        here, there = live.facts(self._temporary, self._target.path)
        if there is None:
            return False
        if here is None:
            return there == named
        # by a link: then what is done to the one is seen at the other
        other = max(here.changed or 0, there.changed or 0) + 1
        live.ask([wire.dates(self._temporary, other)])
        (seen,) = live.facts(self._target.path)
        if seen is None or seen.changed != other:
            return False
        live.one(wire.on(wire.REMOVE, self._temporary))
        return True

    def _discard(self) -> None:
        self._filling = bytearray()
        if not self._begun:
            return
        ends = [wire.on(wire.REMOVE, self._temporary)]
        if self._wire is not None:
            self._wire.later(wire.of(wire.CLOSE, self._handle))
            if self._collected:  # here nothing may be waited for
                self._wire.later(*ends)
                return
            self._wire = None
        if not self._session.quietly(*ends):
            log.warning("%s stays on the SFTP server: it was not reached", self._temporary)

    def __del__(self) -> None:
        self._collected = True
        super().__del__()


def make_folders(live: Wire, folder: Target) -> None:
    """A folder, and those that it is in."""
    missing = list(itertools.takewhile(lambda path: not _is_folder(live, path), _up(folder)))
    for path in reversed(missing):
        try:
            live.one(wire.makes(path))
        except Refused:
            if not _is_folder(live, path):  # nor did another make it meanwhile
                raise


def _is_folder(live: Wire, path: str) -> bool:
    (facts,) = live.facts(path)
    return facts is not None and facts.is_folder


def _up(folder: Target) -> Iterator[str]:
    path = folder.path
    while path.strip("/") and path != "~":
        yield path
        path = path.rpartition("/")[0]


def _later(one: Facts, other: Facts) -> bool:
    return (one.changed or 0) >= (other.changed or 0)


_LOOKED_AT = 1000  # names: to look through a large folder takes long
_PAUSE = 9.0  # so many times as long as a look took
_next_look: dict[tuple[str, str], float] = {}


def _remove_left(session: Session, target: Target, folder: Target) -> None:
    """What killed writers of the same path have left. Now and then, among the first names."""
    key, begun = (target.conn_id, folder.path), time.monotonic()
    if begun < _next_look.get(key, begun):
        return
    name, count = target.path.rpartition("/")[2], 0
    try:
        for some in listing.parts(session, folder):
            left = [one.name for one in some if names.is_temporary_of(one.name, name)]
            session.quietly(*(wire.on(wire.REMOVE, f"{folder.path}/{one}") for one in left))
            count += len(some)
            if count >= _LOOKED_AT:
                break
    except OSError as error:  # who may write need not be allowed to look
        log.debug("%s was not looked through: %s", folder.path, error)
    if len(_next_look) > _LOOKED_AT:
        _next_look.clear()
    now = time.monotonic()
    _next_look[key] = now + _PAUSE * (now - begun)
