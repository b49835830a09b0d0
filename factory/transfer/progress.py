"""How far a long step is: told in its log every so many seconds, and to whoever watches."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from factory.amounts import size, spent

if TYPE_CHECKING:
    from typing_extensions import Self

log = logging.getLogger(__name__)

EVERY = 10.0
"""Seconds between two lines."""

_under_way: list[Progress] = []


def now() -> str:
    """How far this process is with what it does just now; empty when it tells nothing."""
    for latest in reversed(_under_way):
        return latest.text()
    return ""


class Progress:
    """Counts rows and bytes while they pass. Within its block, `now` tells of it.

    :param doing: what is done, such as `copying`; `about`, what with.
    :param rows: how many there will be, where that is known; `size`, how many bytes.
    :param position: how many bytes have come; None: as many as were added.
    """

    def __init__(
        self,
        doing: str,
        about: str = "",
        *,
        rows: int | None = None,
        size: int | None = None,
        position: Callable[[], int] | None = None,
        every: float = EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rows = self.came = 0
        self._doing = doing
        self._about = f": {about}" if about else ""
        self._of_rows = rows
        self._of_size = size
        self._before = 0
        self._position = position or (lambda: self._before + self.came)
        self._every = every
        self._clock = clock
        self._started = self._told = clock()

    def __enter__(self) -> Self:
        _under_way.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _under_way.remove(self)

    def resume(self, have: int, size: int | None) -> None:
        """So many bytes are there already, of this size."""
        self._before, self._of_size = have - self.came, size

    def add(self, *, rows: int = 0, bytes: int = 0) -> None:
        """So many more."""
        self.rows += rows
        self.came += bytes
        moment = self._clock()
        if moment - self._told >= self._every:
            self._told = moment
            log.info("%s%s", self.text(), self._about)

    def text(self) -> str:
        """`copying 25 %: 2,000 of 8,000 rows, 1.1 MB, 0.4 MB/s`."""
        have = self._position()
        if not (self.rows or have):
            return self._doing
        parts = []
        if self.rows:
            of = f" of {self._of_rows:,}" if self._of_rows else ""
            parts.append(f"{self.rows:,}{of} rows")
        if have:
            of = f" of {size(self._of_size)}" if self._of_size else ""
            parts.append(f"{size(have)}{of}")
            parts.append(self._rate(have - self._before))
        return f"{self._doing}{self._percent(have)} {', '.join(parts)}"

    def _percent(self, have: int) -> str:
        done, whole = (have, self._of_size) if self._of_size else (self.rows, self._of_rows)
        return f" {min(done * 100 // whole, 100)} %:" if whole else ""

    def __str__(self) -> str:
        """`1.1 GB in 35.2 s, 31.0 MB/s`."""
        return f"{size(self.came)} in {spent(self._seconds)}, {self._rate(self.came)}"

    @property
    def _seconds(self) -> float:
        return max(self._clock() - self._started, 1e-6)

    def _rate(self, came: int) -> str:
        return f"{size(came / self._seconds)}/s"
