"""An object while it is written: chunks go up as they fill, and become it with the last one.

Memory is bounded: a chunk on its way, and the one that fills; those of several objects are smaller.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import google_crc32c

from factory.stores.gcs.api import Answer, Api
from factory.stores.gcs.errors import CHANGED, GONE, UNREACHED, Refused, Target, damaged, told
from factory.stores.gcs.sums import sum_of
from factory.stores.model import Writer

CHUNK = 32 << 20
"""GCS takes chunks one after the other: of larger ones, fewer are waited for."""
LEAST = 4 << 20
STEP = 256 << 10
"""A chunk is a multiple of it."""
IN_ONE = 8 << 20
"""What is smaller is one request."""

_MARK = "factory-writer"
_WENT_ON = 308
_KEPT = "bytes=0-"
_PIECE = 1 << 20
_BOUNDARY = uuid.uuid4().hex

_open: set[int] = set()
"""The uploads of this process that hold a chunk."""


def _full() -> int:
    """Bytes of a chunk, while so many are written."""
    share = CHUNK // max(len(_open), 1)
    return max(share // STEP * STEP, min(LEAST, CHUNK))


class Upload(Writer):
    """One request for what is small, else a resumable upload."""

    def __init__(self, api: Api, target: Target, *, only_new: bool) -> None:
        super().__init__()
        self._api = api
        self._target = target
        self._object = api.objects(target.bucket, target.path)
        self._condition = {"ifGenerationMatch": 0} if only_new else {}
        # by it an answer that was lost is told from an object of somebody else
        self._facts = {"name": target.path, "metadata": {_MARK: uuid.uuid4().hex}}
        self._filling = bytearray()
        self._sum = 0
        self._sent = 0
        self._session = ""
        self._pool: ThreadPoolExecutor | None = None
        self._coming: Future[Answer] | None = None

    def write(self, data: Any, /) -> int:
        """See `Writer`. A chunk that failed is told by the next one."""
        self._check_open()
        left = memoryview(data).cast("B")
        written = len(left)
        _open.add(id(self))
        while left:
            # it may hold more than a chunk has now
            full = max(_full(), -(-len(self._filling) // STEP) * STEP)
            some = bytes(left[: min(full - len(self._filling), _PIECE)])  # as the sum takes it
            self._sum = google_crc32c.extend(self._sum, some)
            self._filling += some
            left = left[len(some) :]
            if len(self._filling) == full and left:
                self._send(last=False)
        self.size += written
        return written

    def _send(self, *, last: bool) -> None:
        with self._told():
            if not self._session:
                self._session = self._begin()
            self._await()
        chunk, self._filling = self._filling, bytearray()
        start, self._sent = self._sent, self._sent + len(chunk)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="gcs-write")
        self._coming = self._pool.submit(self._put_chunk, chunk, start, last)

    def _await(self) -> Answer | None:
        coming, self._coming = self._coming, None
        return coming.result() if coming else None

    def _begin(self) -> str:
        answer = self._ask_upload("resumable", json.dumps(self._facts).encode(), "application/json")
        return answer.headers["Location"]

    def _ask_upload(self, kind: str, data: bytes, content: str) -> Answer:
        return self._api.ask(
            "POST",
            self._api.objects(self._target.bucket, of="upload"),
            query={"uploadType": kind, **self._condition},
            headers={"Content-Type": content},
            data=data,
        )

    def _put_chunk(self, chunk: bytearray, start: int, last: bool) -> Answer:
        """Repeated as a whole: of bytes that it has already, GCS takes no notice."""
        end, at = start + len(chunk), start
        sums = {"X-Goog-Hash": f"crc32c={sum_of(self._sum)}"} if last else {}
        while True:
            of = f"bytes {at}-{end - 1}/{end if last else '*'}"
            answer = self._api.ask(
                "PUT",
                self._session,
                headers={"Content-Range": of, **sums},
                data=memoryview(chunk)[at - start :],
            )
            if answer.status != _WENT_ON:
                return answer
            had, at = at, _kept(answer)
            if at == end and not last:
                return answer
            if not had < at < end:
                what = f"GCS kept {at:,} bytes of an upload, and was sent those up to {end:,}"
                raise damaged(self._target, what)

    def _publish(self) -> None:
        if self._session or len(self._filling) > IN_ONE:
            self._send(last=True)
        with self._told():
            try:
                answer = self._await() or self._put()
                found = answer.facts
            except Refused as refused:
                found = self._ours(refused)
        self._end()
        self._check(found)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        with told(self._target, of_bucket=not self._session):
            try:
                yield
            except Refused as refused:
                if refused.status == CHANGED:
                    raise FileExistsError(17, "File exists", self._target.path) from None
                if self._session and refused.status in GONE:
                    raise damaged(self._target, "GCS no longer knows the upload") from None
                raise

    def _put(self) -> Answer:
        facts = json.dumps({**self._facts, "crc32c": sum_of(self._sum)}).encode()
        edge = f"\r\n--{_BOUNDARY}".encode()
        head = b"\r\nContent-Type: %s\r\n\r\n"
        parts = (
            *(edge[2:], head % b"application/json; charset=UTF-8", facts),
            *(edge, head % b"application/octet-stream", self._filling, edge, b"--\r\n"),
        )
        content = f"multipart/related; boundary={_BOUNDARY}"
        return self._ask_upload("multipart", b"".join(parts), content)

    def _ours(self, refused: Refused) -> dict[str, Any]:
        """What is known of the object, if it was published though the answer did not arrive."""
        if refused.status < 500:
            with contextlib.suppress(Refused, *UNREACHED):
                found = self._api.ask("GET", self._object).facts
                if found.get("metadata") == self._facts["metadata"]:
                    return found
        raise refused

    def _check(self, found: dict[str, Any]) -> None:
        """GCS compares the sums itself; another server, or a proxy, may not."""
        if int(found["size"]) == self.size and found.get("crc32c") in (sum_of(self._sum), None):
            return
        with told(self._target), contextlib.suppress(Refused):
            self._api.ask("DELETE", self._object, query={"ifGenerationMatch": found["generation"]})
        raise damaged(self._target, "the object has another checksum than what was sent")

    def _discard(self) -> None:
        if self._coming is not None:
            self._coming.cancel()
            wait([self._coming])
        session, self._session = self._session, ""
        self._end()
        if session:
            # one that stays is invisible, costs nothing, and ends after a week
            with contextlib.suppress(Refused, *UNREACHED):
                self._api.ask("DELETE", session)

    def _end(self) -> None:
        _open.discard(id(self))
        self._filling = bytearray()
        self._session = ""
        if self._pool is not None:
            self._pool.shutdown()


def _kept(answer: Answer) -> int:
    """Bytes that the server has, all from the first on."""
    found = answer.headers.get("Range", "")
    return int(found.removeprefix(_KEPT)) + 1 if found.startswith(_KEPT) else 0
