"""What an SFTP server answers, as errors of files: what happened, by whom asked, what to do."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from paramiko import AuthenticationException, BadHostKeyException

from factory.stores.sftp import wire
from factory.stores.sftp.session import BROKEN, TRIES, is_of_file, is_unknown_host
from factory.stores.sftp.wire import Refused


@dataclass(frozen=True)
class Target:
    """A file or a folder, and the connection that it was asked for by."""

    conn_id: str
    path: str


@contextmanager
def told(target: Target) -> Iterator[None]:
    """Errors of server and connection are an `OSError`, with the path for its `filename`."""
    try:
        yield
    except Refused as refused:
        raise _refused(refused, target) from None
    except BROKEN as error:
        if is_of_file(error):
            raise
        raise _broken(error, target) from None


def problem(number: int, what: str, path: str, hint: str = "") -> OSError:
    """`OSError` makes the class that fits the number."""
    error = OSError(number, what, path)
    if hint:
        error.hint = hint  # type: ignore[attr-defined]
    return error


def plain(number: int, path: str) -> OSError:
    """In the words that the system has for it."""
    return problem(number, os.strerror(number), path)


def _refused(refused: Refused, target: Target) -> OSError:
    if refused.status == wire.NO_SUCH_FILE:
        return plain(errno.ENOENT, target.path)
    if refused.status == wire.PERMISSION_DENIED:
        return problem(
            errno.EACCES,
            f"the SFTP server refuses this to the login of the connection {target.conn_id!r}",
            target.path,
            "let the login read here, and write where files are written, moved or removed; or "
            "correct the path: some servers refuse what is not there",
        )
    return problem(
        errno.EIO,
        f"the SFTP server of the connection {target.conn_id!r} says: {refused}",
        target.path,
        "has it room left, and may the name be so? Its own log tells more",
    )


def _broken(error: BaseException, target: Target) -> OSError:
    whose = f"the connection {target.conn_id!r}"
    if isinstance(error, BadHostKeyException):
        return problem(
            errno.EACCES,
            f"the SFTP server of {whose} has another key than the one that is known of it",
            target.path,
            "ask its owner whether the key is new: if so, correct `host_key` in the connection's "
            "extra, or the line in known_hosts; if not, somebody stands between",
        )
    if is_unknown_host(error):
        return problem(
            errno.EACCES,
            f"the key of the SFTP server of {whose} is not known",
            target.path,
            "put it as `host_key` into the connection's extra, as `ssh-keyscan` prints it (such as "
            "`ssh-ed25519 AAAA…`) and its owner confirms it; or into known_hosts of every worker",
        )
    if isinstance(error, AuthenticationException):
        return problem(
            errno.EACCES,
            f"the SFTP server refuses the login of {whose}",
            target.path,
            "correct its login, and its password or key (`private_key` or `key_file` in extra)",
        )
    said = str(error) or type(error).__name__
    return ConnectionError(
        errno.ECONNABORTED,
        f"the SFTP server of {whose} was not reached, or broke off, {TRIES} times: {said}",
        target.path,
    )
