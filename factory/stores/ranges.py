"""A remote file as a seekable one: ranges of it, and read ahead while it is read in order.

Memory is bounded: `ahead` ranges of `most` bytes, and the one that is read.
"""

from __future__ import annotations

import io
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, BinaryIO, NamedTuple, cast

BUFFER = 64 << 10


class Sizes(NamedTuple):
    """Bytes of the first range and of the largest; and how many are read ahead at once."""

    first: int
    most: int
    ahead: int


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


def opened(
    fetch: Callable[[int, int], bytes],
    size: int,
    first: bytes,
    sizes: Sizes,
    close: Callable[[], None] = lambda: None,
) -> BinaryIO:
    """A file of `size` bytes, which begins with `first`.

    :param fetch: all bytes from a start to an end; several threads may call it at once.
    :param close: called once, by whoever lets go of the file: also by the collector, in any thread.
    """
    return cast(BinaryIO, io.BufferedReader(_Ranges(fetch, size, first, sizes, close), BUFFER))


class _Ranges(io.RawIOBase):
    def __init__(
        self,
        fetch: Callable[[int, int], bytes],
        size: int,
        first: bytes,
        sizes: Sizes,
        close: Callable[[], None],
    ) -> None:
        self._fetch = fetch
        self._size = size
        self._here = _Range(0, first)
        self._sizes = sizes
        self._close = close
        self._at = 0
        self._length = sizes.first  # of the next range; it grows while reading goes on in order
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
        return b"".join(iter(partial(self.read, self._sizes.most), b""))

    def _move(self, wanted: int) -> None:
        """Have the range that begins here."""
        first, most, _ = self._sizes
        if self._at != self._here.end:
            self._drop()
            self._length = first
        elif self._at:
            self._length = min(4 * self._length, most)
        self._here = _Range(self._at, b"")  # let go of it before the next one comes
        if not self._ahead:
            end = min(self._at + max(self._length, min(wanted, most)), self._size)
            self._here = _Range(self._at, self._fetch(self._at, end))
        else:
            coming = self._ahead.popleft()
            self._here = _Range(coming.start, coming.data.result())
        if self._length > first or wanted > most:
            self._read_ahead()

    def _read_ahead(self) -> None:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._sizes.ahead, thread_name_prefix="store-read")
        end = self._ahead[-1].end if self._ahead else self._here.end
        while len(self._ahead) < self._sizes.ahead and end < self._size:
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
            self._close()
        super().close()
