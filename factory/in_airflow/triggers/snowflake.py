"""Wait for a statement of Snowflake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

POLL = 5.0
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

    def _state(self) -> str:
        from factory.in_airflow.connections import snowflake_account
        from factory.in_airflow.hiding import hide_connection_of
        from factory.transfer.snowflake import queries, session

        hide_connection_of(self.conn_id)
        account = snowflake_account(self.conn_id)
        with session.connected(account, session.Limits(0, _SECONDS)) as connection:
            return queries.state(connection, self.query_id)


_SECONDS = 60.0  # of one look
