"""Staged Parquet → a table of a warehouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from factory.definitions.tables import (
    LOCK_SECONDS,
    ON_SCHEMA_CHANGE,
    STATEMENT_SECONDS,
)
from factory.in_airflow.interval import interval_of
from factory.in_airflow.operators.ingest.load import Load
from factory.in_airflow.operators.ingest.staged import left, step_name

if TYPE_CHECKING:
    from airflow.sdk import Context

    from factory.stores.model import Store
    from factory.transfer.warehouse.load import Loaded


class LoadTable(Load):
    """The staged Parquet files → a table: staged, checked, published. A subclass says by what.

    :param once: each of the source's files is loaded once: what was listed is noted with its rows.
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
        conn_id: str,
        table: str,
        on_schema_change: str = ON_SCHEMA_CHANGE,
        statement_timeout: float = STATEMENT_SECONDS,
        once: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self.table = table
        self.on_schema_change = on_schema_change
        self.statement_timeout = statement_timeout
        self.once = once

    def execute(self, context: Context) -> dict[str, Any]:
        """Load; the run and the task name the load, so that a repeated one is known."""
        found = interval_of(context)
        interval = None if found is None else (found.start, found.end)
        write, checks = self.given()
        store, paths = self.files(context)
        with self.telling_checks(context):
            done, cost = self.load(
                context,
                store,
                paths,
                table=self.table,
                write=write,
                checks=checks,
                load_id=self.named(context, context["task_instance"].run_id),
                on_schema_change=self.on_schema_change,
                interval=interval,
                as_of=interval[1] if interval else None,
                statement_timeout=self.statement_timeout,
                **self._arrivals(context),
            )
        self.tell(context, done.rows, **cost)
        return {
            "table": done.table,
            "published": done.published,
            "read": done.read,
            "quarantined": done.quarantined,
            "dropped": done.dropped,
            "rows": done.rows,
            "seconds": round(done.seconds, 3),
            **cost,
            "checks": [result.plain() for result in done.checks],
        }

    def _arrivals(self, context: Context) -> dict[str, Any]:
        """The files that are noted with their rows, where the target can."""
        if not self.once:
            return {}
        from factory.transfer.warehouse.arrivals import Arrivals

        return {"arrivals": Arrivals(step_name(context), left(self._folder(context)))}

    def load(
        self, context: Context, store: Store, paths: list[str], **options: Any
    ) -> tuple[Loaded, Mapping[str, int]]:
        """Load into the table of the connection; what that cost is told beside its rows."""
        raise NotImplementedError


class LoadDatabaseTable(LoadTable):
    """A table with keys and indexes."""

    def __init__(
        self,
        *,
        primary_key: Sequence[str] = (),
        indexes: Sequence[Sequence[str]] = (),
        lock_timeout: float = LOCK_SECONDS,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.primary_key = primary_key
        self.indexes = indexes
        self.lock_timeout = lock_timeout

    def load(
        self, context: Context, store: Store, paths: list[str], **options: Any
    ) -> tuple[Loaded, Mapping[str, int]]:
        """As all do, by `into`."""
        done = self.into(
            context,
            store,
            paths,
            primary_key=self.primary_key,
            indexes=self.indexes,
            lock_timeout=self.lock_timeout,
            **options,
        )
        return done, {}

    def into(self, context: Context, store: Store, paths: list[str], **options: Any) -> Loaded:
        """Load into the table of the connection."""
        raise NotImplementedError
