"""What is in folders of an SFTP server, as it comes."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import suppress

from factory.stores import names
from factory.stores.model import File, Folder
from factory.stores.sftp import wire
from factory.stores.sftp.errors import Target, problem, told
from factory.stores.sftp.session import BROKEN, Session
from factory.stores.sftp.wire import Entry, Facts, Refused, Wire

AT_ONCE = 8
"""Parts of a folder that are asked for together, once it is known to have several."""


def file_of(path: str, facts: Facts) -> File:
    """What is known of a file.

    :raises OSError: not how large it is: then nobody knows when it was read to its end.
    """
    if facts.size is None:
        raise problem(errno.EIO, "the SFTP server does not tell the size of the file", path)
    return File(path, facts.size, facts.changed or 0, version_of(facts))


def version_of(facts: Facts) -> str:
    """Seconds are as fine as the protocol has them."""
    return f"{facts.size}-{facts.changed}"


def entries(
    session: Session, target: Target, *, deep: bool, prefix: str
) -> Iterator[File | Folder]:
    """Files and folders. Links to files are followed, links to folders are not.

    :param prefix: what names below the folder begin with, as `Store.list` has it.

    What may not be looked into is left out, below the folder that is asked for.

    :raises PermissionError: that one may not be looked into.
    """
    left, begins = [target.path], f"{target.path.rstrip('/')}/{prefix}"
    while left:
        path = left.pop()
        above = path.rstrip("/")
        for some in parts(session, Target(target.conn_id, path), may_be_closed=path != target.path):
            shown = [entry for entry in some if _may_be(entry.name, above, begins)]
            for name, facts in _followed(session, target, above, shown):
                found = f"{above}/{name}"
                if facts.is_folder:
                    if found.startswith(begins):
                        yield Folder(found, facts.changed)
                    if deep:
                        left.append(found)
                elif facts.is_file and found.startswith(begins):
                    yield file_of(found, facts)


def _may_be(name: str, above: str, begins: str) -> bool:
    """Is it one that is wanted, or a folder above one?"""
    path = f"{above}/{name}"
    wanted = path.startswith(begins) or begins.startswith(f"{path}/")
    return wanted and not names.is_temporary(name)


def parts(
    session: Session, target: Target, *, may_be_closed: bool = False
) -> Iterator[list[Entry]]:
    """All names in a folder, as a server gives them, some at a time; none when it is not there.

    :raises ConnectionError: the connection broke off where what was given cannot be told again.
    """
    folder = _Folder(target.path)
    with told(target):
        try:
            some = session.call(folder.begin)
        except Refused as refused:
            if may_be_closed and refused.status == wire.PERMISSION_DENIED:
                return
            raise
    try:
        while some:
            yield some
            with told(target):
                some = session.call(folder.go_on, tries=1)
    finally:
        folder.let_go()


class _Folder:
    def __init__(self, path: str) -> None:
        self._path = path
        self._wire: Wire | None = None
        self._handle = b""
        self._ended = False

    def begin(self, live: Wire) -> list[Entry]:
        """The first names; none where there is no such folder."""
        self._ended = False
        try:
            self._handle = live.one(wire.on(wire.OPENDIR, self._path)).get_string()
            self._wire = live
            return self._some(live, 1)
        except Refused as refused:
            if refused.status != wire.PERMISSION_DENIED:
                (facts,) = live.facts(self._path)
                if facts is None or not facts.is_folder:
                    return []
            raise

    def go_on(self, live: Wire) -> list[Entry]:
        """More of them, or none at the end."""
        if self._ended:
            return []
        with suppress(*BROKEN):
            if self._wire is live:
                return self._some(live, AT_ONCE)
        broke_off = "the connection to the SFTP server broke off while the folder was listed"
        raise problem(errno.ECONNABORTED, broke_off, self._path)

    def _some(self, live: Wire, count: int) -> list[Entry]:
        found: list[Entry] = []
        for reply in live.ask([wire.of(wire.READDIR, self._handle)] * count):
            try:
                found += wire.entries_of(wire.require(reply))
            except Refused as refused:
                if refused.status != wire.EOF:
                    raise
                self._ended = True
        if self._ended:
            self.let_go()
        elif not found:  # only `.` and `..` so far
            return self._some(live, count)
        return found

    def let_go(self) -> None:
        if self._wire is not None:
            self._wire.later(wire.of(wire.CLOSE, self._handle))
            self._wire = None


def _followed(session: Session, target: Target, above: str, found: list[Entry]) -> Iterator[Entry]:
    """Links to files are the files; other links are left out."""
    links = [entry for entry in found if entry.facts.is_link]
    yield from (entry for entry in found if not entry.facts.is_link)
    asked = [wire.on(wire.STAT, f"{above}/{entry.name}") for entry in links]
    with told(target):
        replies = session.call(lambda live: live.ask(asked)) if links else []
    for entry, reply in zip(links, replies, strict=True):
        try:
            facts = wire.facts_of(wire.require(reply))
        except Refused:
            continue
        if facts.is_file:
            yield Entry(entry.name, facts)
