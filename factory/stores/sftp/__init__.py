"""Files of an SFTP server: `sftp://conn_id/in/x.csv` is its path `/in/x.csv`.

`sftp://conn_id/~/in/x.csv` is below the folder that the connection's login begins in. A file is
written beside its place, under a hidden name, and renamed.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import BinaryIO

from factory.errors import FactoryError
from factory.stores.model import Can, File, Page, Place, Writer, pages
from factory.stores.sftp import listing, removing, wire
from factory.stores.sftp.errors import Target, told
from factory.stores.sftp.reader import opened
from factory.stores.sftp.session import Session
from factory.stores.sftp.writer import Upload

CONNECTS = True
START = "sftp://"

_CONN_ID = re.compile(r"[\w.-]+")


def place(uri: str, connect: Callable[[str], Session]) -> Place:
    """The place of this address.

    :raises FactoryError: it names no connection, or no path.
    """
    conn_id, slash, path = uri.removeprefix(START).partition("/")
    if not slash or not _CONN_ID.fullmatch(conn_id):
        # it is not shown: before an `@` may stand a password
        raise FactoryError(
            "an address of SFTP names no connection, or no path",
            f"write {START}conn_id/path, or {START}conn_id/~/path for one below the login's own "
            "folder; host, login and password are the connection's",
        )
    home = path == "~" or path.startswith("~/")
    return Place(SFTP(conn_id, connect), path if home else f"/{path}")


@dataclass(frozen=True)
class SFTP:
    """A server, as a connection sees it."""

    conn_id: str
    connect: Callable[[str], Session] = field(compare=False, repr=False)
    can = Can(aliases=True, hides=True)

    @cached_property
    def session(self) -> Session:
        """The connection's, which all stores of its id share."""
        return self.connect(self.conn_id)

    def uri(self, path: str) -> str:
        """See `Store`."""
        return f"{START}{self.conn_id}{'' if path.startswith('/') else '/'}{path}"

    def list(self, folder: str, *, deep: bool = False, prefix: str = "") -> Iterator[Page]:
        """See `Store`. Links to folders are not followed; below, a closed folder is left out."""
        target = self._target(folder)
        return pages(listing.entries(self.session, target, deep=deep, prefix=prefix))

    def file(self, path: str) -> File | None:
        """See `Store`."""
        with told(self._target(path)):
            (facts,) = self.session.call(lambda live: live.facts(path))
        return listing.file_of(path, facts) if facts is not None and facts.is_file else None

    def open(self, path: str, *, version: str | None = None) -> BinaryIO:
        """See `Store`. A file that changes while it is read is an error that says so."""
        return opened(self.session, self._target(path), version)

    def writer(self, path: str, *, only_new: bool = False) -> Writer:
        """See `Store`. It cuts off an earlier writer of this path, unless it is `only_new`."""
        return Upload(self.session, self._target(path), only_new=only_new)

    def copy(self, source: str, target: str) -> None:
        """See `Store`. The bytes come here and go back: servers copy nothing themselves."""
        with self.open(source) as given, self.writer(target) as out:
            shutil.copyfileobj(given, out, 1 << 20)

    def delete(self, path: str, *, version: str | None = None) -> None:
        """See `Store`. A version that is to go has a hidden name for a moment."""
        if version is not None:
            removing.delete(self.session, self._target(path), version)
            return
        with suppress(FileNotFoundError), told(self._target(path)):
            self.session.call(lambda live: live.one(wire.on(wire.REMOVE, path)))

    def delete_below(self, folder: str) -> None:
        """See `Store`. The folder goes, too. What can't be removed stays, and the rest goes."""
        removing.delete_below(self.session, self._target(folder))

    def delete_empty(self, folder: str) -> None:
        """See `Store`."""
        with told(self._target(folder)):  # it may hold something, or not be there
            self.session.call(lambda live: live.ask([wire.on(wire.RMDIR, folder)]))

    def settle(self, folder: str, *, deep: bool = False, prefix: str = "") -> None:
        """See `Hides`. A closed folder is passed over."""
        removing.settle(self.session, self._target(folder or "/"), deep=deep, prefix=prefix)

    def real(self, paths: Sequence[str]) -> Sequence[str]:
        """See `Resolves`: as the server tells; of two connections to it nobody knows."""
        with told(self._target(paths[0] if paths else "")):
            return self.session.call(lambda live: live.real(paths))

    def _target(self, path: str) -> Target:
        return Target(self.conn_id, path)
