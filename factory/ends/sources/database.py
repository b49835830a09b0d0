"""What every database is told as a source: a table or a query, and which of its rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as File
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, Meta

from factory import literals
from factory.definitions import identifiers, reads
from factory.definitions.reads import Incremental, Split
from factory.definitions.tables import STATEMENT_TIMEOUT, TableName
from factory.definitions.warehouses import ANY_DATABASE, Names
from factory.definitions.writes import INTERVAL, Write
from factory.diagnostics import Path
from factory.ends.handover import BATCHES, Batches
from factory.ends.tasks import OPERATORS, task
from factory.fields import ConnId, Duration, Strict, seconds
from factory.plan import sql_files
from factory.plan.kind import Step
from factory.plan.model import Dated, Output
from factory.problem import Problem
from factory.spec import assets

ColumnName = Annotated[str, Meta(min_length=1)]
Sql = Annotated[str, Meta(min_length=1)]

QUERY = (
    "A SELECT, or the name of a `.sql` file beside this one or below its folder. Jinja templates "
    "are filled in, in both, and so is `${vars.x}`."
)
"""What a `query` is: a source adds examples of its own SQL."""


class Database(Strict, frozen=True, kw_only=True, omit_defaults=True):
    """A table or a query, read by one task, or a table in parts by several.

    A source of a database is a Struct of this class: it names its operators, says `conn_id` anew,
    and adds what only it has.
    """

    gives: ClassVar[tuple[str, ...]] = (BATCHES,)
    reader: ClassVar[str]
    """The operator that reads, as `module.Class` among those of `ingest`."""
    splitter: ClassVar[str]
    """The operator that looks for the parts."""
    dry_runs: ClassVar[tuple[str, str]] = ("", "")
    """By import path, the operators that ask what these two would read."""
    of_columns: ClassVar[tuple[str, ...]] = ("columns",)
    """The fields that say how columns are read: of no meaning where parts are looked for."""
    can: ClassVar[Names] = ANY_DATABASE
    """What its tables and columns may be named."""

    conn_id: ConnId
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
        Meta(description=QUERY, examples=["SELECT order_id, total FROM orders", "orders.sql"]),
    ] = None
    incremental: Annotated[
        Incremental | None,
        Meta(
            description="Read the rows of the run's data interval alone.",
            examples=[{"column": "updated_at", "overlap": "1h"}],
        ),
    ] = None
    split: Annotated[
        Split | None,
        Meta(
            description="Read in several tasks. Each reads as of its own moment.",
            examples=[{"column": "id", "parts": 8}],
        ),
    ] = None
    statement_timeout: Annotated[
        Duration, Meta(description="The longest time for the query, until its last row.")
    ] = STATEMENT_TIMEOUT

    def reads(self) -> tuple[str, ...]:
        """`table://<conn_id>/<schema>/<table>`; of a query nobody knows."""
        found = assets.of_table(self.conn_id, self.table) if self.table else None
        return () if found is None else (found,)

    def hand_over(self, step: Step, way: str) -> Batches:
        """One task reads; of a table that is split, as many as the task before them finds."""
        arguments = self._arguments()
        files = sql_files.places(self.query or "", ("query",))
        dry_read, dry_split = self.dry_runs
        reading = Batches(
            operator=f"{OPERATORS}.{self.reader}",
            dry_run=dry_read,
            arguments=arguments,
            files=() if files is UNSET else files,
            columns=frozenset(self.columns) or None,
        )
        if self.split is None:
            return reading
        own = {name: arguments[name] for name in arguments if name not in self.of_columns}
        given = {**own, **msgspec.structs.asdict(self.split)}
        split = task(step, "split", f"{OPERATORS}.{self.splitter}", given)
        return msgspec.structs.replace(
            reading,
            tasks=(msgspec.structs.replace(split, files=files, dry_run=dry_split or UNSET),),
            expand={"part": Output(split.id)},
        )

    def _arguments(self) -> dict[str, Any]:
        """What the task is told that reads."""
        arguments: dict[str, Any] = msgspec.to_builtins(self)  # what differs from the defaults
        for name in ("type", "split"):
            arguments.pop(name, None)
        if self.incremental is not None:
            lengths = reads.lengths(self.incremental)
            arguments["incremental"] = {"column": self.incremental.column, **lengths}
        for name in ("table", "where", "query"):
            if name in arguments:
                arguments[name] = _as_text(name, arguments[name])
        if self.statement_timeout != STATEMENT_TIMEOUT:
            arguments["statement_timeout"] = seconds(self.statement_timeout)
        return arguments

    def problems(self) -> Iterator[Problem]:
        """Neither a table nor a query, or both; names that no table and no column has."""
        yield from self._one_of()
        if self.table:
            yield from identifiers.table(self.table, ("source", "table"), self.can)
        yield from listed(self.columns, "columns", self.can)
        for name, one in (("incremental", self.incremental), ("split", self.split)):
            if one is not None:
                place = ("source", name, "column")
                yield from literals.column(one.column, place)
                yield from identifiers.columns([(place, one.column)], self.can)
        yield from literals.timeout(
            seconds(self.statement_timeout), ("source", "statement_timeout")
        )

    def named(self) -> Iterator[tuple[Path, str]]:
        """Of a table, the columns that are read alone."""
        yield from ((("source", "columns", index), name) for index, name in enumerate(self.columns))

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

    def dates(self) -> tuple[Dated, ...]:
        """Rows of the run's interval, where only those are read."""
        instead = "`where:` with dates of your own"
        place = ("source", "incremental")
        return (Dated(INTERVAL, instead, place),) if self.incremental is not None else ()

    def again(self, write: Write) -> Iterator[Problem]:
        """Rows of other intervals than the run's own, where the mode takes no such."""
        if self.incremental is not None:
            yield from reads.again(self.incremental, write, ("source", "incremental"))

    def beside(self, folder: File) -> Iterator[Problem]:
        """A `.sql` file that is not there."""
        yield from sql_files.problems(self.query or "", folder, ("source", "query"))


def listed(columns: list[str], field: str, can: Names) -> Iterator[Problem]:
    """Names in a field of a source that no column has, and what stands there twice."""
    place = ("source", field)
    yield from literals.columns(columns, place)
    yield from literals.twice(columns, place)
    yield from identifiers.columns((((*place, i), name) for i, name in enumerate(columns)), can)


def _as_text(name: str, text: str) -> str:
    """A table may be called `sql`; only a query names a file."""
    own = name != "query" and sql_files.is_file(text)
    return f"{text} " if own else sql_files.as_template(text)
