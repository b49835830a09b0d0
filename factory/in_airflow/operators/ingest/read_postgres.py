"""A table or a query of PostgreSQL → Parquet on the stage."""

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
    from factory.transfer.to_parquet import Converted


class ReadPostgres(ReadTable):
    """The rows of one source, or a part of them → one Parquet file on the stage.

    :param as_text: columns that are read as texts.
    """

    def __init__(self, *, as_text: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.as_text = as_text

    def read(
        self, context: Context, rows: Rows, store: Store, path: str, lineage: Lineage
    ) -> Converted:
        """By a binary `COPY`."""
        from factory.transfer.postgres.read import read

        rows = replace(rows, as_text=tuple(self.as_text))
        more: dict[str, Any] = {"lineage": lineage, "statement_timeout": self.statement_timeout}
        return read(_uri(self, context), rows, store, path, **more)


class SplitPostgres(SplitTable):
    """The rows of one source → at most so many `parts` of them, by the values of a `column`."""

    def split(self, context: Context, rows: Rows) -> list[Part]:
        """Ask for the least and the greatest value."""
        from factory.transfer.postgres.read import split

        by, limit = (self.column, self.parts), self.statement_timeout
        return split(_uri(self, context), rows, *by, statement_timeout=limit)


def _uri(task: OfTable, context: Context) -> str:
    from factory.in_airflow.connections import postgres_conninfo

    own = context["task_instance"]
    return postgres_conninfo(task.conn_id, application=f"{own.dag_id}.{own.task_id}")
