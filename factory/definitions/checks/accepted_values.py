"""`{type: accepted_values, column: flag, values: ["Y", "N"]}`"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from factory.definitions.checks.parts import (
    Finding,
    OfColumn,
    Rows,
    Severity,
    Text,
    castable,
    count_of,
    many,
    name_of,
    text_of,
)

if TYPE_CHECKING:
    from sqlglot.expressions import Expr


class AcceptedValues(OfColumn, frozen=True, kw_only=True, tag="accepted_values"):
    """A column holds only these values. Nulls pass: `not_null` is for them."""

    values: Annotated[
        list[Text | int | float | bool],
        Meta(
            description="The values; each is read in the column's type.",
            examples=[["paid", "open"], [1, 2, 3]],
            min_length=1,
        ),
    ]
    severity: Severity = "error"

    @property
    def _texts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(map(text_of, self.values)))

    def verify(self, rows: Rows) -> None:
        """Are the values of the column's type?"""
        castable(rows, self.word, self.column, self._texts)

    def aggregates(self, rows: Rows) -> dict[str, Expr]:
        """Count the rows with another value."""
        return {"bad": count_of(rows.mostly(self.column, self._good(rows), self._bad(rows)))}

    def _good(self, rows: Rows) -> Expr:
        from sqlglot import exp

        values = [rows.value(self.column, text) for text in self._texts]
        return exp.In(this=name_of(self.column), expressions=values)

    def _bad(self, rows: Rows) -> Expr:
        from sqlglot import exp

        return exp.not_(self._good(rows))

    def judge(self, rows: Rows, measured: Mapping[str, Any]) -> Finding:
        """Pass when there is none."""
        bad, accepted = measured["bad"], many(len(self._texts), "accepted value")
        if not bad:
            return Finding(True, f"{self.column} has only {accepted}", {"unaccepted": 0})
        said = f"{self.column} has none of the {accepted} in {many(bad)}"
        return Finding(False, said, {"unaccepted": bad}, self._bad(rows), self.column)
