"""`{type: unique, columns: [order_id]}`"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from factory.transfer.postgres.checks.parts import Finding, Plain, Scope, many, some_columns
from factory.transfer.postgres.checks.queries import (
    SAMPLES,
    ident,
    named,
    short,
    source,
    understood,
)
from factory.transfer.postgres.table import Connection

OPTIONS = ("columns",)


@dataclass(frozen=True)
class Unique(Plain):
    """No two rows have the same values; as in SQL, a row with a null equals no other."""

    columns: tuple[str, ...]

    def verify(self, connection: Connection, scope: Scope) -> None:
        """Can the columns be compared?"""
        query = sql.SQL("SELECT * FROM ({}) repeated LIMIT 0").format(self._repeated(scope))
        understood(connection, "the check unique", query)

    def measure(
        self, connection: Connection, scope: Scope, measured: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Group the table."""
        found = connection.execute(self._repeated(scope)).fetchall()
        values, rows = found[0][:2] if found else (0, 0)
        return {"values": values, "repeats": rows, "examples": [row[2:] for row in found]}

    def _repeated(self, scope: Scope) -> sql.Composed:
        names = sql.SQL(", ").join(map(ident, self.columns))
        filled = [sql.SQL("{} IS NOT NULL").format(ident(name)) for name in self.columns]
        return sql.SQL(
            "SELECT count(*) OVER (), sum(count(*)) OVER ()::bigint, count(*), {shown} {source}"
            " GROUP BY {names} HAVING count(*) > 1 ORDER BY 3 DESC, 4 LIMIT {most}"
        ).format(
            shown=sql.SQL(", ").join(map(short, self.columns)),
            source=source(scope, sql.SQL(" AND ").join(filled)),
            names=names,
            most=sql.Literal(SAMPLES),
        )

    def judge(self, scope: Scope, measured: Mapping[str, Any]) -> Finding:
        """Pass when nothing is repeated."""
        numbers = {"repeated_values": measured["values"], "rows": measured["repeats"]}
        what = ", ".join(self.columns)
        if not measured["values"]:
            return Finding(True, f"{what} is unique", numbers)
        examples = "; ".join(
            f"{named(self.columns, texts)} in {many(count)}"
            for count, *texts in measured["examples"]
        )
        said = f"{what}: {many(measured['values'], 'value')} in {many(measured['repeats'])}"
        return Finding(False, f"{said} are not unique, for example {examples}", numbers)


def parse(options: Mapping[str, object], columns: Sequence[str]) -> Unique:
    """Read the names of the columns."""
    return Unique(some_columns("unique", options, columns))
