"""An object as a file: ranges of it, all of the generation that was there when it was opened."""

from __future__ import annotations

from typing import BinaryIO

import google_crc32c

from factory.stores import ranged
from factory.stores.gcs.api import Answer, Api
from factory.stores.gcs.errors import Refused, Target, changed, damaged, told
from factory.stores.gcs.sums import sum_of, told_sum

_AS_STORED = {"Accept-Encoding": "gzip"}
"""Else GCS unpacks what is stored with `Content-Encoding: gzip`, and knows no ranges of it."""
_NO_SUCH_RANGE = 416


def opened(api: Api, target: Target, version: str | None = None) -> BinaryIO:
    """A seekable file of the object as it is now, or as it was in this generation.

    :raises FileNotFoundError: there is none.
    :raises OSError: it is another one now: `model.is_changed`.
    """
    with told(target):
        first, size, generation, crc32c = _begin(api, target, version)

    def fetch(start: int, end: int) -> bytes:
        with told(target):
            answer = _got(api, target, start, end, generation)
        if len(answer.body) != end - start:
            raise damaged(target, f"{len(answer.body):,} of {end - start:,} bytes arrived")
        return answer.body

    return ranged.opened(fetch, size, first, check=_Sum(target, size, crc32c))


def _begin(api: Api, target: Target, version: str | None) -> tuple[bytes, int, str, str]:
    """The first bytes, the size, the generation and the checksum, in one request."""
    try:
        answer = _got(api, target, 0, ranged.FIRST, version)
    except Refused as refused:
        if refused.status != _NO_SUCH_RANGE:  # an empty object has no first byte
            raise
        found = api.ask("GET", api.objects(target.bucket, target.path)).facts
        if version not in (None, found["generation"]):
            raise changed(target) from None
        return b"", int(found["size"]), found["generation"], found.get("crc32c", "")
    whole = answer.headers.get("Content-Range", "").rpartition("/")[2]
    size = int(whole or len(answer.body))
    return answer.body, size, _generation(answer), told_sum(answer)


def _got(api: Api, target: Target, start: int, end: int, generation: str | None) -> Answer:
    answer = api.ask(
        "GET",
        api.objects(target.bucket, target.path, of="download"),
        query={"alt": "media"} | ({"ifGenerationMatch": generation} if generation else {}),
        headers={"Range": f"bytes={start}-{end - 1}", **_AS_STORED},
    )
    # a server that does not look at the condition tells what it gave
    if generation not in (None, _generation(answer)):
        raise changed(target)
    return answer


def _generation(answer: Answer) -> str:
    return answer.headers.get("X-Goog-Generation", "")


class _Sum:
    """The checksum of what is read in order from the first byte to the last.

    :raises OSError: it is not the one that GCS keeps, before the last range is given.
    """

    def __init__(self, target: Target, size: int, wanted: str) -> None:
        self._target = target
        self._size = size
        self._wanted = wanted
        self._at = self._sum = 0

    def __call__(self, start: int, data: bytes) -> None:
        if start != self._at or not self._wanted:
            return
        self._sum = google_crc32c.extend(self._sum, data)
        self._at += len(data)
        if self._at == self._size and sum_of(self._sum) != self._wanted:
            raise damaged(self._target, "what arrived has another checksum than the object")
