"""Staged Parquet → a MySQL table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from factory.in_airflow.operators.ingest.load_table import LoadDatabaseTable

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.stores.model import Store
    from factory.transfer.warehouse.load import Loaded


class LoadMysql(LoadDatabaseTable):
    """The staged Parquet files → a MySQL or MariaDB table: staged, checked, published."""

    def into(self, context: Context, store: Store, paths: list[str], **options: Any) -> Loaded:
        """By one LOAD DATA LOCAL, if the server takes it."""
        from factory.in_airflow.connections import mysql_address
        from factory.transfer.mysql.load import load

        return load(mysql_address(self.conn_id), store, paths, **options)
