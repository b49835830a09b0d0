"""Staged Parquet → a PostgreSQL table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException

from factory.in_airflow.operators.ingest.staged import PARQUET, Staged

if TYPE_CHECKING:
    from airflow.sdk import Context


class LoadPostgres(Staged):
    """The staged Parquet file → a PostgreSQL table: staged, checked, published."""

    template_fields: Sequence[str] = ("table", "conn_id", "stage")

    def __init__(
        self,
        *,
        conn_id: str,
        table: str,
        write: Mapping[str, Any],
        checks: Sequence[Mapping[str, Any]] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self.table = table
        self.write = write
        self.checks = checks

    def execute(self, context: Context) -> dict[str, Any]:
        """Load; the run and the task name the load, so that a repeated one is known."""
        import fsspec

        from factory.in_airflow.connections import postgres_conninfo
        from factory.transfer.postgres.load import load

        task = context["task_instance"]
        staged = self._folder(context) / PARQUET
        if not staged.is_file():
            raise AirflowException(
                f"there is no staged file {staged}: clear the whole group of this task, so that "
                "it is made again; workers on several machines need a `stage` that all of them see"
            )
        done = load(
            postgres_conninfo(self.conn_id, application=f"{task.dag_id}.{task.task_id}"),
            fsspec.filesystem("file"),
            str(staged),
            table=self.table,
            write=self.write,
            checks=self.checks,
            load_id=f"{task.dag_id}/{task.task_id}/{task.run_id}",
        )
        self._tell_asset(context, done.rows)
        return {"table": done.table, "rows": done.rows, "published": done.published}

    def _tell_asset(self, context: Context, rows: int) -> None:
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {"rows": rows}
