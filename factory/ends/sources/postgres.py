"""A table or a query of PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as File
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, Meta

from factory import literals
from factory.definitions.tables import STATEMENT_TIMEOUT, ConnectionId, TableName
from factory.ends.handover import BATCHES, Batches
from factory.ends.tasks import OPERATORS
from factory.fields import Duration, Strict, seconds
from factory.plan import sql_files
from factory.plan.kind import Step
from factory.problem import Problem
from factory.spec import assets

ColumnName = Annotated[str, Meta(min_length=1)]
Sql = Annotated[str, Meta(min_length=1)]


class Postgres(
    Strict, frozen=True, kw_only=True, omit_defaults=True, tag="postgres", tag_field="type"
):
    """A table or a query of PostgreSQL, read as of one moment.

    Every value arrives as it is, or is refused with the column and what helps.
    """

    gives: ClassVar = (BATCHES,)

    conn_id: ConnectionId
    table: Annotated[
        TableName | None,
        Meta(
            description="The table or view, with its schema; or else a `query`. Jinja templates "
            "are filled in.",
            examples=["public.orders"],
        ),
    ] = None
    columns: Annotated[
        list[ColumnName],
        Meta(description="Of a `table`, these columns alone.", examples=[["order_id", "total"]]),
    ] = msgspec.field(default_factory=list)
    where: Annotated[
        Sql | None,
        Meta(
            description="Of a `table`, the rows of which this SQL is true. Jinja templates are "
            "filled in.",
            examples=["status <> 'draft'"],
        ),
    ] = None
    query: Annotated[
        Sql | None,
        Meta(
            description="A SELECT, or the name of a `.sql` file beside this one or below its "
            "folder. Jinja templates are filled in, in both, and so is `${vars.x}`.",
            examples=["SELECT order_id, total::numeric(12,2) AS total FROM orders", "orders.sql"],
        ),
    ] = None
    as_text: Annotated[
        list[ColumnName],
        Meta(
            description="Columns that are read as texts, since they hold what is no value "
            "elsewhere: infinite dates, NaN in a `numeric(p,s)`, 24:00:00. A PostgreSQL target "
            "makes their type of them again.",
            examples=[["valid_until"]],
        ),
    ] = msgspec.field(default_factory=list)
    statement_timeout: Annotated[
        Duration, Meta(description="The longest time for the query, until its last row.")
    ] = STATEMENT_TIMEOUT

    def reads(self) -> tuple[str, ...]:
        """`table://<conn_id>/<schema>/<table>`; of a query nobody knows."""
        found = assets.of_table(self.conn_id, self.table) if self.table else None
        return () if found is None else (found,)

    def hand_over(self, step: Step, way: str) -> Batches:
        """One task reads."""
        arguments: dict[str, Any] = msgspec.to_builtins(self)  # what differs from the defaults
        del arguments["type"]
        for name in ("table", "where", "query"):
            if name in arguments:
                arguments[name] = _as_text(name, arguments[name])
        if self.statement_timeout != STATEMENT_TIMEOUT:
            arguments["statement_timeout"] = seconds(self.statement_timeout)
        files = sql_files.places(self.query or "", ("query",))
        return Batches(
            operator=f"{OPERATORS}.read_postgres.ReadPostgres",
            arguments=arguments,
            files=() if files is UNSET else files,
            columns=frozenset(self.columns) or None,
        )

    def problems(self) -> Iterator[Problem]:
        """Neither a table nor a query, or both; names that no table and no column has."""
        yield from self._one_of()
        if self.table:
            yield from literals.table(self.table, ("source", "table"))
        for name in ("columns", "as_text"):
            yield from literals.columns(getattr(self, name), ("source", name))
            yield from literals.twice(getattr(self, name), ("source", name))
        yield from literals.timeout(
            seconds(self.statement_timeout), ("source", "statement_timeout")
        )

    def _one_of(self) -> Iterator[Problem]:
        if self.table is None and self.query is None:
            message = "nothing says what is read"
            yield Problem(("source",), "missing-key", message, expected="`table:` or `query:`")
        if self.query is None:
            return
        for name in ("table", "columns", "where"):
            if getattr(self, name):
                yield Problem(
                    ("source", name),
                    "one-of",
                    f"a `query` says by itself what `{name}` would",
                    expected="a `table`, or a `query` alone",
                    at_key=True,
                )

    def beside(self, folder: File) -> Iterator[Problem]:
        """A `.sql` file that is not there."""
        yield from sql_files.problems(self.query or "", folder, ("source", "query"))


def _as_text(name: str, text: str) -> str:
    """A table may be called `sql`; only a query names a file."""
    own = name != "query" and sql_files.is_file(text)
    return f"{text} " if own else sql_files.as_template(text)
