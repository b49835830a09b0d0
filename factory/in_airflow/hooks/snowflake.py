"""Airflow's hook of Snowflake, which logs in as loads do."""

from __future__ import annotations

from typing import Any

from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook

from factory.in_airflow.clients.snowflake import arguments, run_tag
from factory.transfer.snowflake.session import LONGEST_TAG, log_in

_TAG = "QUERY_TAG"


class Snowflake(SnowflakeHook):
    """All of the connection's extra holds here, too, and nothing is told to the driver's makers."""

    def __init__(self, conn_id: str, **kwargs: Any) -> None:
        super().__init__(snowflake_conn_id=conn_id, **kwargs)

    def get_conn(self) -> Any:
        """A session, in which no setting of it is ours but the tag of its queries."""
        given = dict(arguments(self))
        own = dict(given.pop("session_parameters", None) or {})
        if not any(name.upper() == _TAG for name in own):
            own[_TAG] = run_tag()[:LONGEST_TAG]
        return log_in({**given, "session_parameters": own})
