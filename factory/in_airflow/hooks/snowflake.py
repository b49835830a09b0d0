"""Airflow's hook of Snowflake, which logs in as loads do."""

from __future__ import annotations

from typing import Any

from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook

from factory.in_airflow.clients.snowflake import arguments
from factory.transfer.snowflake.session import log_in


class Snowflake(SnowflakeHook):
    """All of the connection's extra holds here, too, and nothing is told to the driver's makers."""

    def __init__(self, conn_id: str, **kwargs: Any) -> None:
        super().__init__(snowflake_conn_id=conn_id, **kwargs)

    def get_conn(self) -> Any:
        """A session, in which no setting of it is ours."""
        return log_in(arguments(self))
