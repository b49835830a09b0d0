"""Checks of staged rows. One is one module, imported when named.

Each gives aggregate expressions, so that all checks are one SELECT, and then judges the
numbers. A result holds counts, never contents of rows.
"""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from psycopg import sql

from factory.transfer import options as opt
from factory.transfer.errors import BadOption, unknown
from factory.transfer.postgres.table import Connection, Table

CHECKS = ("not_null", "row_count")
SEVERITIES = ("error", "warn")


@dataclass(frozen=True)
class Result:
    """What a check found, in numbers."""

    type: str
    severity: str
    passed: bool
    message: str
    measured: dict[str, int]


class Check(Protocol):
    """What a check module provides."""

    OPTIONS: Sequence[str]

    def aggregates(
        self, options: Mapping[str, object], columns: Sequence[str]
    ) -> dict[str, sql.Composable]:
        """Name → aggregate over the table. Raises `BadOption`."""

    def judge(self, options: Mapping[str, object], measured: Mapping[str, Any]) -> tuple[bool, str]:
        """Passed?, and a sentence that says what was found."""


def find(options: Mapping[str, object]) -> Check:
    """Find the check that the word `type` names; its options are checked by name."""
    name = options.get("type")
    if not isinstance(name, str):
        raise BadOption("a check needs a `type`", f"Known are: {', '.join(CHECKS)}")
    if name not in CHECKS:
        raise unknown("check", name, CHECKS)
    found = cast(Check, importlib.import_module(f"{__name__}.{name}"))
    opt.only(f"check {name}", options, ("type", "severity", *found.OPTIONS))
    if options.get("severity", "error") not in SEVERITIES:
        raise unknown("severity", str(options["severity"]), SEVERITIES)
    return found


def run(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    checks: Sequence[Mapping[str, object]],
) -> tuple[int, list[Result]]:
    """The table's number of rows and every check's result, in one pass over it."""
    found = [find(options) for options in checks]
    asked = [c.aggregates(o, columns) for c, o in zip(found, checks, strict=True)]
    wanted: list[sql.Composable] = [sql.SQL("count(*)")]
    wanted += [expression for each in asked for expression in each.values()]
    query = sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(wanted), table.identifier)
    row = connection.execute(query).fetchone()
    assert row is not None
    answers = iter(row)
    rows = int(next(answers))
    results = []
    for check, options, names in zip(found, checks, asked, strict=True):
        measured = {name: next(answers) for name in names}
        passed, message = check.judge(options, measured)
        severity = str(options.get("severity", "error"))
        results.append(Result(str(options["type"]), severity, passed, message, measured))
    return rows, results
