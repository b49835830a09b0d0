"""Wait for a statement of Snowflake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

POLL = 5.0
_SECONDS = 60.0  # of one look
_UNKNOWN_MOST = 60
"""Looks in a row that know nothing of it: it is gone, and the task says so."""


class QueryEnded(BaseTrigger):
    """Fires once a statement has ended, or cannot be looked at: the task sees for itself which."""

    def __init__(self, conn_id: str, query_id: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.conn_id = conn_id
        self.query_id = query_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What another triggerer needs to go on."""
        names = ("conn_id", "query_id")
        return f"{__name__}.{type(self).__name__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look, sleep, look: by one session for each look, since it may wait for hours."""
        unknown = 0
        try:
            while (found := await asyncio.to_thread(self._state)) != "ended":
                unknown = unknown + 1 if found == "unknown" else 0
                if unknown > _UNKNOWN_MOST:
                    break
                await asyncio.sleep(POLL)
        except Exception:  # the task meets it, too, and tells of it
            self.log.warning("the query %s cannot be looked at", self.query_id, exc_info=True)
        yield TriggerEvent({"begun": self.query_id})  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Somebody has ended the task: its statement ends, too."""
        await asyncio.to_thread(cancel, self.conn_id, self.query_id)

    def _state(self) -> str:
        from factory.transfer.snowflake import queries

        with _connected(self.conn_id) as connection:
            return queries.state(connection, self.query_id)


def cancel(conn_id: str, query_id: str) -> None:
    """End a statement, by a session of its own."""
    from factory.transfer.snowflake import queries

    with _connected(conn_id) as connection:
        queries.cancel(connection, query_id)


@contextmanager
def _connected(conn_id: str) -> Iterator[Any]:
    from factory.in_airflow.connections import snowflake_account
    from factory.in_airflow.hiding import hide_connection_of
    from factory.transfer.snowflake import session

    hide_connection_of(conn_id)
    limits = session.Limits(0, _SECONDS)
    with session.connected(snowflake_account(conn_id), limits) as connection:
        yield connection
