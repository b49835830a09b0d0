"""An object as a file: ranges of it, all of the version that was there when it was opened."""

from __future__ import annotations

import time
from typing import Any, BinaryIO

from botocore import exceptions

from factory.stores import ranged
from factory.stores.s3.errors import UNREACHED, Target, code_of, told

TRIES = 4
"""For a body that breaks off: boto3 repeats requests, not what is read of an answer."""
PAUSE = 0.5


def opened(client: Any, target: Target, version: str | None = None) -> BinaryIO:
    """A seekable file of the object as it is now, or as it was when it had this ETag.

    :raises FileNotFoundError: there is none.
    :raises OSError: it is another one now: `model.is_changed`.
    """
    with told(target):
        first, size, etag = _begin(client, target, version)

    def fetch(start: int, end: int) -> bytes:
        wanted = {"Range": f"bytes={start}-{end - 1}", "IfMatch": etag}
        with told(target):
            return _got(client, **wanted, **target.object)[1]

    return ranged.opened(fetch, size, first)


def _begin(client: Any, target: Target, version: str | None) -> tuple[bytes, int, str]:
    """The first bytes, the size and the ETag, in one request."""
    wanted = target.object if version is None else {**target.object, "IfMatch": f'"{version}"'}
    try:
        answer, first = _got(client, Range=f"bytes=0-{ranged.FIRST - 1}", **wanted)
    except exceptions.ClientError as error:
        if code_of(error) not in ("InvalidRange", "416"):  # an empty object has no first byte
            raise
        found = client.head_object(**wanted)
        return b"", found["ContentLength"], found["ETag"]
    whole = answer.get("ContentRange", "").rpartition("/")[2]
    return first, int(whole or len(first)), answer["ETag"]


def _got(client: Any, **wanted: Any) -> tuple[dict[str, Any], bytes]:
    """The answer to a GET and its body, read to its end."""
    for left in reversed(range(TRIES)):
        try:
            answer: dict[str, Any] = client.get_object(**wanted)
            return answer, answer["Body"].read()
        except (*UNREACHED, exceptions.FlexibleChecksumError):
            if not left:
                raise
            time.sleep(PAUSE * (TRIES - left))
    raise AssertionError
