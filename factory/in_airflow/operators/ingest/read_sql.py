"""A table or a query of any database of Airflow's → Parquet on the stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from factory.in_airflow.operators.ingest.read_table import ReadTable, SplitTable

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.definitions.reads import Part, Rows
    from factory.stores.model import Store
    from factory.transfer.lineage import Lineage
    from factory.transfer.to_parquet import Converted


class ReadSql(ReadTable):
    """The rows of one source, or a part of them → one Parquet file on the stage.

    :param types: words for the types of columns, by their names.
    """

    def __init__(self, *, types: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.types = types or {}

    def read(
        self, context: Context, rows: Rows, store: Store, path: str, lineage: Lineage
    ) -> Converted:
        """By the driver of the connection's hook."""
        from factory.in_airflow.connections import sql_database
        from factory.transfer.dbapi.read import read

        return read(
            *(sql_database(self.conn_id), rows, store, path),
            types=self.types,
            lineage=lineage,
            statement_timeout=self.statement_timeout,
        )


class SplitSql(SplitTable):
    """The rows of one source → at most so many `parts` of them, by the values of a `column`."""

    def split(self, context: Context, rows: Rows) -> list[Part]:
        """Ask for the least and the greatest value."""
        from factory.in_airflow.connections import sql_database
        from factory.transfer.dbapi.read import split

        given = (sql_database(self.conn_id), rows, self.column, self.parts)
        return split(*given, statement_timeout=self.statement_timeout)
