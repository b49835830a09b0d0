"""A table or a query of BigQuery → Parquet on the stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from factory.in_airflow.operators.ingest.read_table import ReadTable, SplitTable

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.definitions.reads import Part, Rows
    from factory.stores.model import Store
    from factory.transfer.lineage import Lineage
    from factory.transfer.to_parquet import Converted


class ReadBigQuery(ReadTable):
    """The rows of one source, or a part of them → one Parquet file on the stage.

    :param maximum_bytes_billed: a query that would be billed for more is refused.
    """

    def __init__(self, *, maximum_bytes_billed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.maximum_bytes_billed = maximum_bytes_billed

    def read(
        self, context: Context, rows: Rows, store: Store, path: str, lineage: Lineage
    ) -> Converted:
        """By the Storage Read API."""
        from factory.in_airflow.clients.bigquery import labelled
        from factory.transfer.bigquery.read import read

        return read(
            labelled(self.conn_id, context),
            rows,
            store,
            path,
            lineage=lineage,
            statement_timeout=self.statement_timeout,
            maximum_bytes_billed=self.maximum_bytes_billed,
        )


class SplitBigQuery(SplitTable):
    """The rows of one source → at most so many `parts` of them, by the values of a `column`."""

    def split(self, context: Context, rows: Rows) -> list[Part]:
        """Ask for the least and the greatest value."""
        from factory.in_airflow.clients.bigquery import labelled
        from factory.transfer.bigquery.read import split

        by, limit = (self.column, self.parts), self.statement_timeout
        return split(labelled(self.conn_id, context), rows, *by, statement_timeout=limit)
