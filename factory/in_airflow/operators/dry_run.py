"""What stands in a task's place when nothing is to run: it asks what its statements would read.

Only BigQuery tells. Of what cannot be asked, the reason is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, Connection

from factory.errors import FactoryError, words
from factory.in_airflow.interval import interval_of
from factory.in_airflow.operators.check import Check
from factory.in_airflow.operators.ingest.read_bigquery import ReadBigQuery, SplitBigQuery
from factory.in_airflow.operators.wait import Wait, run_interval
from factory.transfer.bigquery.parameters import bound

if TYPE_CHECKING:
    import jinja2
    from airflow.sdk import Context

    from factory.transfer.bigquery.dry_run import DryRun, Estimate

TYPES = ("google_cloud_platform", "gcpbigquery")
"""Airflow's connections to BigQuery; the second is the one that its own SQL operators take."""
EARLIER = "it needs what a task before it gives"


class _Earlier(Exception):
    """A template asks for the result of a task that was not run."""


class _Instance:
    """The task's own, which knows of no other task."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def xcom_pull(self, *_: Any, **__: Any) -> Any:
        raise _Earlier(EARLIER)


class Dry(BaseOperator):
    """Fills in the templates of the task in whose place it stands, and asks.

    Its result is one entry for each statement: `statement`, with `bytes` and their `accuracy`, or
    with the reason `why` they are not known.
    """

    consequence = "nothing was run"
    unfilled = ""

    def render_template_fields(
        self, context: Context, jinja_env: jinja2.Environment | None = None
    ) -> None:
        """Airflow's own; what cannot be filled in is told with the result."""
        instance = _Instance(context["ti"])
        known: Any = {**context, "ti": instance, "task_instance": instance}
        try:
            super().render_template_fields(known, jinja_env)
        except Exception as error:  # of a template: it may call anything
            self.unfilled = words(error)

    def execute(self, context: Context) -> Any:
        """Ask BigQuery; of another database, and of what fails, tell the reason."""
        if self.unfilled:
            return [_unknown("", self.unfilled)]
        from factory.in_airflow.clients.bigquery import client
        from factory.transfer.bigquery.dry_run import DryRun
        from factory.transfer.bigquery.errors import translated

        try:
            kind = Connection.get(self.asked).conn_type
            if kind not in TYPES:
                return [_unknown("", f"{self.asked} is of the type {kind}: only BigQuery tells")]
            session = DryRun(client(self.asked))
        except Exception as error:  # no such connection, or none that logs in
            return [_unknown("", words(error))]
        failed = []
        try:
            with translated(self.asked):
                self.ask(context, session)
        except Exception as error:  # what BigQuery refuses is known as well as what it would read
            failed = [_unknown("", words(error))]
        return [_plain(each) for each in session.estimates] + failed

    @property
    def asked(self) -> str:
        """The id of the connection."""
        found: str = self.conn_id  # type: ignore[attr-defined]
        return found

    def ask(self, context: Context, session: DryRun) -> None:
        """Ask for each statement that the task would run."""
        raise NotImplementedError


def _unknown(statement: str, why: str) -> dict[str, Any]:
    return {"statement": statement, "why": why}


def _plain(estimate: Estimate) -> dict[str, Any]:
    return {
        "statement": estimate.statement,
        "bytes": estimate.bytes,
        "accuracy": estimate.accuracy,
    }


class DrySql(Dry):
    """For the task of a `sql` step: all statements are one script."""

    template_fields: Sequence[str] = ("conn_id", "sql", "parameters")
    template_ext: Sequence[str] = (".sql", ".json")

    def __init__(
        self,
        *,
        conn_id: str,
        sql: str,
        parameters: Any = None,
        split_statements: bool = True,
        autocommit: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self.sql = sql
        self.parameters = parameters
        self.split_statements = split_statements
        self.autocommit = autocommit

    def ask(self, context: Context, session: DryRun) -> None:
        """As our hook sends them."""
        session.query(self.sql, **bound(self.parameters))


class DryCheck(Dry, Check):
    """For the task of a `check` step: the queries that it runs where all is well."""

    def ask(self, context: Context, session: DryRun) -> None:
        """Its checks, measured and not judged."""
        from factory.definitions import checks
        from factory.transfer.bigquery.dry_run import DryBigQuery
        from factory.transfer.warehouse import audit
        from factory.transfer.warehouse.check import verified

        given = [checks.parse(check) for check in self.checks]
        interval = interval_of(context)
        as_of = interval.end if interval else None
        asked = (self.table, given, self.where or "", as_of)
        with verified(DryBigQuery(), session, *asked) as rows:
            audit.ask(rows, given)


class DryWait(Dry, Wait):
    """For the task of a `wait` step that asks a database: the query of one look."""

    @property
    def asked(self) -> str:
        """The id of the connection."""
        found: str = self.what["conn_id"]
        return found

    def ask(self, context: Context, session: DryRun) -> None:
        """The query that is given, or the one that counts the rows of a table."""
        if self.what["type"] == "sql":
            session.query(self.what["sql"], **bound(self.what.get("parameters")))
            return
        from factory.transfer.bigquery.dry_run import DryBigQuery
        from factory.transfer.warehouse.arrived import rows_in

        given = self.what
        bounds = run_interval(context) if given.get("column") else None
        rows_in(
            DryBigQuery(),
            session,
            given["table"],
            column=given.get("column", ""),
            interval=bounds,
            where=given.get("where", ""),
            most=given.get("at_least", 1),
            seconds=0,
        )


class DryRead(Dry, ReadBigQuery):
    """For the task that reads a table or a query of BigQuery."""

    def ask(self, context: Context, session: DryRun) -> None:
        """The query of its rows; of a whole table, what the columns have that are read."""
        from factory.transfer.bigquery.dry_run import located
        from factory.transfer.bigquery.read import select

        rows = replace(self.rows(context), columns=tuple(self.columns))
        session.query(select(located(session, rows), rows))


class DrySplit(Dry, SplitBigQuery):
    """For the task that looks for the parts of a table."""

    def ask(self, context: Context, session: DryRun) -> None:
        """The query of the least and the greatest value."""
        from factory.transfer.bigquery.dry_run import located
        from factory.transfer.bigquery.read import bounds

        rows = self.rows(context)
        session.query(bounds(located(session, rows), rows, self.column))


class Unasked(Dry):
    """For a task whose statements take what a task before it gives."""

    template_fields: Sequence[str] = ("conn_id",)

    def __init__(self, *, conn_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id

    def ask(self, context: Context, session: DryRun) -> None:
        """Tell so."""
        raise FactoryError(EARLIER)
