"""Checks of a table's rows. One is one module, imported when named.

Each gives aggregate expressions, so that all checks are one SELECT, and then judges the
numbers. A result holds counts and names of rows, never whole rows.
"""

import importlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, cast

import psycopg
from psycopg.sql import SQL, Composable, Composed

from factory.transfer import options as opt
from factory.transfer.errors import BadOption, BadRow, ChecksFailed, unknown
from factory.transfer.postgres.checks.parts import (
    Check,
    Guard,
    Result,
    Scope,
    Subject,
    together,
)
from factory.transfer.postgres.checks.queries import (
    blaming,
    samples,
    shown,
    source,
    understood,
)
from factory.transfer.postgres.table import Connection

__all__ = [
    "CHECKS",
    "SEVERITIES",
    "Guard",
    "Result",
    "Subject",
    "audit",
    "prepare",
    "together",
    "verify",
]

log = logging.getLogger(__name__)

CHECKS = (
    "row_count",
    "not_null",
    "unique",
    "accepted_values",
    "range",
    "matches",
    "freshness",
    "sql",
)
SEVERITIES = ("error", "warn")

Options = Mapping[str, object]


class Module(Protocol):
    """What a check's module provides."""

    OPTIONS: Sequence[str]

    def parse(self, options: Options, columns: Sequence[str]) -> Check:
        """Read the options. Raises `BadOption`."""


@dataclass(frozen=True)
class _Asked:
    options: Options
    check: Check
    aggregates: dict[str, Composable]


def prepare(checks: Sequence[Options], columns: Sequence[str]) -> None:
    """Read the checks of a table with these columns, without a database. Raises `BadOption`."""
    for options in checks:
        _parse(options, columns)


def verify(connection: Connection, subject: Subject, checks: Sequence[Options]) -> None:
    """Ask the database whether the checks make sense; the table may be empty still.

    Raises `BadOption`: a value that is not of its column's type, a pattern or SQL that is wrong.
    """
    scope = _scope(connection, subject)
    with _reading(connection):
        for options in checks:
            check = _parse(options, subject.columns)
            with blaming(f"the check {options['type']}"):
                check.verify(connection, scope)
                query = _query(scope, check.aggregates(connection, scope).values(), " LIMIT 0")
                connection.execute(query, binary=True)


def audit(
    connection: Connection,
    subject: Subject,
    checks: Sequence[Options],
    guard: Guard | None = None,
) -> tuple[int, list[Result]]:
    """The number of rows and every check's result, each of them logged.

    `connection` is in autocommit mode. Raises `BadOption`, `BadRow` when the guard refuses the rows
    or a person's own SQL fails on them, and `ChecksFailed` when a check of severity `error` failed.
    """
    scope = _scope(connection, subject)
    parsed = [_parse(options, subject.columns) for options in checks]
    try:
        with _reading(connection):
            asked = [
                _Asked(options, check, check.aggregates(connection, scope))
                for options, check in zip(checks, parsed, strict=True)
            ]
            rows, measured = _measure(connection, scope, asked, guard)
            results = [
                _judged(connection, scope, each, numbers)
                for each, numbers in zip(asked, measured, strict=True)
            ]
    except (psycopg.DataError, psycopg.ProgrammingError, psycopg.NotSupportedError):
        verify(connection, subject, checks)
        _blame(connection, scope, checks, guard)
        raise
    _tell(rows, results)
    return rows, results


def _parse(options: Options, columns: Sequence[str]) -> Check:
    """Read one check's options; the word `type` names its module."""
    name = options.get("type")
    if not isinstance(name, str):
        raise BadOption("a check needs a `type`", f"Known are: {', '.join(CHECKS)}")
    if name not in CHECKS:
        raise unknown("check", name, CHECKS)
    module = cast(Module, importlib.import_module(f"{__name__}.{name}"))
    opt.only(f"check {name}", options, ("type", "severity", *module.OPTIONS))
    if options.get("severity", "error") not in SEVERITIES:
        raise unknown("severity", str(options["severity"]), SEVERITIES)
    return module.parse(options, columns)


def _scope(connection: Connection, subject: Subject) -> Scope:
    rows = connection.execute(
        # A cast to a type with modifiers would cut or round the value.
        "SELECT c.relkind, a.attname, format_type(coalesce(nullif(t.typbasetype, 0), t.oid), -1)"
        " FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
        " JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped",
        (subject.table.schema, subject.table.name),
    ).fetchall()
    stored = bool(rows) and rows[0][0] in ("r", "p", "m")
    scope = Scope(subject, {name: kind for _, name, kind in rows}, stored)
    if subject.where:
        query = SQL("SELECT {} LIMIT 0").format(source(scope))
        understood(connection, f"the condition {shown(subject.where)!r} in `where`", query)
    return scope


@contextmanager
def _reading(connection: Connection) -> Iterator[None]:
    """A transaction in which all queries see the same rows and none can write."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        # Bounds without a zone are UTC, and samples do not depend on the server's settings.
        connection.execute("SET LOCAL timezone = 'UTC'")
        connection.execute("SET LOCAL datestyle = 'ISO'")
        yield


def _query(scope: Scope, aggregates: Iterable[Composable], more: str = "") -> Composed:
    wanted = [SQL("count(*)"), *aggregates]
    return SQL("SELECT {} {}{}").format(SQL(", ").join(wanted), source(scope), SQL(more))


def _measure(
    connection: Connection, scope: Scope, asked: Sequence[_Asked], guard: Guard | None = None
) -> tuple[int, list[dict[str, Any]]]:
    """Measure everything that aggregates can tell, in one pass over the table."""
    doubt = guard.doubt if guard else SQL("false")
    query = _query(scope, [doubt, *(each for one in asked for each in one.aggregates.values())])
    row = connection.execute(query, binary=True).fetchone()
    assert row is not None
    answers = iter(row)
    rows = int(next(answers))
    if next(answers) and guard:
        guard.refuse(connection)
    measured = []
    for one in asked:
        numbers = {"rows": rows} | {name: next(answers) for name in one.aggregates}
        measured.append(numbers | one.check.measure(connection, scope, numbers))
    return rows, measured


def _judged(
    connection: Connection, scope: Scope, asked: _Asked, measured: Mapping[str, Any]
) -> Result:
    found = asked.check.judge(scope, measured)
    message = found.message
    if examples := samples(connection, scope, found):
        message = f"{message}, for example {examples}"
    return Result(
        str(asked.options["type"]),
        str(asked.options.get("severity", "error")),
        found.passed,
        message,
        found.measured,
        asked.check.columns,
    )


def _blame(
    connection: Connection, scope: Scope, checks: Sequence[Options], guard: Guard | None
) -> None:
    """Find why SQL fails on the rows. Raises `BadRow`, or nothing when it fails no more."""
    if guard:
        with _reading(connection):
            guard.refuse(connection)
    for options in ({"type": "row_count", "min": 0}, *checks):
        what = "`where`" if options not in checks else f"the check {options['type']}"
        check = _parse(options, scope.subject.columns)
        try:
            with _reading(connection):
                _measure(
                    connection,
                    scope,
                    [_Asked(options, check, check.aggregates(connection, scope))],
                )
        except psycopg.DataError as error:
            said = error.diag.message_primary or "an error"
            raise BadRow(f"{what} fails on a row: PostgreSQL said: {said}") from None


def _tell(rows: int, results: Sequence[Result]) -> None:
    for result in results:
        level = logging.INFO
        if not result.passed:
            level = logging.WARNING if result.severity == "warn" else logging.ERROR
        word = "passed" if result.passed else "failed"
        log.log(level, "check %s %s: %s", result.type, word, result.message)
    failed = [r for r in results if not r.passed and r.severity == "error"]
    if failed:
        said = "; ".join(f"{result.type}: {result.message}" for result in failed)
        many = "1 check" if len(failed) == 1 else f"{len(failed)} checks"
        raise ChecksFailed(f"{many} failed: {said}", rows=rows, results=results)
