"""Wait for a job of BigQuery."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

if TYPE_CHECKING:
    from factory.transfer.bigquery.jobs import Jobs

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
        return _jobs(self.conn_id, self.location).runs(self.job_id)


class SqlEnded(JobEnded):
    """The same of a person's SQL, which nobody takes up once its task was ended."""

    async def on_kill(self) -> None:
        """Somebody has ended the task: its job ends, too."""
        await asyncio.to_thread(cancel, self.conn_id, self.location, self.job_id)


def cancel(conn_id: str, location: str, job_id: str) -> None:
    """End a job, if it has begun, and has not ended."""
    from factory.transfer.bigquery.errors import UNREACHED, Refused

    with suppress(Refused, *UNREACHED):
        _jobs(conn_id, location).cancel(job_id)


def _jobs(conn_id: str, location: str) -> Jobs:
    from factory.in_airflow.clients.bigquery import client
    from factory.in_airflow.hiding import hide_connection_of
    from factory.transfer.bigquery.jobs import Jobs

    hide_connection_of(conn_id)
    return Jobs(client(conn_id), location or None)
