"""Airflow's hook of Snowflake, which logs in as loads do."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable
from contextlib import closing
from io import StringIO
from typing import Any

from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook
from snowflake.connector.util_text import split_statements  # type: ignore[attr-defined]

from factory.in_airflow.clients.snowflake import arguments, run_tag
from factory.in_airflow.hooks.databases import Left, Tried, tried
from factory.in_airflow.triggers.snowflake import QueryEnded, cancel
from factory.transfer.snowflake import queries
from factory.transfer.snowflake.session import ERRORS, LONGEST_TAG, log_in, said

log = logging.getLogger(__name__)

_TAG = "QUERY_TAG"
_ALL_OR_NOTHING = re.compile(
    r"\(*\s*(select|insert|update|delete|merge|copy|truncate|(with|create)(?!.*\bprocedure\b))\b",
    re.I | re.S,
)
"""Statements that are a transaction each, whatever the session's setting; a CALL may be several."""

_ALONE = {"autocommit": True, "server_session_keep_alive": True}
"""Of a session with one statement: whoever logs out of it would end what runs there, and nobody
comes back to commit. It ends by itself, when it is idle.
"""
_UNSAID = ("AUTOCOMMIT", "ABORT_DETACHED_QUERY")
"""Of the connection's session parameters: the second may end a query five minutes after we left."""


class Snowflake(SnowflakeHook):
    """All of the connection's extra holds here, too, and nothing is told to the driver's makers.

    It `Leaves` one statement that is a transaction by itself; several are those of one session.
    """

    def __init__(self, conn_id: str, **kwargs: Any) -> None:
        super().__init__(snowflake_conn_id=conn_id, **kwargs)
        self.patience: float | None = None
        self.begun = ""
        self.task: Tried | None = None
        """None: that of Airflow's context, if there is one."""
        self._alone_in_it = ""

    def get_conn(self) -> Any:
        """A session, in which no setting of it is ours but the tag of its queries."""
        given = dict(arguments(self))
        own = dict(given.pop("session_parameters", None) or {})
        if not any(name.upper() == _TAG for name in own):
            own[_TAG] = self._alone_in_it or run_tag()[:LONGEST_TAG]
        if self._alone_in_it:
            own = {name: value for name, value in own.items() if name.upper() not in _UNSAID}
            own["ABORT_DETACHED_QUERY"] = False
            given |= _ALONE
        return log_in({**given, "session_parameters": own})

    def run(self, sql: Any, *args: Any, **more: Any) -> Any:
        """One statement by its id, where it may be left; else as Airflow does."""
        alone = self._alone(sql, **more) if self.patience is not None and not args else None
        if alone is None:
            return super().run(sql, *args, **more)
        return self._run_alone(alone, more.get("parameters"), more.get("handler"))

    def _alone(self, sql: Any, **more: Any) -> str | None:
        """The statement, where there is but one, that is all or nothing by itself."""
        if not isinstance(sql, str) or not more.get("split_statements", True):
            return None
        whole, plain = (
            [text for text, _ in split_statements(StringIO(sql), remove_comments=removed) if text]
            for removed in (False, True)
        )
        if len(whole) != 1 or not plain or not _ALL_OR_NOTHING.match(plain[0].strip()):
            return None
        return str(whole[0]).rstrip().rstrip(";")

    def _run_alone(
        self, statement: str, parameters: Any, handler: Callable[[Any], Any] | None
    ) -> Any:
        tag = self._tag(statement, parameters)
        self.begun = self.begun or self._left(tag)
        self._alone_in_it, was_left = tag, bool(self.begun)
        with closing(self.get_conn()) as connection:
            if not self.begun:
                self.begun = queries.begin(connection, statement, parameters or None)
                self.log.info("Snowflake query id: %s", self.begun)
            self.query_ids = [self.begun]
            try:
                queries.wait(connection, self.begun, self.patience or 0, was_left=was_left)
            except queries.Running:
                raise Left(QueryEnded(self.get_conn_id(), self.begun), self.begun) from None
            return queries.answer(
                connection, self.begun, lambda cursor: self._took(cursor, handler)
            )

    def _tag(self, statement: str, parameters: Any) -> str:
        """What this statement of this task of this run is known by, and no other."""
        found = self.task or tried()
        whose = (*(found[0] if found else ()), statement, parameters)
        digest = hashlib.sha256(repr(whose).encode()).hexdigest()[:16]
        return f"{run_tag()[: LONGEST_TAG - len(digest) - 1]} {digest}"

    def _left(self, tag: str) -> str:
        """The id of this statement, where a try before, whose worker was killed, left it running.

        Who clears a task wants it to run again; whose worker was killed does not want it twice at
        once.
        """
        found = self.task or tried()
        if found is None or found[2]:
            return ""
        try:
            with closing(self.get_conn()) as connection:  # of another tag than what is looked for
                query_id = queries.find(connection, tag)
        except ERRORS as error:
            log.warning(
                "nobody can tell whether a try before this one has left its statement running: %s",
                said(error),
            )
            return ""
        if query_id:
            log.info("a try before this one has left its query %s running", query_id)
        return query_id

    def cancel(self) -> None:
        """End what was begun, by a session of its own."""
        cancel(self.get_conn_id(), self.begun)

    def _took(self, cursor: Any, handler: Callable[[Any], Any] | None) -> Any:
        if handler is None:
            return None
        found = self._make_common_data_structure(handler(cursor))
        self.descriptions = [cursor.description]
        return found
