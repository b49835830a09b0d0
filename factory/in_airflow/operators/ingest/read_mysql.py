"""A table or a query of MySQL or MariaDB → Parquet on the stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from factory.in_airflow.operators.ingest.read_table import ReadTable, SplitTable

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.definitions.reads import Part, Rows
    from factory.stores.model import Store
    from factory.transfer.lineage import Lineage
    from factory.transfer.mysql.read_types import ZeroDates
    from factory.transfer.to_parquet import Converted


class ReadMysql(ReadTable):
    """The rows of one source, or a part of them → one Parquet file on the stage.

    :param as_text: columns that are read as texts.
    :param zero_dates: what becomes of dates that no calendar has.
    """

    def __init__(
        self, *, as_text: Sequence[str] = (), zero_dates: ZeroDates = "fail", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.as_text = as_text
        self.zero_dates = zero_dates

    def read(
        self, context: Context, rows: Rows, store: Store, path: str, lineage: Lineage
    ) -> Converted:
        """By texts, as the server sends them."""
        from factory.in_airflow.connections import mysql_address
        from factory.transfer.mysql.read import read

        return read(
            mysql_address(self.conn_id),
            replace(rows, as_text=tuple(self.as_text)),
            store,
            path,
            zero_dates=self.zero_dates,
            lineage=lineage,
            statement_timeout=self.statement_timeout,
        )


class SplitMysql(SplitTable):
    """The rows of one source → at most so many `parts` of them, by the values of a `column`."""

    def split(self, context: Context, rows: Rows) -> list[Part]:
        """Ask for the least and the greatest value."""
        from factory.in_airflow.connections import mysql_address
        from factory.transfer.mysql.read import split

        by, limit = (self.column, self.parts), self.statement_timeout
        return split(mysql_address(self.conn_id), rows, *by, statement_timeout=limit)
