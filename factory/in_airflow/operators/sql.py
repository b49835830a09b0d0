"""The task of a `sql` step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator

from factory.account import say
from factory.in_airflow.hooks.databases import Leaves, Left

if TYPE_CHECKING:
    from airflow.sdk import Context

PATIENCE = 60.0
"""Seconds for which a worker waits for a statement that may be left."""

_NOT_COMMITTED = "its statements are one transaction, which was not committed"
_DEFINED = (
    "its statements are one transaction, which was not committed; but one that defines tables "
    "(CREATE, ALTER, DROP, RENAME, TRUNCATE) commits itself and what was before it"
)
_EACH_COMMITTED = "each statement before the one that failed has been committed"


class Sql(SQLExecuteQueryOperator):
    """Airflow's own, on a connection of any type that another kind takes."""

    def execute(self, context: Context) -> Any:
        """Run it; a statement that is long may be left to the triggerer."""
        return self._run(context)

    def resume(self, context: Context, event: Any = None) -> Any:
        """Take the answer of what was left."""
        return self._run(context, event["begun"])

    def on_kill(self) -> None:
        """Somebody has ended the task: what it has begun ends, too."""
        hook = vars(self).get("_hook")
        if isinstance(hook, Leaves) and hook.begun:
            hook.cancel()

    def _run(self, context: Context, begun: str = "") -> Any:
        hook = self.get_db_hook()
        if isinstance(hook, Leaves):
            hook.patience, hook.begun = PATIENCE, begun
        try:
            return super().execute(context)  # type: ignore[no-untyped-call]
        except Left as left:
            say("%s: this goes on when it has ended", left)
            self.defer(
                trigger=left.trigger,
                method_name="resume",
                timeout=self.execution_timeout,
            )

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
