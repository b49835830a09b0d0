"""Staged Parquet → a Snowflake table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from factory.definitions.tables import LOCK_SECONDS, ON_SCHEMA_CHANGE, STATEMENT_SECONDS
from factory.in_airflow.interval import interval_of
from factory.in_airflow.operators.ingest.load import Load

if TYPE_CHECKING:
    from airflow.sdk import Context


class LoadSnowflake(Load):
    """The staged Parquet files → a Snowflake table: staged, checked, published.

    :param warehouse: in place of the connection's, as is `role`.
    """

    template_fields: Sequence[str] = (
        "staged",
        "table",
        "conn_id",
        "warehouse",
        "role",
        "stage",
        "write",
        "checks",
    )

    def __init__(
        self,
        *,
        conn_id: str,
        table: str,
        warehouse: str | None = None,
        role: str | None = None,
        cluster_by: Sequence[str] = (),
        on_schema_change: str = ON_SCHEMA_CHANGE,
        lock_timeout: float = LOCK_SECONDS,
        statement_timeout: float = STATEMENT_SECONDS,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self.table = table
        self.warehouse = warehouse
        self.role = role
        self.cluster_by = cluster_by
        self.on_schema_change = on_schema_change
        self.lock_timeout = lock_timeout
        self.statement_timeout = statement_timeout

    def execute(self, context: Context) -> dict[str, Any]:
        """Load; the run and the task name the load, so that a repeated one is known."""
        from factory.in_airflow.connections import snowflake_account
        from factory.transfer.snowflake.load import load

        found = interval_of(context)
        interval = None if found is None else (found.start, found.end)
        write, checks = self.given()
        load_id = self.named(context, context["task_instance"].run_id)
        account = snowflake_account(
            self.conn_id,
            application=f"factory {load_id}",
            warehouse=self.warehouse,
            role=self.role,
        )
        with self.telling_checks(context):
            done = load(
                account,
                *self.files(context),
                table=self.table,
                write=write,
                checks=checks,
                load_id=load_id,
                cluster_by=self.cluster_by,
                on_schema_change=self.on_schema_change,
                interval=interval,
                as_of=interval[1] if interval else None,
                lock_timeout=self.lock_timeout,
                statement_timeout=self.statement_timeout,
            )
        self.tell(context, done.rows)
        return {
            "table": done.table,
            "published": done.published,
            "read": done.read,
            "quarantined": done.quarantined,
            "dropped": done.dropped,
            "rows": done.rows,
            "seconds": round(done.seconds, 3),
            "checks": [result.plain() for result in done.checks],
        }
