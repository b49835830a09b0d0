"""What every task begins with that reads a table or a query, whatever the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException  # it moved after 3.1

from factory.definitions.reads import Part, Rows, Window, window
from factory.definitions.tables import STATEMENT_SECONDS
from factory.in_airflow.interval import NONE, interval_of
from factory.in_airflow.operators.ingest.staged import ROWS, Staged, lineage_of, number

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.stores.model import Store
    from factory.transfer.lineage import Lineage
    from factory.transfer.to_parquet import Converted


class OfTable(Staged):
    """What is read; `incremental` has a column, and lengths in seconds, as is the time-out."""

    template_fields: Sequence[str] = ("conn_id", "table", "where", "query", "stage")
    template_ext: Sequence[str] = (".sql",)

    def __init__(
        self,
        *,
        conn_id: str,
        table: str | None = None,
        where: str | None = None,
        query: str | None = None,
        incremental: Mapping[str, Any] | None = None,
        statement_timeout: float = STATEMENT_SECONDS,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self.table = table
        self.where = where
        self.query = query
        self.incremental = incremental
        self.statement_timeout = statement_timeout

    def rows(self, context: Context) -> Rows:
        """What the source says, without how its columns are read."""
        return Rows(
            table=self.table and self.table.strip(),
            query=self.query,
            where=self.where,
            window=self._window(context),
        )

    def _window(self, context: Context) -> Window | None:
        if self.incremental is None:
            return None
        interval = interval_of(context)
        if interval is None:
            raise AirflowFailException(NONE)
        column, overlap, lag = (self.incremental.get(name) for name in ("column", "overlap", "lag"))
        return window(str(column), interval.start, interval.end, overlap or 0, lag or 0)


class ReadTable(OfTable):
    """The rows of one source, or a part of them → one Parquet file on the stage.

    :param part: what `SplitTable` has found, of which this task reads one.
    """

    template_fields: Sequence[str] = (*OfTable.template_fields, "part")

    def __init__(
        self,
        *,
        columns: Sequence[str] = (),
        part: Any = None,
        lineage: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.columns = columns
        self.part = part
        self.lineage = lineage

    def execute(self, context: Context) -> dict[str, Any]:
        """Stage; return where, and how many rows."""
        name = f"{number(context):05}.parquet"
        part = None if self.part is None else _part(self.part)
        rows = replace(self.rows(context), columns=tuple(self.columns), part=part)
        place = self._folder(context).below(ROWS, name)
        done = self.read(context, rows, *place, lineage_of(self.lineage, context))
        return {"path": f"{ROWS}/{name}", "rows": done.rows}

    def read(
        self, context: Context, rows: Rows, store: Store, path: str, lineage: Lineage
    ) -> Converted:
        """Read the rows of this database into a file."""
        raise NotImplementedError


class SplitTable(OfTable):
    """The rows of one source → at most so many `parts` of them, by the values of a `column`."""

    def __init__(self, *, column: str, parts: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.column = column
        self.parts = parts

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Look for the least and the greatest value; return the parts."""
        return [_plain(part) for part in self.split(context, self.rows(context))]

    def split(self, context: Context, rows: Rows) -> Sequence[Part]:
        """The parts of the rows of this database."""
        raise NotImplementedError


def _plain(part: Part) -> dict[str, Any]:
    """Without what is None; a date as text."""
    named = part._asdict().items()
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in named
        if value is not None
    }


def _part(given: Mapping[str, Any]) -> Part:
    bounds = {
        name: date.fromisoformat(value) if isinstance(value, str) else value
        for name, value in given.items()
        if name != "column"
    }
    return Part(given["column"], **bounds)
