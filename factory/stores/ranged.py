"""A file of which ranges are asked for: seekable, and read ahead while it is read in order.

Memory is bounded: `AHEAD` ranges of `BLOCK` bytes, and the one that is read.
"""

from __future__ import annotations

import io
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, BinaryIO, NamedTuple, cast

FIRST = 256 << 10
"""Bytes that come with the opening: a smaller file needs no second request."""
BLOCK = 8 << 20
AHEAD = 4

_BUFFER = 64 << 10

Fetch = Callable[[int, int], bytes]
"""The bytes from the first offset to before the second; several threads ask at once."""


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


def _unchecked(start: int, data: bytes) -> None:
    pass


def _nothing() -> None:
    pass


def opened(
    fetch: Fetch,
    size: int,
    first: bytes,
    *,
    check: Callable[[int, bytes], None] = _unchecked,
    let_go: Callable[[], None] = _nothing,
) -> BinaryIO:
    """A file of `size` bytes, of which the `first` have come already.

    :param check: told of each range before it is read, by its offset, in the order of reading; what
        it raises, reading raises.
    :param let_go: called when the file is closed: also by the collector, in any thread.
    """
    return cast(BinaryIO, io.BufferedReader(_Ranged(fetch, size, first, check, let_go), _BUFFER))


class _Ranged(io.RawIOBase):
    def __init__(
        self,
        fetch: Fetch,
        size: int,
        first: bytes,
        check: Callable[[int, bytes], None],
        let_go: Callable[[], None],
    ) -> None:
        self._fetch = fetch
        self._size = size
        self._check = check
        self._let_go = let_go
        self._here = _Range(0, first)
        self._at = 0
        self._length = FIRST  # of the next range; it grows while reading goes on in order
        self._ahead: deque[_Coming] = deque()
        self._pool: ThreadPoolExecutor | None = None
        check(0, first)

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
            here = _Range(self._at, self._fetch(self._at, end))
        else:
            coming = self._ahead.popleft()
            here = _Range(coming.start, coming.data.result())
        self._check(*here)
        self._here = here
        if self._length > FIRST or wanted > BLOCK:
            self._read_ahead()

    def _read_ahead(self) -> None:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(AHEAD, thread_name_prefix="read")
        end = self._ahead[-1].end if self._ahead else self._here.end
        while len(self._ahead) < AHEAD and end < self._size:
            start, end = end, min(end + self._length, self._size)
            self._ahead.append(_Coming(start, end, self._pool.submit(self._fetch, start, end)))

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
            self._let_go()
        super().close()
