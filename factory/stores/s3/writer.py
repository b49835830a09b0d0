"""An object while it is written: parts go up as they fill, and become it when the writer ends.

Memory is bounded: `AT_ONCE` parts on their way, of all uploads together, and the one that
each of them fills; of uploads beside another these are smaller.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any
from weakref import WeakSet

from botocore import exceptions

from factory.stores.model import Writer
from factory.stores.s3.errors import Target, code_of, told
from factory.stores.s3.removing import cut_off

PART = 16 << 20
BESIDE = 8 << 20
"""Bytes of a part of an upload that began while another was open, for its first half."""
AT_ONCE = 4
MOST_PARTS = 10_000
"""S3 takes no more: that is 156 GiB."""

_MARK = "factory-writer"
_TAKEN = {"PreconditionFailed", "412"}
_DOUBTFUL = {*_TAKEN, "NoSuchUpload", "404"}
_CONFLICT = "ConditionalRequestConflict"
_CONFLICTS = 5
_FAILED = (exceptions.ClientError, exceptions.BotoCoreError, OSError)

log = logging.getLogger(__name__)
_open: WeakSet[Upload] = WeakSet()
_slots = threading.Semaphore(AT_ONCE)  # of the process: a target has several files open


def smallest_part() -> int:
    """Bytes of an object up to which nothing is sent before it is whole."""
    return min(PART, BESIDE)


class Upload(Writer):
    """One put for what is smaller than a part, else an upload in parts."""

    def __init__(self, client: Any, target: Target, *, only_new: bool) -> None:
        super().__init__()
        self._client = client
        self._target = target
        self._condition = {"IfNoneMatch": "*"} if only_new else {}
        # by it an answer that was lost is told from an object of somebody else
        self._mark = uuid.uuid4().hex
        self._filling = bytearray()
        self._is_beside = bool(_open)
        _open.add(self)
        self._upload: str | None = None
        self._sent: list[Future[dict[str, Any]]] = []
        self._pool: ThreadPoolExecutor | None = None

    def write(self, data: Any, /) -> int:
        """See `Writer`. A part that failed is told by the next one."""
        self._check_open()
        left = memoryview(data).cast("B")
        written = len(left)
        while left:
            some = left[: self._part - len(self._filling)]
            self._filling += some
            left = left[len(some) :]
            if len(self._filling) == self._part and left:
                self._send()
        self.size += written
        return written

    @property
    def _part(self) -> int:
        return BESIDE if self._is_beside and len(self._sent) < MOST_PARTS // 2 else PART

    def _send(self) -> None:
        with told(self._target):
            if self._upload is None:
                self._upload = self._begin()
            for sent in self._sent:
                if sent.done():
                    sent.result()
        if len(self._sent) == MOST_PARTS:
            raise OSError(27, f"an object has at most {MOST_PARTS:,} parts", self._target.path)
        _slots.acquire()
        part, self._filling = self._filling, bytearray()
        assert self._pool is not None
        self._sent.append(self._pool.submit(self._put_part, part, len(self._sent) + 1))
        self._sent[-1].add_done_callback(lambda _: _slots.release())  # one that is cancelled, too

    def _begin(self) -> str:
        if not self._condition:
            cut_off(self._client, self._target)
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="s3-write")
        checked = self._client.meta.config.request_checksum_calculation != "when_required"
        begun = self._client.create_multipart_upload(
            **self._target.object,
            **({"ChecksumAlgorithm": "CRC32"} if checked else {}),
            Metadata={_MARK: self._mark},
        )
        return str(begun["UploadId"])

    def _put_part(self, part: bytearray, number: int) -> dict[str, Any]:
        answer = self._client.upload_part(
            **self._target.object, UploadId=self._upload, PartNumber=number, Body=part
        )
        sums = {name: answer[name] for name in ("ETag", "ChecksumCRC32") if name in answer}
        return {"PartNumber": number, **sums}

    def _publish(self) -> None:
        if self._upload is not None:
            self._send()
        with told(self._target):
            try:
                self._complete() if self._upload is not None else self._put()
            except exceptions.ClientError as error:
                if code_of(error) not in _DOUBTFUL or not self._is_ours():
                    if code_of(error) in _TAKEN:
                        path = self._target.path
                        raise FileExistsError(17, "File exists", path) from None
                    raise
        self._end()

    def _complete(self) -> None:
        parts = [part.result() for part in self._sent]
        self._client.complete_multipart_upload(
            **self._target.object,
            **self._condition,
            UploadId=self._upload,
            MultipartUpload={"Parts": parts},
        )

    def _put(self) -> None:
        for left in reversed(range(_CONFLICTS)):
            try:
                self._client.put_object(
                    **self._target.object,
                    **self._condition,
                    Body=self._filling,
                    Metadata={_MARK: self._mark},
                )
            except exceptions.ClientError as error:
                if code_of(error) != _CONFLICT or not left:
                    raise
                time.sleep(0.2)  # another is at it: who wins is known then
            else:
                return

    def _is_ours(self) -> bool:
        """Was it published, though the answer that said so did not arrive?"""
        try:
            found = self._client.head_object(**self._target.object)
        except exceptions.ClientError:
            return False
        return bool(found.get("Metadata", {}).get(_MARK) == self._mark)

    def _discard(self) -> None:
        for part in self._sent:
            part.cancel()
        wait(self._sent)  # a part that arrives after the end would stay
        upload = self._upload
        self._end()
        if upload is not None:
            try:
                self._client.abort_multipart_upload(**self._target.object, UploadId=upload)
            except exceptions.ClientError as error:
                if code_of(error) != "NoSuchUpload":
                    self._warn(error)
            except exceptions.BotoCoreError as error:
                self._warn(error)

    def _warn(self, error: Exception) -> None:
        log.warning(
            "parts of an upload to %s stay in the bucket %s, until what is below is removed or a "
            "lifecycle rule ends it: %s",
            *(self._target.path, self._target.bucket, error),
        )

    def _end(self) -> None:
        self._filling = bytearray()
        _open.discard(self)
        if self._pool is not None:
            self._pool.shutdown()
