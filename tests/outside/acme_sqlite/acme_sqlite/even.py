"""`{type: even, column: id}`"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from factory.definitions.checks.parts import (
    Finding,
    OfColumn,
    Rows,
    Severity,
    count_of,
    many,
    name_of,
)

if TYPE_CHECKING:
    from sqlglot.expressions import Expr


class Even(OfColumn, frozen=True, kw_only=True, tag="even"):
    """A column's numbers are even. Nulls pass."""

    severity: Severity = "error"

    def aggregates(self, rows: Rows) -> dict[str, Expr]:
        """Count the others."""
        return {"odd": count_of(self._odd())}

    def _odd(self) -> Expr:
        from sqlglot import exp

        rest = exp.Mod(this=name_of(self.column), expression=exp.Literal.number(2))
        return exp.NEQ(this=rest, expression=exp.Literal.number(0))

    def judge(self, rows: Rows, measured: Mapping[str, Any]) -> Finding:
        """Pass when there is none."""
        odd = measured["odd"]
        said = f"{self.column} is odd in {many(odd)}" if odd else f"{self.column} is even"
        return Finding(not odd, said, {"odd": odd}, self._odd() if odd else None, self.column)
