"""Look again and again until something is there, or too much time has passed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from factory.in_airflow.hiding import redacted
from factory.in_airflow.probes import Seen
from factory.in_airflow.triggers.together import Looks, looks


class Poll(BaseTrigger):
    """Fires once, with `{state, detail}`.

    `state` is that of `Seen`, or `timeout`, or `error` when a look cannot succeed.

    :param what: what `look` takes.
    :param poll_interval: seconds between two looks.
    :param deadline: when to give up, in seconds since 1970; so that a restarted triggerer goes on
        with the same time-out.
    :param detail: what the last look found.
    """

    def __init__(
        self, what: Mapping[str, Any], poll_interval: float, deadline: float, detail: str = ""
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.what = what
        self.poll_interval = poll_interval
        self.deadline = deadline
        self.detail = detail

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What another triggerer needs to go on."""
        names = ("what", "poll_interval", "deadline", "detail")
        return f"{__name__}.{type(self).__name__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look, sleep, look; until the state is known."""
        try:
            with looks(self.what) as shared:
                state = await self._state(shared)
        except Exception as error:
            # hooks of any package may fail in any way; the task says why
            state, self.detail = "error", redacted(f"{type(error).__name__}: {error}")
        yield TriggerEvent(  # type: ignore[no-untyped-call]
            {"state": state, "detail": self.detail}
        )

    async def _state(self, shared: Looks) -> str:
        while True:
            await asyncio.sleep(min(self.poll_interval, max(self._left(), 0)))
            seen = await self._look(shared)
            if seen is not None and seen.state != "not_yet":
                self.detail = seen.detail
                return seen.state
            if seen is None or self._left() <= 0:
                return "timeout"
            self.detail = seen.detail
            self.log.info("not yet: %s", seen.detail)

    async def _look(self, shared: Looks) -> Seen | None:
        """What the next look finds; None when it does not come back in time."""
        looking = asyncio.ensure_future(shared.seen(self.poll_interval / 2))
        done, _ = await asyncio.wait({looking}, timeout=max(self._left(), self.poll_interval, 1))
        if not done:
            looking.cancel()
            self.detail = f"the last look did not come back; before it: {self.detail}"
            return None
        return looking.result()

    def _left(self) -> float:
        return self.deadline - time.time()
