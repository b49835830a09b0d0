"""Check the rows of a table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from factory import literals
from factory.definitions import identifiers
from factory.definitions.checks import Check, RowCount, Text, plain, problems
from factory.definitions.tables import STATEMENT_TIMEOUT, TableName
from factory.definitions.warehouses import ANY_WAREHOUSE, CONNECTIONS
from factory.fields import ConnId, Duration, Size, Strict, connects, in_bytes, seconds
from factory.plan.kind import DRY_RUNS, Fragment, Step, single
from factory.problem import Problem
from factory.spec import assets

OPERATOR = "factory.in_airflow.operators.check.Check"
DRY_RUN = f"{DRY_RUNS}.DryCheck"
OUTPUT = "the `rows` that were looked at, and each of the `checks` with what it found"


class Arguments(Strict, frozen=True, kw_only=True):
    """Check the rows of a table of a warehouse, or of a view, and fail when they are not right.

    Nothing is written. What each check measured is in the log, one line each, and in the task's
    result (XCom). A failed check shows counts and a few values, never whole rows.
    """

    conn_id: Annotated[
        ConnId,
        connects(*CONNECTIONS),
        Meta(
            description="Airflow connection of a warehouse: its type tells which.",
            examples=["warehouse"],
        ),
    ]
    table: Annotated[
        TableName,
        Meta(description="The table or view, with its schema. Jinja templates are filled in."),
    ]
    checks: Annotated[
        list[Check],
        Meta(
            description="What must hold of the rows. All but `unique` and queries are one pass "
            "over the table. Jinja templates are filled in.",
            examples=[[{"type": "row_count", "min": 1}]],
            min_length=1,
        ),
    ]
    where: Annotated[
        Text | None,
        Meta(
            description="SQL condition: only the rows that meet it are checked. A `query` is not "
            "limited by it. Jinja templates are filled in.",
            examples=["pickup_at >= '{{ interval.day }}'"],
        ),
    ] = None
    maximum_bytes_billed: Annotated[
        Size | None,
        Meta(
            description="On BigQuery: a query that would be billed for more than this is refused, "
            "and costs nothing."
        ),
    ] = None
    statement_timeout: Annotated[
        Duration, Meta(description="The longest time for one query.", examples=["10m"])
    ] = STATEMENT_TIMEOUT


def compile(step: Step) -> Fragment:
    """One Check."""
    given: Arguments = step.arguments
    arguments: dict[str, Any] = {
        "conn_id": given.conn_id,
        "table": given.table,
        "checks": plain(given.checks),
        "where": given.where,
        "statement_timeout": seconds(given.statement_timeout),
    }
    if given.maximum_bytes_billed is not None:
        arguments["maximum_bytes_billed"] = in_bytes(given.maximum_bytes_billed)
    table = assets.of_table(given.conn_id, given.table)
    fragment = single(step, OPERATOR, arguments, dry_run=DRY_RUN)
    return msgspec.structs.replace(fragment, reads=(table,) if table else ())


def inspect(step: Step, folder: Path) -> Iterator[Problem]:
    """Checks that nothing can meet, or that only a load can."""
    given: Arguments = step.arguments
    yield from identifiers.table(given.table, ("table",), ANY_WAREHOUSE)
    yield from literals.timeout(seconds(given.statement_timeout), ("statement_timeout",))
    yield from problems(given.checks, ("checks",))
    for index, entry in enumerate(given.checks):
        if isinstance(entry, RowCount) and entry.max_change is not None:
            yield Problem(
                ("checks", index, "max_change"),
                "unknown-key",
                "max_change compares a load with the one before, which a table does not know",
                expected="min or max",
                hint="put it into the `checks` of the `ingest` that loads the table",
                at_key=True,
            )
