"""Staged Parquet → a PostgreSQL table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException

from factory.definitions.tables import (
    LOCK_SECONDS,
    ON_SCHEMA_CHANGE,
    STATEMENT_SECONDS,
)
from factory.in_airflow.operators.ingest.staged import Staged

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.sdk import Context


class LoadPostgres(Staged):
    """The staged Parquet files → a PostgreSQL table: staged, checked, published.

    :param staged: what the conversion returned; a list when several tasks converted.
    """

    template_fields: Sequence[str] = (
        "staged",
        "table",
        "conn_id",
        "stage",
        "write",
        "checks",
    )

    def __init__(
        self,
        *,
        staged: Any,
        conn_id: str,
        table: str,
        write: Mapping[str, Any],
        checks: Sequence[Mapping[str, Any]] = (),
        primary_key: Sequence[str] = (),
        indexes: Sequence[Sequence[str]] = (),
        on_schema_change: str = ON_SCHEMA_CHANGE,
        lock_timeout: float = LOCK_SECONDS,
        statement_timeout: float = STATEMENT_SECONDS,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.staged = staged
        self.conn_id = conn_id
        self.table = table
        self.write = write
        self.checks = checks
        self.primary_key = primary_key
        self.indexes = indexes
        self.on_schema_change = on_schema_change
        self.lock_timeout = lock_timeout
        self.statement_timeout = statement_timeout

    def execute(self, context: Context) -> dict[str, Any]:
        """Load; the run and the task name the load, so that a repeated one is known."""
        import fsspec

        from factory.definitions import checks, writes
        from factory.in_airflow.connections import postgres_conninfo
        from factory.transfer.errors import ChecksFailed
        from factory.transfer.postgres.load import load

        task = context["task_instance"]
        interval = _interval(context)
        try:
            done = load(
                postgres_conninfo(self.conn_id, application=f"{task.dag_id}.{task.task_id}"),
                fsspec.filesystem("file"),
                self._paths(context),
                table=self.table,
                write=writes.parse(self.write),
                checks=[checks.parse(check) for check in self.checks],
                load_id=f"{task.dag_id}/{task.task_id}/{task.run_id}",
                primary_key=self.primary_key,
                indexes=self.indexes,
                on_schema_change=self.on_schema_change,
                interval=interval,
                as_of=interval[1] if interval else None,
                lock_timeout=self.lock_timeout,
                statement_timeout=self.statement_timeout,
            )
        except ChecksFailed as error:
            task.xcom_push("checks", [result.plain() for result in error.results])
            raise
        self._tell_asset(context, done.rows)
        return {
            "table": done.table,
            "published": done.published,
            "read": done.read,
            "quarantined": done.quarantined,
            "dropped": done.dropped,
            "rows": done.rows,
            "seconds": round(done.seconds, 3),
            "checks": [result.plain() for result in done.checks],
        }

    def _paths(self, context: Context) -> list[str]:
        """What the conversion, or each of several, says that it left."""
        folder = self._folder(context)
        if isinstance(self.staged, Mapping):
            given = [self.staged]
        else:
            given = list(self.staged or ())
            self._refuse_gaps(context, len(given))
        paths = [folder / one["path"] for one in given]
        missing = [path for path in paths if not path.is_file()]
        if missing or not paths:
            raise AirflowException(
                f"there is no staged file {missing[0] if missing else folder}: clear the whole "
                "group of this task, so that it is made again; workers on several machines need a "
                "`stage` that all of them see"
            )
        return [str(path) for path in paths]

    def _refuse_gaps(self, context: Context, staged: int) -> None:
        """Each task before this one left something: one that a person marks a success leaves none.

        (A task that is skipped, or that has become one too many, is meant to leave nothing.)
        """
        task = context["task_instance"]
        group = self.task_id.rpartition(".")[0]
        for before in sorted(self.get_flat_relative_ids(upstream=True)):
            if before.rpartition(".")[0] != group:
                continue
            done = task.get_ti_count(
                dag_id=task.dag_id, task_ids=[before], run_ids=[task.run_id], states=["success"]
            )
            if done not in (1, staged):
                raise AirflowException(
                    f"{done} tasks of {before} succeeded, but {staged} have handed something on: "
                    "one that is marked a success has not done its work. Clear the whole group of "
                    "this task, so that it is made again"
                )

    def _tell_asset(self, context: Context, rows: int) -> None:
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {"rows": rows}


def _interval(context: Context) -> tuple[datetime, datetime] | None:
    """Give the run's data interval; a run that was triggered without a date has none."""
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    return None if start is None or end is None else (start, end)
