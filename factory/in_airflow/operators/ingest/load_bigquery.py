"""Staged Parquet → a BigQuery table."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from factory.account import say
from factory.in_airflow.operators.ingest.load_table import LoadTable
from factory.in_airflow.storage import folder

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.stores.model import Place, Store
    from factory.transfer.bigquery.jobs import Running
    from factory.transfer.bigquery.load import Session
    from factory.transfer.bigquery.table import Options
    from factory.transfer.warehouse.load import Loaded

PATIENCE = 60.0
"""Seconds for which a worker waits for the load job, and that of the publish, itself."""
_PASSED = "bigquery"
_EVERY = {"hourly": "HOUR", "daily": "DAY", "monthly": "MONTH", "yearly": "YEAR"}


class LoadBigQuery(LoadTable):
    """The staged Parquet files → a BigQuery table: staged, checked, published.

    :param via: the folder in Cloud Storage that rows go through, when it is not the stage.
    :param expires_after: seconds, of a table that is created.
    """

    template_fields: Sequence[str] = (*LoadTable.template_fields, "via")

    def __init__(
        self,
        *,
        via: str | None = None,
        partition_by: str | None = None,
        partitions: str = "daily",
        cluster_by: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        description: str = "",
        descriptions: Mapping[str, str] | None = None,
        expires_after: float | None = None,
        maximum_bytes_billed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.via = via
        self.partition_by = partition_by
        self.partitions = partitions
        self.cluster_by = cluster_by
        self.labels = labels
        self.description = description
        self.descriptions = descriptions
        self.expires_after = expires_after
        self.maximum_bytes_billed = maximum_bytes_billed
        self._awaited = ""

    def load(
        self, context: Context, store: Store, paths: list[str], **options: Any
    ) -> tuple[Loaded, Mapping[str, int]]:
        """By Cloud Storage and jobs, which are billed; the triggerer waits for one that is long."""
        from factory.in_airflow.clients.bigquery import labelled
        from factory.transfer.bigquery.jobs import Running
        from factory.transfer.bigquery.load import load

        try:
            done, cost = load(
                labelled(self.conn_id, context),
                store,
                paths,
                via=self._via(context),
                options=self._options(),
                maximum_bytes_billed=self.maximum_bytes_billed,
                patience=PATIENCE,
                awaited=self._awaited,
                session=self._session(),
                **options,
            )
        except Running as job:
            self._leave(job)
        return done, {"bytes_billed": cost.billed, "slot_ms": cost.slot_ms}

    def _leave(self, job: Running) -> NoReturn:
        """Give the worker back until the job has ended."""
        from factory.in_airflow.triggers.bigquery import JobEnded

        say("%s: this goes on when it has ended", job)
        until = time.time() + job.left if job.left else None
        trigger = JobEnded(self.conn_id, job.job_id, job.location, until)
        self.defer(trigger=trigger, method_name="resume")
        raise AssertionError

    def resume(self, context: Context, event: Any = None) -> dict[str, Any]:
        """The same load again: it finds its jobs, whatever has become of them."""
        self._awaited = event["job_id"] if event else ""
        return self.execute(context)

    def _session(self) -> type[Session] | None:
        """Of a table of another kind."""
        return None

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


class LoadBigQueryExternal(LoadBigQuery):
    """The staged Parquet files → files of a folder, and an external table of BigQuery over them.

    :param path: the folder in Cloud Storage.
    """

    template_fields: Sequence[str] = (*LoadBigQuery.template_fields, "path")

    def __init__(self, *, path: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.path = path

    def _session(self) -> type[Session]:
        from factory.transfer.bigquery.external import External

        return External

    def _via(self, context: Context) -> Place:
        return folder(self.path)
