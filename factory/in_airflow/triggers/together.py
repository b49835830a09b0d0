"""One look for all that wait for the same: a thousand waits ask a store or a server once."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from factory.in_airflow.probes import Seen, look

_LOST = 60.0
"""Seconds. The next look does not wait longer for one that does not come back."""


class Looks:
    """The looks at one thing: one at a time, and those who asked meanwhile share the next."""

    def __init__(self, what: Mapping[str, Any]) -> None:
        self.what = what
        self.users = 0
        self._running: asyncio.Future[Seen] | None = None
        self._coming: asyncio.Future[Seen] | None = None
        self._begun = 0.0
        self._last: Seen | None = None

    async def seen(self, fresh: float) -> Seen:
        """What a look finds that begins from now on, whoever asked for it.

        :param fresh: a `not_yet` of a look that began less than so many seconds ago will do.
        :raises Exception: as `look`.
        """
        is_fresh = self._age() < fresh
        if is_fresh and self._last is not None and self._last.state == "not_yet":
            return self._last
        if self._coming is None:
            self._coming = asyncio.ensure_future(self._next())
            self._coming.add_done_callback(_taken)
        # who stops to wait does not end the look of the others
        return await asyncio.shield(self._coming)

    async def _next(self) -> Seen:
        if self._running is not None:
            await asyncio.wait({self._running}, timeout=max(_LOST - self._age(), 0))
        self._running, self._coming = self._coming, None
        self._begun, self._last = time.monotonic(), None
        found = self._last = await _in_thread(self.what)
        return found

    def _age(self) -> float:
        return time.monotonic() - self._begun


_known: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Looks]] = WeakKeyDictionary()


@contextmanager
def looks(what: Mapping[str, Any]) -> Iterator[Looks]:
    """Those at what `look` takes, shared within an event loop while anybody needs them."""
    known = _known.setdefault(asyncio.get_running_loop(), {})
    key = json.dumps(what, sort_keys=True, default=repr)
    shared = known.setdefault(key, Looks(what))
    shared.users += 1
    try:
        yield shared
    finally:
        shared.users -= 1
        if not shared.users:
            del known[key]


def _taken(done: asyncio.Future[Seen]) -> None:
    """An error that nobody waits for any more is not told."""
    if not done.cancelled():
        done.exception()


async def _in_thread(what: Mapping[str, Any]) -> Seen:
    from asgiref.sync import sync_to_async

    # not a plain thread: Airflow before 3.3 answers hooks only in one that asgiref made
    return await sync_to_async(look, thread_sensitive=False)(what)
