"""A table or a query of Snowflake → Parquet on the stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from factory.in_airflow.operators.ingest.read_table import OfTable, ReadTable, SplitTable

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.definitions.reads import Part, Rows
    from factory.stores.model import Store
    from factory.transfer.lineage import Lineage
    from factory.transfer.snowflake.session import Account
    from factory.transfer.to_parquet import Converted


class _OfSnowflake(OfTable):
    """What is read of Snowflake.

    :param warehouse: in place of the connection's, as is `role`.
    """

    def __init__(
        self, *, warehouse: str | None = None, role: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.warehouse = warehouse
        self.role = role

    def account(self, context: Context) -> Account:
        """Who logs in; the run's queries are known by the tag of the session."""
        from factory.in_airflow.connections import snowflake_account

        task = context["task_instance"]
        return snowflake_account(
            self.conn_id,
            application=f"factory {task.dag_id}/{task.task_id}/{task.run_id}",
            warehouse=self.warehouse,
            role=self.role,
        )


class ReadSnowflake(_OfSnowflake, ReadTable):
    """The rows of one source, or a part of them → one Parquet file on the stage.

    :param as_text: columns that are read as texts.
    """

    template_fields: Sequence[str] = (*ReadTable.template_fields, "warehouse", "role")

    def __init__(self, *, as_text: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.as_text = as_text

    def read(
        self, context: Context, rows: Rows, store: Store, path: str, lineage: Lineage
    ) -> Converted:
        """By Arrow's batches, as the server sends them."""
        from factory.transfer.snowflake.read import read

        return read(
            self.account(context),
            replace(rows, as_text=tuple(self.as_text)),
            store,
            path,
            lineage=lineage,
            statement_timeout=self.statement_timeout,
        )


class SplitSnowflake(_OfSnowflake, SplitTable):
    """The rows of one source → at most so many `parts` of them, by the values of a `column`."""

    template_fields: Sequence[str] = (*SplitTable.template_fields, "warehouse", "role")

    def split(self, context: Context, rows: Rows) -> list[Part]:
        """Ask for the least and the greatest value."""
        from factory.transfer.snowflake.read import split

        by, limit = (self.column, self.parts), self.statement_timeout
        return split(self.account(context), rows, *by, statement_timeout=limit)
