"""What GCS answers, as errors of files: what happened, by which connection, what to do."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import requests
import urllib3
from google.auth import exceptions

UNREACHED = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    exceptions.TransportError,
)
"""The server was not reached, or broke off."""

CHANGED = 412
GONE = (404, 410)
_BUSY = (429, 503)
_TOO_OFTEN = {"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"}
# who has the address of an upload needs no key to go on with it
_SECRET = re.compile(r"(upload_id=)[^&\s'\")]+")


class Refused(Exception):
    """An answer that is none of those that were wanted."""

    def __init__(self, status: int, reason: str, said: str, asked: str, tries: int = 1) -> None:
        super().__init__(status, reason, said, asked, tries)
        self.status = status
        self.reason = reason
        self.said = said
        self.asked = asked
        self.tries = tries


class NoBucket(FileNotFoundError):
    """It is the bucket that is not there."""


@dataclass(frozen=True)
class Target:
    """An object or a folder of a bucket, and the connection that it was asked for by."""

    bucket: str
    path: str
    conn_id: str


@contextmanager
def told(target: Target, *, of_bucket: bool = False) -> Iterator[None]:
    """Errors of the client in this block are an `OSError`, with the path for its `filename`.

    :param of_bucket: what is not there can only be the bucket.
    """
    try:
        yield
    except Refused as refused:
        raise _answered(refused, target, of_bucket) from None
    except exceptions.DefaultCredentialsError as error:
        raise _error(
            errno.EACCES,
            f"the connection {target.conn_id!r} has no key that can be used, and this machine "
            f"gives none: {error}",
            target,
            "set `keyfile_dict` or `key_path` in its extra, or give the machine a service account",
        ) from None
    except UNREACHED as error:
        raise ConnectionError(
            errno.ECONNABORTED,
            f"GCS was not reached by the connection {target.conn_id!r}, or broke off: "
            + _SECRET.sub(r"\1…", str(error)),
            target.path,
        ) from None
    except exceptions.GoogleAuthError as error:
        raise _error(
            errno.EACCES,
            f"the login of the connection {target.conn_id!r} fails: {error.args[0]}",
            target,
            "correct its key, or whom it may impersonate (`impersonation_chain`); set the clock",
        ) from None


def _answered(refused: Refused, target: Target, of_bucket: bool) -> OSError:
    of = f"the bucket {target.bucket!r} (connection {target.conn_id!r})"
    if refused.status in GONE:
        if of_bucket:
            return _no_bucket(target)
        return _error(errno.ENOENT, os.strerror(errno.ENOENT), target)
    if refused.status == CHANGED:
        return changed(target)
    if refused.status == 401:
        return _error(
            errno.EACCES,
            f"GCS refuses who the connection {target.conn_id!r} logs in as: {refused.said}",
            target,
            "correct its key; `is_anonymous` lets it read public buckets alone",
        )
    if refused.status in _BUSY or refused.reason in _TOO_OFTEN:
        return _error(
            errno.EBUSY,
            f"GCS asked for fewer requests ({refused.status}), also after {refused.tries} tries",
            target,
            "repeat the task later, or with fewer tasks at once",
        )
    if refused.status == 403:
        return _error(
            errno.EACCES,
            f"{of} may not be used so: {refused.asked} is refused: {refused.said}",
            target,
            "let the connection's service account do this (the permissions are in docs/stores.md)",
        )
    said = f"GCS answered {refused.asked} with {refused.status}: {refused.said}"
    return _error(errno.EIO, said, target)


def _no_bucket(target: Target) -> OSError:
    what = f"there is no bucket {target.bucket!r} for the connection {target.conn_id!r}"
    error = NoBucket(errno.ENOENT, what, target.path)
    hint = "correct the bucket's name, or create it; look at `api_endpoint` of the connection"
    return _with(error, hint)


def changed(target: Target) -> OSError:
    """It is another than the one that was opened."""
    return _error(
        errno.ESTALE,
        "the object changed since it was first seen",
        target,
        "run the step again; write an object of a new name instead of changing one",
    )


def damaged(target: Target, what: str) -> OSError:
    """What arrived is not what was sent."""
    return _error(errno.EIO, what, target, "repeat the task")


def _error(number: int, what: str, target: Target, hint: str = "") -> OSError:
    """`OSError` makes the class that fits the number."""
    return _with(OSError(number, what, target.path), hint)


def _with(error: OSError, hint: str) -> OSError:
    if hint:
        error.hint = hint  # type: ignore[attr-defined]
    return error
