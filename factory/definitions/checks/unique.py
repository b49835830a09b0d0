"""`{type: unique, columns: [order_id]}`"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from factory.definitions.checks.parts import (
    EXAMPLES,
    SAMPLES,
    Finding,
    OfColumns,
    Rows,
    Severity,
    Text,
    count_of,
    many,
    name_of,
    named,
)

if TYPE_CHECKING:
    from sqlglot.expressions import Select


class Unique(OfColumns, frozen=True, kw_only=True, tag="unique"):
    """No two rows have the same values in these columns together. Rows with a null pass."""

    columns: Annotated[
        list[Text],
        Meta(
            description="Columns that together name one row. As in SQL, a row with a null in one "
            "of them equals no other. Every row is compared, which takes longer than all other "
            "checks together.",
            examples=[["order_id"]],
            min_length=1,
        ),
    ]
    severity: Severity = "error"

    def verify(self, rows: Rows) -> None:
        """Can the columns be compared?"""
        from sqlglot import exp

        query = exp.select(exp.Star()).from_(self._repeated(rows).subquery("repeated")).limit(0)
        rows.understood("the check unique", query)

    def measure(self, rows: Rows, measured: Mapping[str, Any]) -> dict[str, Any]:
        """Group the table."""
        found = rows.ask(self._repeated(rows)).rows
        values, repeats = found[0][:2] if found else (0, 0)
        examples = [row[2:] for row in found]
        return {"values": int(values), "repeats": int(repeats), "examples": examples}

    def _repeated(self, rows: Rows) -> Select:
        """Of each value that stands there twice: of all, how many, in how many rows; its own."""
        from sqlglot import exp

        columns = [name_of(name) for name in self.about]
        nulls = [exp.Is(this=name_of(name), expression=exp.Null()) for name in self.about]
        query = rows.select(
            exp.Window(this=count_of()),
            exp.Window(this=exp.Sum(this=count_of())),
            count_of(),
            *map(rows.text, self.about),
            also=exp.and_(*map(exp.not_, nulls)),
        )
        return (
            query.group_by(*columns)
            .having(exp.GT(this=count_of(), expression=exp.Literal.number(1)))
            .order_by(exp.Ordered(this=exp.Literal.number(3), desc=True), exp.Literal.number(4))
            .limit(SAMPLES)
        )

    def judge(self, rows: Rows, measured: Mapping[str, Any]) -> Finding:
        """Pass when nothing is repeated."""
        numbers = {"repeated_values": measured["values"], "rows": measured["repeats"]}
        what = ", ".join(self.about)
        if not measured["values"]:
            return Finding(True, f"{what} is unique", numbers)
        examples = "; ".join(
            f"{named(self.about, texts)} in {many(count)}" for count, *texts in measured["examples"]
        )
        said = f"{what}: {many(measured['values'], 'value')} in {many(measured['repeats'])}"
        return Finding(False, f"{said} are not unique{EXAMPLES}{examples}", numbers)
