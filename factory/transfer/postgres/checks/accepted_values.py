"""`{type: accepted_values, column: flag, values: ["Y", "N"]}`"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from factory.transfer import options as opt
from factory.transfer.errors import BadOption
from factory.transfer.postgres.checks.parts import Finding, OfColumn, Scope, many, one_column
from factory.transfer.postgres.checks.queries import (
    castable,
    count_of,
    ident,
    literal,
    text_of,
    unless_common,
)
from factory.transfer.postgres.table import Connection

OPTIONS = ("column", "values")


@dataclass(frozen=True)
class AcceptedValues(OfColumn):
    """Only these values, or null."""

    values: tuple[str, ...]

    def verify(self, connection: Connection, scope: Scope) -> None:
        """Are the values of the column's type?"""
        castable(connection, scope, "accepted_values", self.column, self.values)

    def aggregates(self, connection: Connection, scope: Scope) -> dict[str, sql.Composable]:
        """Count the rows with another value."""
        good, bad = self._among("IN", scope), self._among("NOT IN", scope)
        return {"bad": count_of(unless_common(connection, scope, self.column, good, bad))}

    def _among(self, operator: str, scope: Scope) -> sql.Composable:
        return sql.SQL("{} {} ({})").format(
            ident(self.column),
            sql.SQL(operator),
            sql.SQL(", ").join(literal(scope, self.column, value) for value in self.values),
        )

    def judge(self, scope: Scope, measured: Mapping[str, Any]) -> Finding:
        """Pass when there is none."""
        bad, accepted = measured["bad"], many(len(self.values), "accepted value")
        if not bad:
            return Finding(True, f"{self.column} has only {accepted}", {"unaccepted": 0})
        said = f"{self.column} has none of the {accepted} in {many(bad)}"
        found = self._among("NOT IN", scope)
        return Finding(False, said, {"unaccepted": bad}, found, self.column)


def parse(options: Mapping[str, object], columns: Sequence[str]) -> AcceptedValues:
    """Read the column and the values."""
    column = one_column("accepted_values", options, columns)
    values = opt.get(options, "values", list, [])
    if not values:
        raise BadOption("the check accepted_values needs `values`")
    for value in values:
        if not isinstance(value, (str, int, float)):
            raise BadOption(f"{value!r} can't be a value of the check accepted_values")
    return AcceptedValues(column, tuple(dict.fromkeys(map(text_of, values))))
