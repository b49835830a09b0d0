"""Run SQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as File
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from factory import literals
from factory.fields import ConnId, Strict
from factory.plan import sql_files
from factory.plan.kind import DRY_RUNS, Fragment, Step, single
from factory.plan.sql_files import as_template, is_file, places
from factory.problem import Problem
from factory.spec.beside import text_of

OPERATOR = "factory.in_airflow.operators.sql.Sql"
DRY_RUN = f"{DRY_RUNS}.DrySql"
OUTPUT = "with `output: true`, the rows of the last statement, as lists"

Sql = Annotated[
    str,
    Meta(
        description="SQL, or the name of a `.sql` file beside this one or below its folder. Jinja "
        "templates are filled in, in both, and so is `${vars.x}`.",
        examples=["SELECT count(*) FROM raw.orders", "report.sql"],
        min_length=1,
    ),
]
Parameters = Annotated[
    dict[str, Any] | list[Any],
    Meta(
        description="Values that the driver binds, by name or in order; how the SQL writes them "
        "(`%(day)s`, `%s`, `:day`, `?`) is the driver's. Where it is `%`, another percent sign in "
        "the SQL is written `%%`. Jinja templates are filled in.",
        examples=[{"day": "{{ interval.day }}"}],
    ),
]


class Arguments(Strict, frozen=True, kw_only=True):
    """Run SQL on any database that Airflow has a connection for, in one transaction.

    On BigQuery each statement commits itself, unless the SQL says `BEGIN TRANSACTION`.
    """

    conn_id: Annotated[
        ConnId, Meta(description="Airflow connection of the database.", examples=["warehouse"])
    ]
    sql: Sql
    parameters: Parameters = msgspec.field(default_factory=dict)
    split_statements: Annotated[
        bool, Meta(description="Send the statements one by one; each gets the same parameters.")
    ] = True
    autocommit: Annotated[
        bool, Meta(description="Commit every statement at once, instead of all at the end.")
    ] = False
    output: Annotated[
        bool,
        Meta(description="Hand the rows of the last statement to later tasks (XCom): few rows."),
    ] = False


def compile(step: Step) -> Fragment:
    """One Sql."""
    given: Arguments = step.arguments
    arguments = {
        "conn_id": given.conn_id,
        "sql": as_template(given.sql),
        "parameters": given.parameters or None,
        "split_statements": given.split_statements,
        "autocommit": given.autocommit,
        "do_xcom_push": given.output,
    }
    files = places(given.sql, ("sql",))
    return single(step, OPERATOR, arguments, files=files, dry_run=DRY_RUN)


def inspect(step: Step, folder: File) -> Iterator[Problem]:
    """A `.sql` file that is not there."""
    given: Arguments = step.arguments
    yield from inspect_sql(given.sql, given.parameters, folder, ("sql",))


def inspect_sql(
    sql: str, parameters: Any, folder: File, path: tuple[str, ...]
) -> Iterator[Problem]:
    """What is wrong with SQL that is given parameters, or with the file that it names."""
    if not is_file(sql):
        yield from _percent(sql, path) if parameters else ()
        return
    found = [*sql_files.problems(sql, folder, path)]
    yield from found
    if parameters and not found:
        yield from _percent(text_of(folder / sql), path, sql)


def _percent(sql: str, path: tuple[str, ...], file: str = "") -> Iterator[Problem]:
    """A `%` that the driver would take for a parameter."""
    place = literals.lone_percent(sql)
    if place is None:
        return
    where = f"line {sql.count(chr(10), 0, place) + 1} of {file}" if file else "this"
    yield Problem(
        path,
        "sql-percent",
        f"{where} holds a `%` that is no parameter, and the driver reads parameters: it fails",
        expected="`%s` or `%(name)s`",
        hint="write `%%` for a percent sign, where `parameters` are given",
        part="" if file else "%",
        nth=sql.count("%", 0, place),
    )
