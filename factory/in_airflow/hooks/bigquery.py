"""A person's SQL on a connection to Google Cloud: Airflow's hook of that type runs none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from airflow.providers.common.sql.hooks.sql import DbApiHook
from airflow.sdk import get_current_context

from factory.in_airflow.clients import bigquery as clients
from factory.in_airflow.left import Left
from factory.in_airflow.triggers.bigquery import JobEnded
from factory.transfer.bigquery.api import Api
from factory.transfer.bigquery.errors import UNREACHED, Refused, said, translated
from factory.transfer.bigquery.jobs import Done, Jobs, Limits, Running
from factory.transfer.bigquery.parameters import bound
from factory.transfer.bigquery.staging import digest
from factory.transfer.errors import TransferError

PATIENCE = 60.0
"""Seconds for which a worker waits for a job itself."""


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

    _task: Sequence[object] = ()
    _number = 1
    _limits = Limits()

    def leaves_for(self, task: Sequence[object], number: int, awaited: str) -> None:
        """See `Leaves`."""
        self._task, self._number = task, number
        self._limits = Limits(patience=PATIENCE, awaited=awaited)

    def _name(self, jobs: Jobs, text: str, more: Mapping[str, Any]) -> str:
        """Of this try's job, or of one that a try before has begun and that still runs.

        Who clears a task wants it to run again; whose worker was killed does not want it twice at
        once. Where the job is, a dry run tells, which costs nothing.
        """
        if not self._task:
            return ""
        name = f"factory_{digest(*self._task, text, more)}_sql"
        if self._number > 1:
            with suppress(Refused):  # a script of which it tells nothing without running it
                jobs.location = jobs.place(text, **more)
            for number in range(1, self._number):
                if jobs.is_running(f"{name}_{number}"):
                    return f"{name}_{number}"
        return f"{name}_{self._number}"

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
                jobs = Jobs(_api(conn_id), None, self._limits)
                done = jobs.query(text, self._name(jobs, text, more), leave=True, **more)
                answer = Answer(jobs, done) if handler else None
            except Running as job:
                until = JobEnded(conn_id, job.job_id, job.location, None)
                raise Left(until, str(job)) from None
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
