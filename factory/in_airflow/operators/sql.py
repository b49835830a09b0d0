"""The task of a `sql` step."""

from __future__ import annotations

from typing import Any

from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator

_NOT_COMMITTED = "its statements are one transaction, which was not committed"
_DEFINED = (
    "its statements are one transaction, which was not committed; but one that defines tables "
    "(CREATE, ALTER, DROP, RENAME, TRUNCATE) commits itself and what was before it"
)
_EACH_COMMITTED = "each statement before the one that failed has been committed"


class Sql(SQLExecuteQueryOperator):
    """Airflow's own, on a connection of any type that another kind takes."""

    @property
    def consequence(self) -> str:
        """What a failure means for the data."""
        hook = vars(self).get("_hook")  # once it has been asked for
        commits_each = self.autocommit or getattr(hook, "commits_each", False)
        if commits_each:
            return _EACH_COMMITTED
        return _DEFINED if getattr(hook, "conn_type", "") == "mysql" else _NOT_COMMITTED

    @classmethod
    def get_hook(cls, conn_id: str, hook_params: dict[str, Any] | None = None) -> Any:
        """Ours, where Airflow's is no database's, or logs in otherwise than loads do."""
        from factory.in_airflow.hooks.databases import own

        return own(conn_id) or super().get_hook(conn_id, hook_params)
