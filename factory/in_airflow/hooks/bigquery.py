"""A person's SQL on a connection to Google Cloud: Airflow's hook of that type runs none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from airflow.providers.common.sql.hooks.sql import DbApiHook
from airflow.sdk import get_current_context

from factory.in_airflow.clients import bigquery as clients
from factory.in_airflow.hooks.databases import Left, Tried, tried
from factory.in_airflow.triggers.bigquery import SqlEnded, cancel
from factory.transfer.bigquery.api import Api
from factory.transfer.bigquery.errors import UNREACHED, said, translated
from factory.transfer.bigquery.jobs import Done, Jobs, Limits, Running
from factory.transfer.bigquery.parameters import bound
from factory.transfer.bigquery.staging import digest
from factory.transfer.errors import TransferError


class OperationalError(TransferError):
    """BigQuery can't be asked now; the name is that of PEP 249."""


class Answer:
    """What a handler of Airflow's takes for a cursor: the rows of the last statement."""

    def __init__(self, jobs: Jobs, done: Done) -> None:
        self.fields, self.rows = jobs.rows(done)

    @property
    def description(self) -> list[tuple[Any, ...]] | None:
        """The names and types of its columns; None: it has none."""
        more = (None,) * 5
        return [(each["name"], each["type"], *more) for each in self.fields] or None

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows."""
        return self.rows

    def fetchone(self) -> tuple[Any, ...] | None:
        """The first of them."""
        return self.rows[0] if self.rows else None


class BigQuery(DbApiHook):
    """One job for all statements: a script, in which variables and temporary tables hold.

    Each statement commits itself, unless the script says BEGIN TRANSACTION.
    """

    conn_name_attr = "gcp_conn_id"
    conn_type = "google_cloud_platform"
    hook_name = "BigQuery"
    supports_autocommit = True
    commits_each = True

    patience: float | None = None
    begun = ""  # `location:job`
    task: Tried | None = None
    """None: that of Airflow's context, if there is one."""

    def cancel(self) -> None:
        """See `Leaves`."""
        place, _, job_id = self.begun.rpartition(":")
        cancel(self.get_conn_id(), place, job_id)

    def _query(self, text: str, more: Mapping[str, Any]) -> tuple[Jobs, Done]:
        place, _, job_id = self.begun.rpartition(":")
        limits = Limits(patience=self.patience, awaited=job_id)
        jobs = Jobs(_api(self.get_conn_id()), place or None, limits)
        if self.patience is not None:
            job_id = job_id or self._name(jobs, text, more)
            self.begun = f"{jobs.location or ''}:{job_id}"
        return jobs, jobs.query(text, job_id, leave=True, **more)

    def _name(self, jobs: Jobs, text: str, more: Mapping[str, Any]) -> str:
        """Of this try's job, or of one that a try before has begun and that still runs.

        Who clears a task, or makes its run anew, wants it to run again; whose worker was killed
        does not want it twice at once.
        """
        if (found := self.task or tried()) is None:
            return ""
        own, this, is_first = found
        name = f"factory_{digest(*own, text, more)}_sql_"
        for reference in () if is_first else jobs.running():
            if str(reference["jobId"]).startswith(name):
                jobs.location = reference.get("location")
                return str(reference["jobId"])
        return f"{name}{digest(this)}"

    def run(
        self,
        sql: str | Iterable[str],
        autocommit: bool = False,
        parameters: Iterable[Any] | Mapping[str, Any] | None = None,
        handler: Callable[[Any], Any] | None = None,
        split_statements: bool = True,
        return_last: bool = True,
    ) -> Any:
        """Run it; what the handler makes of its rows."""
        text = sql if isinstance(sql, str) else ";\n".join(sql)
        conn_id, more = self.get_conn_id(), bound(parameters)
        with translated(f"the connection {conn_id}"):
            try:
                jobs, done = self._query(text, more)
                answer = Answer(jobs, done) if handler else None
            except Running as job:
                until = SqlEnded(conn_id, job.job_id, job.location, None)
                raise Left(until, job.job_id) from None
            except UNREACHED as error:
                raise OperationalError(f"BigQuery can't be reached: {said(error)}") from None
        self.descriptions = [answer.description if answer else None]
        return handler(answer) if handler else None


def _api(conn_id: str) -> Api:
    """The jobs of a task are labelled with it; those of a trigger are not."""
    try:
        context = get_current_context()
    except RuntimeError:
        found: Api = clients.client(conn_id)
        return found
    return clients.labelled(conn_id, context)
