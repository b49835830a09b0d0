"""Wait for a job of BigQuery."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

POLL = 5.0


class JobEnded(BaseTrigger):
    """Fires once a job has ended, or cannot be looked at: the task sees for itself which.

    :param until: when to give up, in seconds since 1970; None: never.
    """

    def __init__(self, conn_id: str, job_id: str, location: str, until: float | None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.conn_id = conn_id
        self.job_id = job_id
        self.location = location
        self.until = until

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What another triggerer needs to go on."""
        names = ("conn_id", "job_id", "location", "until")
        return f"{__name__}.{type(self).__name__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look, sleep, look."""
        try:
            while not self._is_over() and await asyncio.to_thread(self._runs):
                await asyncio.sleep(POLL)
        except Exception:  # the task meets it, too, and tells of it
            self.log.warning("the job %s cannot be looked at", self.job_id, exc_info=True)
        begun = f"{self.location}:{self.job_id}"
        event = {"job_id": self.job_id, "begun": begun}
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    def _is_over(self) -> bool:
        return self.until is not None and time.time() > self.until

    def _runs(self) -> bool:
        from factory.in_airflow.clients.bigquery import client
        from factory.in_airflow.hiding import hide_connection_of
        from factory.transfer.bigquery.jobs import Jobs

        hide_connection_of(self.conn_id)
        return Jobs(client(self.conn_id), self.location or None).runs(self.job_id)
