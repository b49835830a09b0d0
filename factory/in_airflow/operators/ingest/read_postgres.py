"""A table or a query of PostgreSQL → Parquet on the stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from factory.definitions.tables import STATEMENT_SECONDS
from factory.in_airflow.operators.ingest.staged import ROWS, Staged, lineage_of, number

if TYPE_CHECKING:
    from airflow.sdk import Context


class ReadPostgres(Staged):
    """The rows of one source → one Parquet file on the stage.

    :param as_text: columns that are read as texts.
    :param statement_timeout: seconds.
    """

    template_fields: Sequence[str] = ("conn_id", "table", "where", "query", "stage")
    template_ext: Sequence[str] = (".sql",)

    def __init__(
        self,
        *,
        conn_id: str,
        table: str | None = None,
        columns: Sequence[str] = (),
        where: str | None = None,
        query: str | None = None,
        as_text: Sequence[str] = (),
        statement_timeout: float = STATEMENT_SECONDS,
        lineage: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self.table = table
        self.columns = columns
        self.where = where
        self.query = query
        self.as_text = as_text
        self.statement_timeout = statement_timeout
        self.lineage = lineage

    def execute(self, context: Context) -> dict[str, Any]:
        """Stage; return where, and how many rows."""
        from factory.in_airflow.connections import postgres_conninfo
        from factory.transfer.postgres.read import Rows, read

        task = context["task_instance"]
        name = f"{number(context):05}.parquet"
        done = read(
            postgres_conninfo(self.conn_id, application=f"{task.dag_id}.{task.task_id}"),
            Rows(
                table=self.table and self.table.strip(),
                query=self.query,
                columns=tuple(self.columns),
                where=self.where,
                as_text=tuple(self.as_text),
            ),
            *self._folder(context).below(ROWS, name),
            lineage=lineage_of(self.lineage, context),
            statement_timeout=self.statement_timeout,
        )
        return {"path": f"{ROWS}/{name}", "rows": done.rows}
