"""Staged Parquet → a BigQuery table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from factory.definitions.tables import ON_SCHEMA_CHANGE, STATEMENT_SECONDS
from factory.in_airflow.interval import interval_of
from factory.in_airflow.operators.ingest.load import Load
from factory.in_airflow.storage import folder

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.sdk import Context

    from factory.stores.model import Place
    from factory.transfer.bigquery.table import Options

_PASSED = "bigquery"
_EVERY = {"hourly": "HOUR", "daily": "DAY", "monthly": "MONTH", "yearly": "YEAR"}


class LoadBigQuery(Load):
    """The staged Parquet files → a BigQuery table: staged, checked, published.

    :param via: the folder in Cloud Storage that rows go through, when it is not the stage.
    :param expires_after: seconds, of a table that is created.
    """

    template_fields: Sequence[str] = (
        "staged",
        "table",
        "conn_id",
        "via",
        "stage",
        "write",
        "checks",
    )

    def __init__(
        self,
        *,
        conn_id: str,
        table: str,
        via: str | None = None,
        partition_by: str | None = None,
        partitions: str = "daily",
        cluster_by: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        description: str = "",
        descriptions: Mapping[str, str] | None = None,
        expires_after: float | None = None,
        on_schema_change: str = ON_SCHEMA_CHANGE,
        maximum_bytes_billed: int | None = None,
        statement_timeout: float = STATEMENT_SECONDS,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self.table = table
        self.via = via
        self.partition_by = partition_by
        self.partitions = partitions
        self.cluster_by = cluster_by
        self.labels = labels
        self.description = description
        self.descriptions = descriptions
        self.expires_after = expires_after
        self.on_schema_change = on_schema_change
        self.maximum_bytes_billed = maximum_bytes_billed
        self.statement_timeout = statement_timeout

    def execute(self, context: Context) -> dict[str, Any]:
        """Load; the run and the task name the load, so that a repeated one is known."""
        from factory.in_airflow.clients.bigquery import labelled
        from factory.transfer.bigquery.load import load

        interval = _interval(context)
        write, checks = self.given()
        with self.telling_checks(context):
            done, cost = load(
                labelled(self.conn_id, context),
                *self.files(context),
                via=self._via(context),
                table=self.table,
                write=write,
                checks=checks,
                load_id=self.named(context, context["task_instance"].run_id),
                options=self._options(),
                on_schema_change=self.on_schema_change,
                interval=interval,
                as_of=interval[1] if interval else None,
                statement_timeout=self.statement_timeout,
                maximum_bytes_billed=self.maximum_bytes_billed,
            )
        self.tell(context, done.rows, bytes_billed=cost.billed, slot_ms=cost.slot_ms)
        return {
            "table": done.table,
            "published": done.published,
            "read": done.read,
            "quarantined": done.quarantined,
            "dropped": done.dropped,
            "rows": done.rows,
            "seconds": round(done.seconds, 3),
            "bytes_billed": cost.billed,
            "slot_ms": cost.slot_ms,
            "checks": [result.plain() for result in done.checks],
        }

    def _via(self, context: Context) -> Place:
        return folder(self.via) if self.via else self._folder(context).below(_PASSED, "")

    def _options(self) -> Options:
        from factory.transfer.bigquery.table import Options

        return Options(
            partition_by=self.partition_by or "",
            granularity=_EVERY[self.partitions],
            cluster_by=self.cluster_by,
            labels=self.labels or {},
            description=self.description,
            descriptions=self.descriptions or {},
            expires_after=self.expires_after,
        )


def _interval(context: Context) -> tuple[datetime, datetime] | None:
    found = interval_of(context)
    return None if found is None else (found.start, found.end)
