"""What S3 answers, as errors of files: what happened, by which connection, what to do."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore import exceptions

_MISSING = {"NoSuchKey", "NoSuchVersion", "NotFound", "404"}
_REFUSED = {"AccessDenied", "AllAccessDisabled", "AccountProblem", "Forbidden", "403"}
_KEY = {
    *("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken"),
    *("RequestExpired", "UnrecognizedClientException"),
}
_EXPIRED = {"ExpiredToken", "TokenRefreshRequired"}
_REGION = {
    *("PermanentRedirect", "301", "307", "TemporaryRedirect", "AuthorizationHeaderMalformed"),
    *("IllegalLocationConstraintException",),
}
_BUSY = {"SlowDown", "ServiceUnavailable", "RequestLimitExceeded", "Throttling", "503"}
_CHANGED = {"PreconditionFailed", "412", "ConditionalRequestConflict"}
_DAMAGED = {"XAmzContentSHA256Mismatch", "BadDigest", "InvalidDigest"}

_NO_CHECKSUMS = (
    "a server that does not know boto3's checksums needs `config_kwargs: "
    '{"request_checksum_calculation": "when_required"}` in the connection\'s extra'
)

UNREACHED = (
    exceptions.ConnectionError,
    exceptions.HTTPClientError,
    exceptions.IncompleteReadError,
    exceptions.ResponseStreamingError,
)
"""The server was not reached, or broke off."""


@dataclass(frozen=True)
class Target:
    """An object or a folder of a bucket, and the connection that it was asked for by."""

    bucket: str
    path: str
    conn_id: str
    of_bucket: bool = False

    @property
    def object(self) -> dict[str, str]:
        """As boto3 takes it."""
        return {"Bucket": self.bucket, "Key": self.path}


@contextmanager
def told(target: Target) -> Iterator[None]:
    """Errors of boto3 in this block are an `OSError`, with the path for its `filename`."""
    try:
        yield
    except exceptions.ClientError as error:
        raise _answered(error, target) from None
    except exceptions.BotoCoreError as error:
        raise _failed(error, target) from None


def code_of(error: exceptions.ClientError) -> str:
    """S3's word for what is wrong, such as `NoSuchKey`; a HEAD has but the status."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _answered(error: exceptions.ClientError, target: Target) -> OSError:
    code, of = code_of(error), f"the bucket {target.bucket!r} (connection {target.conn_id!r})"
    if code == "NoSuchBucket" or (code in _MISSING and target.of_bucket):
        return _error(
            errno.ENOENT,
            f"there is no bucket {target.bucket!r} for the connection {target.conn_id!r}",
            target,
            "correct the bucket's name, or create it; look at `endpoint_url` of the connection",
        )
    if code == "404" and _operation(error) == "ListObjectsV2":  # S3 has a word for it
        return _error(
            errno.EIO,
            f"what the connection {target.conn_id!r} reaches does not answer as S3 does: 404",
            target,
            "correct `endpoint_url` in its extra: the server alone, no bucket and no console",
        )
    if code in _MISSING:
        return _error(errno.ENOENT, os.strerror(errno.ENOENT), target)
    if code in _EXPIRED:
        return _error(
            errno.EACCES,
            f"the credentials of the connection {target.conn_id!r} have expired, and it has no "
            "others",
            target,
            "let it take a role (`role_arn`), or the machine's own, whose credentials are renewed; "
            "what a person pasted, put in anew, and repeat the task",
        )
    if code in _KEY:
        return _error(
            errno.EACCES,
            f"S3 refuses the key of the connection {target.conn_id!r}: {code}",
            target,
            "correct its access key and secret (login and password), or its role",
        )
    if code == "RequestTimeTooSkewed":
        return _error(errno.EACCES, "S3 refuses a request of another time", target, "set the clock")
    if code in _REFUSED:
        return _error(
            errno.EACCES,
            f"{of} may not be used so: {_operation(error)} is refused",
            target,
            "let the connection's user or role do this (the permissions are in docs/stores.md); "
            "without `s3:ListBucket`, what is not there is refused, too, and a HEAD does not tell "
            "whether the key itself is wrong",
        )
    where = _header(error, "x-amz-bucket-region")
    if code in _REGION or (code == "400" and where):
        return _error(
            errno.EXDEV,
            f"{of} lies in another region{f', {where}' if where else ''}",
            target,
            f"set `region_name`{f' to {where}' if where else ''} in the connection's extra",
        )
    if code in _CHANGED:
        return _error(
            errno.ESTALE,
            "the object changed since it was first seen",
            target,
            "run the step again; write an object of a new name instead of changing one",
        )
    if code in _BUSY:
        tries = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) + 1
        return _error(
            errno.EBUSY,
            f"S3 asked for fewer requests ({code}), also after {tries} tries",
            target,
            "repeat the task later, or with fewer tasks at once; more tries: `retries` in "
            "`config_kwargs` of the connection's extra",
        )
    if code == "NoSuchUpload":
        return _error(
            errno.EIO,
            "the upload was ended before it was complete",
            target,
            "does another task write the same object, or a lifecycle rule end uploads too early? "
            "Repeat the task",
        )
    said = error.response.get("Error", {}).get("Message", "")
    hint = ""
    if code == "NotImplemented":
        hint = _NO_CHECKSUMS
    elif code in _DAMAGED:
        hint = f"what arrived is not what was sent: repeat the task; {_NO_CHECKSUMS}"
    elif code == "400":
        hint = "a HEAD does not tell why; credentials that have expired are answered so"
    return _error(errno.EIO, f"S3 answered {_operation(error)} with {code}: {said}", target, hint)


def _failed(error: exceptions.BotoCoreError, target: Target) -> OSError:
    whose = f"the connection {target.conn_id!r}"
    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return _error(
            errno.EACCES,
            f"{whose} has no key, and this machine gives none",
            target,
            "add login and password to it, or a role to the machine",
        )
    if isinstance(error, UNREACHED):
        return _error(
            errno.ECONNABORTED,
            f"S3 was not reached by {whose}, or broke off: {error}",
            target,
            "look at `endpoint_url` in the connection's extra, and at the way there; then repeat "
            "the task",
        )
    if isinstance(error, exceptions.FlexibleChecksumError):
        return _error(
            errno.EIO,
            "what arrived does not fit its checksum, several times",
            target,
            "the object is damaged, or the way to it: repeat the task, else write it anew",
        )
    return _error(errno.EIO, f"S3 was not asked by {whose}: {error}", target)


def _error(number: int, what: str, target: Target, hint: str = "") -> OSError:
    """`OSError` makes the class that fits the number."""
    error = OSError(number, what, target.path)
    if hint:
        error.hint = hint  # type: ignore[attr-defined]
    return error


def _operation(error: exceptions.ClientError) -> str:
    return str(error.operation_name)


def _header(error: exceptions.ClientError, name: str) -> Any:
    return error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get(name, "")
