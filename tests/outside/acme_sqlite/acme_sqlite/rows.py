"""The rows that are checked, as SQLite says it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from factory.definitions.checks.parts import Answers
from factory.definitions.warehouses import Capabilities
from factory.transfer.errors import BadOption
from factory.transfer.warehouse.rows import Rows as Shared

CAN = Capabilities(
    name="SQLite",
    dialect="sqlite",
    modes=("append", "replace"),
    longest_name=200,
    most_columns=2000,
    default_schema="main",
)
NUMBERS = {"INTEGER": int, "REAL": float}


@dataclass(frozen=True)
class Rows(Shared[sqlite3.Connection]):
    """Rows of a table or a view."""

    can = CAN
    refusals = (sqlite3.OperationalError, sqlite3.ProgrammingError)
    of_data = (sqlite3.OperationalError,)

    def run(self, query: str, most: int | None = None) -> Answers:
        """Any column may be a boolean: SQLite has none, and takes numbers for them."""
        cursor = self.session.execute(query)
        rows = cursor.fetchall() if most is None else cursor.fetchmany(most)
        return Answers(["boolean"] * len(cursor.description or ()), rows)

    @property
    def types(self) -> Mapping[str, str]:
        """As they were declared."""
        query = "SELECT name, type FROM pragma_table_info(?)"
        return dict(self.session.execute(query, (self.subject.table.name,)))

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One snapshot."""
        self.session.execute("PRAGMA query_only = true")
        self.session.execute("BEGIN")
        try:
            yield
        finally:
            self.session.execute("ROLLBACK")
            self.session.execute("PRAGMA query_only = false")

    def value(self, column: str, text: str) -> exp.Expr:
        """A text is a text, and a date, too; what is no number would be taken for 0."""
        kind = self.types[column]
        if kind not in NUMBERS:
            return exp.Literal.string(text)
        try:
            NUMBERS[kind](text)
        except ValueError:
            raise BadOption(f"{text!r} is no {kind}, which the column {column} is") from None
        return exp.Literal.number(text)

    def moment(self, column: str, value: exp.Expr) -> exp.Expr | None:
        """As days."""
        is_time = self.types[column] in ("DATE", "TIMESTAMP")
        return exp.Anonymous(this="julianday", expressions=[value]) if is_time else None

    def instant(self, moment: datetime) -> exp.Expr:
        """As days."""
        text = exp.Literal.string(moment.isoformat(" "))
        return exp.Anonymous(this="julianday", expressions=[text])

    def age(self, since: exp.Expr, moment: exp.Expr) -> exp.Expr:
        """Days are 86,400 seconds."""
        apart = exp.paren(exp.Sub(this=moment, expression=since))
        return exp.Mul(this=apart, expression=exp.Literal.number("86400.0"))


def matches(pattern: str, text: str | None) -> bool | None:
    """What SQLite asks for when it meets REGEXP."""
    return None if text is None else re.search(pattern, text) is not None
