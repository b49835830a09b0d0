"""Statements that run on by themselves: begun in one session, and looked for in another, by id.

Snowflake runs an asynchronous statement to its end, whoever waits for it. Its answer is there for a
day, for the user who began it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

from snowflake.connector.constants import QueryStatus

from factory.transfer.errors import TransferError
from factory.transfer.snowflake.names import literal
from factory.transfer.snowflake.session import Connection, ask

log = logging.getLogger(__name__)

State = Literal["running", "ended", "unknown"]
Cursor = Any
_PAUSE, _LONGEST = 0.1, 5.0
_RUNS = ("RUNNING", "QUEUED", "BLOCKED", "RESUMING_WAREHOUSE")
_LOOKED_AT = 10_000  # statements, the most: those that run come before those that have ended


class Running(Exception):
    """A statement is left to run on. Whoever asks for its answer, by its id, gets it."""

    def __init__(self, query_id: str) -> None:
        super().__init__(f"the query {query_id} runs on")
        self.query_id = query_id


def begin(connection: Connection, statement: str, parameters: Any = None) -> str:
    """Begin a statement; its id. Raises what the connector raises where it can't begin."""
    with connection.cursor() as cursor:
        cursor.execute_async(statement, parameters)
        return str(cursor.sfqid)


def find(connection: Connection, tag: str) -> str:
    """The id of this user's statement of this tag that has not ended; empty: there is none."""
    rows = ask(
        connection,
        "SELECT QUERY_ID FROM TABLE(INFORMATION_SCHEMA.QUERY_HISTORY_BY_USER"
        f"(RESULT_LIMIT => {_LOOKED_AT})) WHERE QUERY_TAG = {literal(tag)}"
        f" AND UPPER(EXECUTION_STATUS) IN ({', '.join(map(literal, _RUNS))})"
        " ORDER BY START_TIME DESC LIMIT 1",
    )
    return str(rows[0][0]) if rows else ""


def state(connection: Connection, query_id: str) -> State:
    """What has become of a statement: one that just began may be unknown yet."""
    found = connection.get_query_status(query_id)
    if found is QueryStatus.NO_DATA:
        return "unknown"
    return "running" if connection.is_still_running(found) else "ended"


def wait(connection: Connection, query_id: str, patience: float, *, was_left: bool = False) -> None:
    """Until it has ended. Raises `Running` after so many seconds.

    Raises `TransferError` then of one that nobody knows, and that `was_left`: it is too late to
    begin being known, and who left it once more would wait for ever.
    """
    started = time.monotonic()
    for pause in _pauses():
        found = state(connection, query_id)
        if found == "ended":
            return
        if time.monotonic() - started > patience:
            if was_left and found == "unknown":
                raise TransferError(
                    f"Snowflake does not know the query {query_id} any more",
                    "See in QUERY_HISTORY what has become of it, before it is repeated",
                )
            raise Running(query_id)
        time.sleep(pause)


def _pauses() -> Iterator[float]:
    pause = _PAUSE
    while True:
        yield pause
        pause = min(pause * 1.5, _LONGEST)


def cancel(connection: Connection, query_id: str) -> None:
    """End a statement that nobody waits for any more."""
    ask(connection, f"SELECT SYSTEM$CANCEL_QUERY({literal(query_id)})")


def answer(connection: Connection, query_id: str, take: Callable[[Cursor], Any]) -> Any:
    """What `take` makes of the answer of a statement that has ended. Raises what it failed with."""
    with connection.cursor() as cursor:
        cursor.query_result(query_id)
        return take(cursor)
