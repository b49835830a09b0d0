"""A file of an SFTP server goes, or what is in a folder, the folder too."""

from __future__ import annotations

import errno
import logging
from functools import partial

from factory.stores import names
from factory.stores.model import changed
from factory.stores.sftp import listing, wire
from factory.stores.sftp.errors import Target, problem, told
from factory.stores.sftp.listing import version_of
from factory.stores.sftp.session import Session
from factory.stores.sftp.wire import Refused, Wire

log = logging.getLogger(__name__)


def delete(session: Session, target: Target, version: str) -> None:
    """Remove a file in this version: by another name first, where nobody writes it any more.

    What a killed try, or a lost answer, has left by that name is seen to first.

    :raises OSError: another one is there, and stays: `model.is_changed`.
    """
    folder, _, name = target.path.rpartition("/")
    aside = f"{folder}/{names.leaving(name, version)}"
    with told(target):
        session.call(lambda live: _delete(live, target.path, aside, version))


def _delete(live: Wire, path: str, aside: str, version: str) -> None:
    held, there = live.facts(aside, path)
    if held is None:
        if there is None or not there.is_file:
            return
        if version_of(there) != version:
            raise changed(path)
        if not _renamed(live, path, aside):
            _gone(live, path)
            return
    if not _ended(live, aside, path):
        raise changed(path)


def settle(session: Session, target: Target, *, deep: bool, prefix: str) -> None:
    """End what killed removals have left, as `Hides` has it."""
    begins = f"{target.path.rstrip('/')}/{prefix}"
    left = [target.path]
    for folder in left:  # it grows meanwhile
        for aside, path in _away(session, Target(target.conn_id, folder), left if deep else []):
            if path.startswith(begins):
                with told(Target(target.conn_id, path)):
                    session.call(partial(_ended, aside=aside, path=path))


def _away(session: Session, folder: Target, folders: list[str]) -> list[tuple[str, str]]:
    """Hidden names in a folder with those before; the folders in it are added to `folders`."""
    above = folder.path.rstrip("/")
    found: list[tuple[str, str]] = []
    for some in listing.parts(session, folder, may_be_closed=True):
        folders += (f"{above}/{one.name}" for one in some if one.facts.is_folder)
        named = ((one.name, names.before_away(one.name)) for one in some)
        found += ((f"{above}/{entry}", f"{above}/{name}") for entry, name in named if name)
    return found


def _ended(live: Wire, aside: str, path: str) -> bool:
    """Gone, if it is the version that its hidden name tells of; else it has its own name again."""
    (held,) = live.facts(aside)
    name = path.rpartition("/")[2]
    if held is None or aside.endswith(f"/{names.leaving(name, version_of(held))}"):
        _gone(live, aside)
        return True
    _put_back(live, aside, path)
    return False


def _renamed(live: Wire, path: str, aside: str) -> bool:
    """False where the server does not let the login do that: what was seen is removed as it is."""
    try:
        live.one(wire.renames(path, aside))
    except Refused as refused:
        return refused.status == wire.NO_SUCH_FILE
    return True


def _gone(live: Wire, path: str) -> None:
    try:
        live.one(wire.on(wire.REMOVE, path))
    except Refused as refused:
        if refused.status != wire.NO_SUCH_FILE:
            raise


def _put_back(live: Wire, aside: str, path: str) -> None:
    """Its name again, unless a third file has that by now."""
    try:
        if live.facts(path) == [None]:
            live.one(wire.renames(aside, path))
            return
    except Refused:
        pass
    log.warning("another file came as %s: the one before is kept as %s", path, aside)


def delete_below(session: Session, target: Target) -> None:
    """Remove files, links as such, and folders.

    :raises OSError: the folder is a link; or some stay: the first of them is told.
    """
    with told(target):
        (facts,) = session.call(lambda live: live.facts(target.path, of_link=True))
    if facts is None:
        return
    if facts.is_link:
        raise problem(errno.ELOOP, "it is a link to a folder", target.path)
    found, stayed = [target.path], list[OSError]()
    for folder in found:  # it grows meanwhile
        try:
            for some in listing.parts(session, Target(target.conn_id, folder)):
                at = {f"{folder.rstrip('/')}/{one.name}": one.facts.is_folder for one in some}
                found += (path for path, is_folder in at.items() if is_folder)
                files = [path for path, is_folder in at.items() if not is_folder]
                _remove(session, target.conn_id, wire.REMOVE, files, stayed)
        except OSError as error:
            stayed.append(error)
    for folder in reversed(found):
        _remove(session, target.conn_id, wire.RMDIR, [folder], stayed)
    if stayed:
        raise stayed[0]


def _remove(
    session: Session, conn_id: str, kind: int, paths: list[str], stayed: list[OSError]
) -> None:
    asked = [wire.on(kind, path) for path in paths]
    with told(Target(conn_id, paths[0] if paths else "")):
        replies = session.call(lambda live: live.ask(asked))
    for path, reply in zip(paths, replies, strict=True):
        try:
            with told(Target(conn_id, path)):
                wire.require(reply)
        except FileNotFoundError:
            pass
        except OSError as error:
            stayed.append(error)
