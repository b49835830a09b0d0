"""Clients of connections: each made once in a process, until its connection changes."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from typing import Any

from airflow.providers.common.compat.sdk import AirflowNotFoundException
from airflow.sdk import Connection


class Known:
    """A function of a connection's id that gives its client.

    :param default: a connection that may be missing: `make` is given None then.
    """

    def __init__(self, default: str, make: Callable[[str, Connection | None], Any]) -> None:
        self._default = default
        self._make = make
        self._clients: dict[str, tuple[str, Any]] = {}
        self._lock = threading.Lock()

    def __call__(self, conn_id: str) -> Any:
        """The client.

        :raises AirflowNotFoundException: there is no such connection, of another name.
        """
        connection = self._connection(conn_id)
        facts = _facts(connection)
        # clients are not made by two threads at once
        with self._lock:
            known = self._clients.get(conn_id)
            if known is None or known[0] != facts:
                known = self._clients[conn_id] = facts, self._make(conn_id, connection)
            return known[1]

    def _connection(self, conn_id: str) -> Connection | None:
        try:
            found: Connection = Connection.get(conn_id)
        except AirflowNotFoundException:
            if conn_id != self._default:
                raise
            return None
        return found


def _facts(connection: Connection | None) -> str:
    """Another text when the connection is another; nothing can be read from it."""
    return hashlib.sha256(connection.get_uri().encode()).hexdigest() if connection else ""
