"""What BigQuery answers when it refuses, as errors of a load."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import requests
import urllib3
from google.auth import exceptions

from factory.transfer.errors import TransferError

UNREACHED: tuple[type[Exception], ...] = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    exceptions.TransportError,
)
"""BigQuery was not reached, or broke off."""

_SERVERS_OWN = 500
NOT_FOUND, TAKEN, CHANGED = 404, 409, 412
DENIED = "accessDenied"
INVALID = ("invalidQuery", "invalid", "badRequest")
_CONFLICT = ("aborted due to concurrent update", "serialize access to table")
_PASSES = ("backendError", "internalError", "jobBackendError", "jobInternalError")
_TOO_FAST = ("rateLimitExceeded", "jobRateLimitExceeded", "userRateLimitExceeded")
_SAFE = "Nothing is half done: repeat the load, which finds the jobs that it had begun"
_HINTS = {
    DENIED: "Give the login `roles/bigquery.jobUser` in the project of its jobs, and "
    "`roles/bigquery.dataEditor` on the dataset",
    "bytesBilledLimitExceeded": "Raise `maximum_bytes_billed`, or read less",
    "quotaExceeded": "The project has used up a quota of a day or of a table: wait, or have it "
    "raised",
    "billingNotEnabled": "The sandbox has no DML: enable billing for the project",
}


class Refused(Exception):
    """A request, or a job, that BigQuery refused. `status` is 0 of a job that failed."""

    def __init__(self, status: int, reason: str, said: str) -> None:
        super().__init__(status, reason, said)
        self.status = status
        self.reason = reason
        self.said = said

    @property
    def in_vain(self) -> bool:
        """Whether nothing runs on of what was asked; of the server's own faults nobody knows."""
        return self.status < _SERVERS_OWN

    @property
    def passes(self) -> bool:
        """Whether another job may do what this one did not."""
        lost_race = any(words in self.said for words in _CONFLICT)
        return lost_race or self.reason in (*_PASSES, *_TOO_FAST)


class Unseen(Refused):
    """A job is there, and is not to be looked at: it may run on."""

    in_vain = False


class Invalid(Refused):
    """SQL that is wrong, or fails on the rows."""


def refused(status: int, reason: str, said: str) -> Refused:
    """The error for a reason."""
    kind = Invalid if reason in INVALID else Refused
    return kind(status, reason, said)


DRIVER: tuple[type[Exception], ...] = (Refused, *UNREACHED, exceptions.GoogleAuthError)


def said(error: Exception) -> str:
    """What happened, in a line."""
    text = error.said if isinstance(error, Refused) else f"{type(error).__name__}: {error}"
    return text.partition("\n")[0]


@contextmanager
def translated(target: object) -> Iterator[None]:
    """BigQuery's errors as a load's."""
    try:
        yield
    except Refused as error:
        raise TransferError(
            f"{target}: BigQuery said: {said(error)}", _HINTS.get(error.reason)
        ) from None
    except exceptions.GoogleAuthError as error:
        raise TransferError(f"{target}: the login failed: {said(error)}") from None
    except UNREACHED as error:
        raise TransferError(f"{target}: BigQuery can't be reached: {said(error)}", _SAFE) from None
