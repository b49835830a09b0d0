"""Staged Parquet → a Snowflake table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from factory.definitions.tables import LOCK_SECONDS
from factory.in_airflow.operators.ingest.load_table import LoadTable
from factory.in_airflow.storage import folder

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.stores.model import Store
    from factory.transfer.warehouse.load import Loaded


class LoadSnowflake(LoadTable):
    """The staged Parquet files → a Snowflake table: staged, checked, published.

    :param warehouse: in place of the connection's, as is `role`.
    :param external_stage: a stage over a bucket, that files go through in the folder `via`; else
        they go through a stage of the load's own.
    """

    template_fields: Sequence[str] = (
        *LoadTable.template_fields,
        *("warehouse", "role", "external_stage", "via"),
    )

    def __init__(
        self,
        *,
        warehouse: str | None = None,
        role: str | None = None,
        external_stage: str | None = None,
        via: str | None = None,
        cluster_by: Sequence[str] = (),
        lock_timeout: float = LOCK_SECONDS,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.warehouse = warehouse
        self.role = role
        self.external_stage = external_stage
        self.via = via
        self.cluster_by = cluster_by
        self.lock_timeout = lock_timeout

    def load(
        self, context: Context, store: Store, paths: list[str], **options: Any
    ) -> tuple[Loaded, Mapping[str, int]]:
        """By files in a stage, and COPY."""
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
            via=(self.external_stage, folder(self.via))
            if self.external_stage and self.via
            else None,
            cluster_by=self.cluster_by,
            lock_timeout=self.lock_timeout,
            **options,
        )
        return done, {}
