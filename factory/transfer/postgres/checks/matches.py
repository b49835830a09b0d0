r"""`{type: matches, column: code, pattern: "^[A-Z]{2}$"}`"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from factory.transfer import options as opt
from factory.transfer.errors import BadOption
from factory.transfer.postgres.checks.parts import Finding, OfColumn, Scope, many, one_column
from factory.transfer.postgres.checks.queries import (
    TEXTS,
    count_of,
    ident,
    shown,
    understood,
    unless_common,
)
from factory.transfer.postgres.table import Connection

OPTIONS = ("column", "pattern")


@dataclass(frozen=True)
class Matches(OfColumn):
    """Every value holds a match of PostgreSQL's regular expression; nulls pass."""

    pattern: str

    def verify(self, connection: Connection, scope: Scope) -> None:
        """Is it a regular expression?"""
        what = f"the pattern {shown(self.pattern)!r} in the check matches"
        query = sql.SQL("SELECT '' ~ {}").format(sql.Literal(self.pattern))
        understood(connection, what, query)

    def aggregates(self, connection: Connection, scope: Scope) -> dict[str, sql.Composable]:
        """Count the rows that do not match."""
        bad = self._compared("!~", scope)
        # As a number, one text stands for values that are equal: 1.0 and 1.00.
        if scope.types[self.column] in TEXTS:
            good = self._compared("~", scope)
            bad = unless_common(connection, scope, self.column, good, bad)
        return {"bad": count_of(bad)}

    def _compared(self, operator: str, scope: Scope) -> sql.Composable:
        return sql.SQL("{}{} {} {}").format(
            ident(self.column),
            sql.SQL("" if scope.types[self.column] in TEXTS else "::text"),
            sql.SQL(operator),
            sql.Literal(self.pattern),
        )

    def judge(self, scope: Scope, measured: Mapping[str, Any]) -> Finding:
        """Pass when all match."""
        bad, pattern = measured["bad"], shown(self.pattern)
        if not bad:
            return Finding(True, f"{self.column} matches {pattern}", {"unmatched": 0})
        said = f"{self.column} does not match {pattern} in {many(bad)}"
        return Finding(False, said, {"unmatched": bad}, self._compared("!~", scope), self.column)


def parse(options: Mapping[str, object], columns: Sequence[str]) -> Matches:
    """Read the column and the pattern."""
    column = one_column("matches", options, columns)
    pattern = opt.get(options, "pattern", str, "")
    if not pattern or "\0" in pattern:
        raise BadOption("the check matches needs a `pattern`")
    return Matches(column, pattern)
