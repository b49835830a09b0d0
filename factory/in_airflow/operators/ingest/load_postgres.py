"""Staged Parquet → a PostgreSQL table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException

from factory.in_airflow.operators.ingest.staged import Staged

if TYPE_CHECKING:
    from airflow.sdk import Context


class LoadPostgres(Staged):
    """The staged Parquet files → a PostgreSQL table: staged, checked, published.

    :param staged: what the conversion returned; a list when several tasks converted.
    """

    template_fields: Sequence[str] = ("staged", "table", "conn_id", "stage")

    def __init__(
        self,
        *,
        staged: Any,
        conn_id: str,
        table: str,
        write: Mapping[str, Any],
        checks: Sequence[Mapping[str, Any]] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.staged = staged
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
        paths = self._paths(context)
        done = load(
            postgres_conninfo(self.conn_id, application=f"{task.dag_id}.{task.task_id}"),
            fsspec.filesystem("file"),
            paths,
            table=self.table,
            write=self.write,
            checks=self.checks,
            load_id=f"{task.dag_id}/{task.task_id}/{task.run_id}",
        )
        self._tell_asset(context, done.rows)
        return {"table": done.table, "rows": done.rows, "published": done.published}

    def _paths(self, context: Context) -> list[str]:
        """What the conversion, or each of several, says that it left."""
        folder = self._folder(context)
        given = [self.staged] if isinstance(self.staged, Mapping) else list(self.staged or ())
        paths = [folder / one["path"] for one in given]
        missing = [path for path in paths if not path.is_file()]
        if missing or not paths:
            raise AirflowException(
                f"there is no staged file {missing[0] if missing else folder}: clear the whole "
                "group of this task, so that it is made again; workers on several machines need a "
                "`stage` that all of them see"
            )
        return [str(path) for path in paths]

    def _tell_asset(self, context: Context, rows: int) -> None:
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {"rows": rows}
