"""Staged Parquet → a PostgreSQL table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from factory.in_airflow.operators.ingest.load_table import LoadDatabaseTable

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.stores.model import Store
    from factory.transfer.warehouse.load import Loaded


class LoadPostgres(LoadDatabaseTable):
    """The staged Parquet files → a PostgreSQL table: staged, checked, published."""

    def into(self, context: Context, store: Store, paths: list[str], **options: Any) -> Loaded:
        """By one binary COPY."""
        from factory.in_airflow.connections import postgres_conninfo
        from factory.transfer.postgres.load import load

        task = context["task_instance"]
        address = postgres_conninfo(self.conn_id, application=f"{task.dag_id}.{task.task_id}")
        return load(address, store, paths, **options)
