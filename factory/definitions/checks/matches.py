r"""`{type: matches, column: code, pattern: "^[A-Z]{2}$"}`"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from factory import literals
from factory.definitions.checks.parts import (
    Finding,
    OfColumn,
    Rows,
    Severity,
    Text,
    count_of,
    many,
    shown,
)
from factory.definitions.errors import BadOption
from factory.diagnostics import Path
from factory.problem import Problem

if TYPE_CHECKING:
    from sqlglot.expressions import Expr


class Matches(OfColumn, frozen=True, kw_only=True, tag="matches"):
    """A column's values match a regular expression. Nulls pass: `not_null` is for them."""

    pattern: Annotated[
        Text,
        Meta(
            description="A PostgreSQL regular expression (`~`). A match anywhere in the value is "
            "enough: `^` and `$` tie it to its beginning and end.",
            examples=["^[A-Z]{2}[0-9]+$"],
        ),
    ]
    severity: Severity = "error"

    def problems(self, place: Path) -> Iterator[Problem]:
        """A pattern that is none."""
        yield from super().problems(place)
        yield from literals.postgres_pattern(self.pattern, (*place, "pattern"))

    def prepare(self, columns: Sequence[str]) -> None:
        """There is a pattern."""
        super().prepare(columns)
        if not self.pattern or "\0" in self.pattern:
            raise BadOption("the check matches needs a `pattern`")

    def verify(self, rows: Rows) -> None:
        """Is it a regular expression?"""
        from sqlglot import exp

        what = f"the pattern {shown(self.pattern)!r} in the check matches"
        rows.understood(what, exp.select(rows.pattern(self.pattern)))

    def aggregates(self, rows: Rows) -> dict[str, Expr]:
        """Count the rows that do not match."""
        good = rows.matches(self.column, self.pattern)
        return {"bad": count_of(rows.mostly(self.column, good, self._bad(rows)))}

    def _bad(self, rows: Rows) -> Expr:
        from sqlglot import exp

        return exp.not_(rows.matches(self.column, self.pattern))

    def judge(self, rows: Rows, measured: Mapping[str, Any]) -> Finding:
        """Pass when all match."""
        bad, pattern = measured["bad"], shown(self.pattern)
        if not bad:
            return Finding(True, f"{self.column} matches {pattern}", {"unmatched": 0})
        said = f"{self.column} does not match {pattern} in {many(bad)}"
        return Finding(False, said, {"unmatched": bad}, self._bad(rows), self.column)
