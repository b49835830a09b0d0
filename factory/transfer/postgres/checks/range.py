"""`{type: range, column: fare, min: 0, max: 500}`"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from factory.transfer.errors import BadOption
from factory.transfer.postgres.checks.parts import Finding, OfColumn, Scope, many, one_column
from factory.transfer.postgres.checks.queries import (
    castable,
    ident,
    literal,
    shown,
    source,
    text_of,
)
from factory.transfer.postgres.table import Connection

OPTIONS = ("column", "min", "max")


@dataclass(frozen=True)
class Range(OfColumn):
    """No value below `min` or above `max`; nulls pass. NaN is the greatest, as PostgreSQL says."""

    min: str | None
    max: str | None

    def verify(self, connection: Connection, scope: Scope) -> None:
        """Are the bounds of the column's type?"""
        castable(
            connection,
            scope,
            "range",
            self.column,
            [b for b in (self.min, self.max) if b is not None],
        )

    def aggregates(self, connection: Connection, scope: Scope) -> dict[str, sql.Composable]:
        """Find the least and the greatest value: as fast as counting, and good to know."""
        name = ident(self.column)
        least, most = sql.SQL("min({})").format(name), sql.SQL("max({})").format(name)
        return {
            "least": sql.SQL("{}::text").format(least),
            "most": sql.SQL("{}::text").format(most),
            "outside": self._outside(scope, least, most),
        }

    def _outside(self, scope: Scope, least: sql.Composable, most: sql.Composable) -> sql.Composable:
        beyond = sql.SQL("coalesce({} {} {}, false)")
        bounds = ((least, "<", self.min), (most, ">", self.max))
        return sql.SQL(" OR ").join(
            beyond.format(value, sql.SQL(operator), literal(scope, self.column, bound))
            for value, operator, bound in bounds
            if bound is not None
        )

    def _bad(self, scope: Scope) -> sql.Composable:
        return self._outside(scope, ident(self.column), ident(self.column))

    def measure(
        self, connection: Connection, scope: Scope, measured: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Count the rows, when there are any."""
        if not measured["outside"]:
            return {"count": 0}
        query = sql.SQL("SELECT count(*) {}").format(source(scope, self._bad(scope)))
        (count,) = connection.execute(query).fetchone() or (0,)
        return {"count": count}

    def judge(self, scope: Scope, measured: Mapping[str, Any]) -> Finding:
        """Pass when there is none."""
        numbers = {
            "outside": measured["count"],
            "min": _number(measured["least"], scope.types[self.column]),
            "max": _number(measured["most"], scope.types[self.column]),
        }
        found = "has no values"
        if measured["least"] is not None:
            found = f"is from {shown(measured['least'])} to {shown(measured['most'])}"
        if not measured["outside"]:
            return Finding(True, f"{self.column} {found}", numbers)
        bounds = " and ".join(
            f"{word} {bound}" for word, bound in (("least", self.min), ("most", self.max)) if bound
        )
        said = f"{self.column} {found}, expected at {bounds.replace('and ', 'and at ')}"
        said += f": not so in {many(measured['count'])}"
        return Finding(False, said, numbers, self._bad(scope), self.column)


def _number(text: str | None, kind: str) -> object:
    """A number where JSON has one that is exact."""
    return int(text) if text and kind in ("smallint", "integer", "bigint") else text


def parse(options: Mapping[str, object], columns: Sequence[str]) -> Range:
    """Read the column and the bounds."""
    column = one_column("range", options, columns)
    least, most = (_bound(options, name) for name in ("min", "max"))
    if least is None and most is None:
        raise BadOption("the check range needs `min` or `max`")
    return Range(column, least, most)


def _bound(options: Mapping[str, object], name: str) -> str | None:
    value = options.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int, float)) or value == "":
        raise BadOption(f"{name!r} of the check range must be a number or text, not {value!r}")
    return text_of(value)
