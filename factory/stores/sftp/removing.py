"""What is in a folder of an SFTP server goes, the folder too."""

from __future__ import annotations

import errno

from factory.stores.sftp import listing, wire
from factory.stores.sftp.errors import Target, problem, told
from factory.stores.sftp.session import Session


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
