"""Staged Parquet → a Snowflake table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from factory.definitions.tables import LOCK_SECONDS
from factory.in_airflow.operators.ingest.load_table import LoadTable

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.stores.model import Store
    from factory.transfer.warehouse.load import Loaded


class LoadSnowflake(LoadTable):
    """The staged Parquet files → a Snowflake table: staged, checked, published.

    :param warehouse: in place of the connection's, as is `role`.
    """

    template_fields: Sequence[str] = (*LoadTable.template_fields, "warehouse", "role")

    def __init__(
        self,
        *,
        warehouse: str | None = None,
        role: str | None = None,
        cluster_by: Sequence[str] = (),
        lock_timeout: float = LOCK_SECONDS,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.warehouse = warehouse
        self.role = role
        self.cluster_by = cluster_by
        self.lock_timeout = lock_timeout

    def load(
        self, context: Context, store: Store, paths: list[str], **options: Any
    ) -> tuple[Loaded, Mapping[str, int]]:
        """By PUT and COPY."""
        from factory.in_airflow.connections import snowflake_account
        from factory.transfer.snowflake.load import load

        account = snowflake_account(
            self.conn_id,
            application=f"factory {options['load_id']}",
            warehouse=self.warehouse,
            role=self.role,
        )
        done = load(
            account,
            store,
            paths,
            cluster_by=self.cluster_by,
            lock_timeout=self.lock_timeout,
            **options,
        )
        return done, {}
