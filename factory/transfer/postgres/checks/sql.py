"""`{type: sql, condition: "dropoff_at >= pickup_at"}`"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from factory.transfer import options as opt
from factory.transfer.errors import BadOption
from factory.transfer.postgres.checks.parts import Check, Finding, Plain, Scope, many
from factory.transfer.postgres.checks.queries import (
    count_of,
    shown,
    source,
    understood,
)
from factory.transfer.postgres.table import Connection

OPTIONS = ("condition", "query")

_BOOLEAN = psycopg.postgres.types["bool"].oid


@dataclass(frozen=True)
class Condition(Plain):
    """It holds in every row, or is null, as in SQL's CHECK."""

    text: str
    columns: tuple[str, ...] = ()

    def verify(self, connection: Connection, scope: Scope) -> None:
        """Is it a condition?"""
        what = f"the condition {shown(self.text)!r} in the check sql"
        query = sql.SQL("SELECT {} LIMIT 0").format(source(scope, self._wanted(scope)))
        understood(connection, what, query)

    def _wanted(self, scope: Scope) -> sql.Composable:
        return sql.SQL("({}\n)").format(filled(self.text, scope))

    def aggregates(self, connection: Connection, scope: Scope) -> dict[str, sql.Composable]:
        """Count the rows where it is false."""
        return {"bad": count_of(sql.SQL("NOT {}").format(self._wanted(scope)))}

    def judge(self, scope: Scope, measured: Mapping[str, Any]) -> Finding:
        """Pass when there is none."""
        bad, said = measured["bad"], shown(self.text)
        if not bad:
            return Finding(True, f"{said} holds", {"untrue": 0})
        untrue = sql.SQL("NOT {}").format(self._wanted(scope))
        return Finding(False, f"{said} does not hold in {many(bad)}", {"untrue": bad}, untrue)


@dataclass(frozen=True)
class Query(Plain):
    """It gives one row with one boolean, which is true."""

    text: str
    columns: tuple[str, ...] = ()

    def verify(self, connection: Connection, scope: Scope) -> None:
        """Is it a query for one boolean?"""
        query = sql.SQL("SELECT * FROM (\n{}\n) asked LIMIT 0").format(filled(self.text, scope))
        self._boolean(understood(connection, self._what(), query))

    def _what(self) -> str:
        return f"the query {shown(self.text)!r} in the check sql"

    def _boolean(self, types: list[int]) -> None:
        if types != [_BOOLEAN]:
            raise BadOption(f"{self._what()} must give one column, a boolean")

    def measure(
        self, connection: Connection, scope: Scope, measured: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Run it."""
        query = filled(self.text, scope)
        cursor = connection.execute(query, binary=True)
        self._boolean([column.type_code for column in cursor.description or ()])
        return {"answers": cursor.fetchmany(2)}

    def judge(self, scope: Scope, measured: Mapping[str, Any]) -> Finding:
        """Pass when it is true; null is not."""
        answers, said = measured["answers"], shown(self.text)
        if len(answers) != 1:
            given = "no row" if not answers else "more than one row"
            return Finding(False, f"{said} gave {given}, expected one", {"answer": None})
        (answer,) = answers[0]
        word = "null" if answer is None else str(answer).lower()
        return Finding(answer is True, f"{said} is {word}", {"answer": answer})


def filled(text: str, scope: Scope) -> sql.Composed:
    """A person's SQL with the table's name, quoted, for each `{table}`."""
    first, *rest = map(sql.SQL, text.split("{table}"))
    return sql.Composed(
        [first, *(part for each in rest for part in (scope.subject.table.identifier, each))]
    )


def parse(options: Mapping[str, object], columns: Sequence[str]) -> Check:
    """Read the condition or the query."""
    wanted, query = (opt.get(options, name, str, "").strip() for name in OPTIONS)
    if bool(wanted) == bool(query):
        raise BadOption("the check sql needs either a `condition` or a `query`")
    return Condition(wanted) if wanted else Query(query.rstrip("; \t\n"))
