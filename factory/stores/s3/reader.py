"""An object as a file: ranges of it, and read ahead while it is read in order.

Memory is bounded: `AHEAD` ranges of `BLOCK` bytes, and the one that is read.
"""

from __future__ import annotations

import io
import os
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, BinaryIO, NamedTuple, cast

from botocore import exceptions

from factory.stores.s3.errors import UNREACHED, Target, code_of, told

FIRST = 256 << 10
"""Bytes that come with the opening: a smaller object needs no second request."""
BLOCK = 8 << 20
AHEAD = 4
TRIES = 4
"""For a body that breaks off: boto3 repeats requests, not what is read of an answer."""
PAUSE = 0.5

_BUFFER = 64 << 10


class _Range(NamedTuple):
    start: int
    data: bytes

    @property
    def end(self) -> int:
        return self.start + len(self.data)


class _Coming(NamedTuple):
    start: int
    end: int
    data: Future[bytes]


def opened(client: Any, target: Target, version: str | None = None) -> BinaryIO:
    """A seekable file of the object as it is now, or as it was when it had this ETag.

    :raises FileNotFoundError: there is none.
    :raises OSError: it is another one now: `model.is_changed`.
    """
    with told(target):
        first, size, etag = _begin(client, target, version)
    raw = _Object(client, target, size, etag, _Range(0, first))
    return cast(BinaryIO, io.BufferedReader(raw, _BUFFER))


def _begin(client: Any, target: Target, version: str | None) -> tuple[bytes, int, str]:
    """The first bytes, the size and the ETag, in one request."""
    wanted = target.object if version is None else {**target.object, "IfMatch": f'"{version}"'}
    try:
        answer, first = _got(client, Range=f"bytes=0-{FIRST - 1}", **wanted)
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
        except UNREACHED:
            if not left:
                raise
            time.sleep(PAUSE * (TRIES - left))
    raise AssertionError


class _Object(io.RawIOBase):
    def __init__(self, client: Any, target: Target, size: int, etag: str, first: _Range) -> None:
        self._client = client
        self._target = target
        self._size = size
        self._etag = etag
        self._here = first
        self._at = 0
        self._length = FIRST  # of the next range; it grows while reading goes on in order
        self._ahead: deque[_Coming] = deque()
        self._pool: ThreadPoolExecutor | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError(f"negative seek value {start + offset}")
        self._at = start + offset
        return self._at

    def readinto(self, into: Any) -> int:
        """Up to the end of one range: the buffer above asks again."""
        wanted = min(len(into), self._size - self._at)
        if wanted <= 0:
            return 0
        if not self._here.start <= self._at < self._here.end:
            self._move(wanted)
        skipped = self._at - self._here.start
        some = memoryview(self._here.data)[skipped : skipped + wanted]
        into[: len(some)] = some
        self._at += len(some)
        return len(some)

    def readall(self) -> bytes:
        return b"".join(iter(partial(self.read, BLOCK), b""))

    def _move(self, wanted: int) -> None:
        """Have the range that begins here."""
        if self._at != self._here.end:
            self._drop()
            self._length = FIRST
        elif self._at:
            self._length = min(4 * self._length, BLOCK)
        self._here = _Range(self._at, b"")  # let go of it before the next one comes
        if not self._ahead:
            end = min(self._at + max(self._length, min(wanted, BLOCK)), self._size)
            self._here = _Range(self._at, self._fetch(self._at, end))
        else:
            coming = self._ahead.popleft()
            self._here = _Range(coming.start, coming.data.result())
        if self._length > FIRST or wanted > BLOCK:
            self._read_ahead()

    def _read_ahead(self) -> None:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(AHEAD, thread_name_prefix="s3-read")
        end = self._ahead[-1].end if self._ahead else self._here.end
        while len(self._ahead) < AHEAD and end < self._size:
            start, end = end, min(end + self._length, self._size)
            self._ahead.append(_Coming(start, end, self._pool.submit(self._fetch, start, end)))

    def _fetch(self, start: int, end: int) -> bytes:
        wanted = {"Range": f"bytes={start}-{end - 1}", "IfMatch": self._etag}
        with told(self._target):
            return _got(self._client, **wanted, **self._target.object)[1]

    def _drop(self) -> None:
        for coming in self._ahead:
            coming.data.cancel()
        self._ahead.clear()

    def close(self) -> None:
        if not self.closed:
            self._drop()
            self._here = _Range(0, b"")
            if self._pool is not None:
                self._pool.shutdown(wait=False, cancel_futures=True)
        super().close()
