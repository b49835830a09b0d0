"""Checks of a table's rows. One is one module, imported when named.

Each gives aggregate expressions, so that all checks are one SELECT, and then judges the
numbers. A result holds counts and names of rows, never whole rows.
"""

import importlib
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from psycopg import sql

from factory.transfer import options as opt
from factory.transfer.errors import BadOption, ChecksFailed, unknown
from factory.transfer.postgres.checks.parts import Check, Result, Scope, Subject
from factory.transfer.postgres.table import Connection

__all__ = ["CHECKS", "SEVERITIES", "Result", "Subject", "audit", "prepare", "verify"]

log = logging.getLogger(__name__)

CHECKS = ("not_null", "row_count")
SEVERITIES = ("error", "warn")

Options = Mapping[str, object]


class Module(Protocol):
    """What a check's module provides."""

    OPTIONS: Sequence[str]

    def parse(self, options: Options, columns: Sequence[str]) -> Check:
        """Read the options. Raises `BadOption`."""


def prepare(checks: Sequence[Options], columns: Sequence[str]) -> None:
    """Read the checks of a table with these columns, without a database. Raises `BadOption`."""
    for options in checks:
        _parse(options, columns)


def verify(connection: Connection, subject: Subject, checks: Sequence[Options]) -> None:
    """Ask the database whether the checks make sense; the table may be empty still.

    Raises `BadOption`: a value that is not of its column's type, a pattern or SQL that is wrong.
    """
    scope = _scope(connection, subject)
    for options in checks:
        _parse(options, subject.columns).verify(connection, scope)


def audit(
    connection: Connection, subject: Subject, checks: Sequence[Options]
) -> tuple[int, list[Result]]:
    """The number of rows and every check's result, each of them logged.

    `connection` is in autocommit mode. Raises `ChecksFailed` when one of severity `error` failed.
    """
    scope = _scope(connection, subject)
    asked = [_parse(options, subject.columns) for options in checks]
    for check in asked:
        check.verify(connection, scope)
    rows, measured = _measure(connection, scope, asked)
    results = []
    for options, check, numbers in zip(checks, asked, measured, strict=True):
        found = check.judge(scope, numbers)
        severity = str(options.get("severity", "error"))
        kind = str(options["type"])
        results.append(
            Result(kind, severity, found.passed, found.message, found.measured, check.columns)
        )
    _tell(results)
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
        "SELECT a.attname, format_type(coalesce(nullif(t.typbasetype, 0), t.oid), -1)"
        " FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
        " JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped",
        (subject.table.schema, subject.table.name),
    ).fetchall()
    return Scope(subject, dict(rows))


def _measure(
    connection: Connection, scope: Scope, checks: Sequence[Check]
) -> tuple[int, list[dict[str, Any]]]:
    """Measure everything that aggregates can tell, in one pass over the table."""
    asked = [check.aggregates(scope) for check in checks]
    wanted: list[sql.Composable] = [sql.SQL("count(*)")]
    wanted += [expression for each in asked for expression in each.values()]
    query = sql.SQL("SELECT {} FROM {}").format(
        sql.SQL(", ").join(wanted), scope.subject.table.identifier
    )
    row = connection.execute(query).fetchone()
    assert row is not None
    answers = iter(row)
    rows = int(next(answers))
    return rows, [{"rows": rows} | {name: next(answers) for name in names} for names in asked]


def _tell(results: Sequence[Result]) -> None:
    for result in results:
        level = logging.INFO if result.passed else logging.WARNING
        log.log(level, "check %s: %s", result.type, result.message)
    failed = [r for r in results if not r.passed and r.severity == "error"]
    if failed:
        said = "; ".join(f"{result.type}: {result.message}" for result in failed)
        many = "1 check" if len(failed) == 1 else f"{len(failed)} checks"
        raise ChecksFailed(f"{many} failed: {said}", results=results)
