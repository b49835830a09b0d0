"""`{type: range, column: fare, min: 0, max: 500}`"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from factory.definitions.checks.parts import (
    Bound,
    Finding,
    OfColumn,
    Rows,
    Severity,
    castable,
    count_of,
    crossed,
    either,
    many,
    name_of,
    shown,
    text_of,
)
from factory.definitions.errors import BadOption
from factory.diagnostics import Path
from factory.problem import Problem

if TYPE_CHECKING:
    from sqlglot.expressions import Expr


class Range(OfColumn, frozen=True, kw_only=True, tag="range"):
    """A column's values lie between two bounds. Nulls pass: `not_null` is for them."""

    min: Annotated[
        Bound | None,
        Meta(
            description="The least value that is right: a number, or a date or timestamp as text, "
            "in UTC unless it says its zone. It is read and compared in the column's type. Jinja "
            "templates are filled in.",
            examples=[0, "2024-01-01", "{{ interval.day }}"],
        ),
    ] = None
    max: Annotated[
        Bound | None,
        Meta(
            description="The greatest value that is right. Jinja templates are filled in.",
            examples=[500, "2024-12-31T23:59:59", "{{ interval.end }}"],
        ),
    ] = None
    severity: Severity = "error"

    def problems(self, place: Path) -> Iterator[Problem]:
        """No bound, or bounds that no value meets."""
        yield from super().problems(place)
        if self.min is None and self.max is None:
            yield Problem(place, "one-of", "range says neither min nor max", expected="`min:`")
        yield from crossed(self.min, self.max, place)

    def prepare(self, columns: Sequence[str]) -> None:
        """There is a bound, and it says something."""
        super().prepare(columns)
        for name, bound in (("min", self.min), ("max", self.max)):
            if bound == "":
                message = f"{name!r} of the check range must be a number or text, not {bound!r}"
                raise BadOption(message)
        if self.min is None and self.max is None:
            raise BadOption("the check range needs `min` or `max`")

    @property
    def _bounds(self) -> tuple[str | None, str | None]:
        least, most = (None if b is None else text_of(b) for b in (self.min, self.max))
        return least, most

    def verify(self, rows: Rows) -> None:
        """Are the bounds of the column's type?"""
        castable(rows, self.word, self.column, [b for b in self._bounds if b is not None])

    def aggregates(self, rows: Rows) -> dict[str, Expr]:
        """Find the least and the greatest value: as fast as counting, and good to know."""
        from sqlglot import exp

        least, most = (of(this=name_of(self.column)) for of in (exp.Min, exp.Max))
        return {
            "least": rows.whole_text(least.copy()),
            "most": rows.whole_text(most.copy()),
            "outside": self._outside(rows, least, most),
        }

    def _outside(self, rows: Rows, least: Expr, most: Expr) -> Expr:
        from sqlglot import exp

        low, high = self._bounds
        beyond: list[Expr] = []
        if low is not None:
            beyond.append(exp.LT(this=least, expression=rows.value(self.column, low)))
        if high is not None:
            beyond.append(exp.GT(this=most, expression=rows.value(self.column, high)))
        return either(exp.Coalesce(this=each, expressions=[exp.false()]) for each in beyond)

    def _bad(self, rows: Rows) -> Expr:
        return self._outside(rows, name_of(self.column), name_of(self.column))

    def measure(self, rows: Rows, measured: Mapping[str, Any]) -> dict[str, Any]:
        """Count the rows, when there are any."""
        if not measured["outside"]:
            return {"count": 0}
        ((count,),) = rows.ask(rows.select(count_of(), also=self._bad(rows))).rows
        return {"count": count}

    def judge(self, rows: Rows, measured: Mapping[str, Any]) -> Finding:
        """Pass when there is none. NaN is the greatest where the warehouse says so."""
        numbers = {
            "outside": measured["count"],
            "min": _number(measured["least"], rows.types[self.column]),
            "max": _number(measured["most"], rows.types[self.column]),
        }
        found = "has no values"
        if measured["least"] is not None:
            found = f"is from {shown(measured['least'])} to {shown(measured['most'])}"
        if not measured["outside"]:
            return Finding(True, f"{self.column} {found}", numbers)
        words = zip(("least", "most"), self._bounds, strict=True)
        bounds = " and at ".join(f"{word} {bound}" for word, bound in words if bound is not None)
        said = f"{self.column} {found}, expected at {bounds}"
        said += f": not so in {many(measured['count'])}"
        return Finding(False, said, numbers, self._bad(rows), self.column)


def _number(text: str | None, kind: str) -> object:
    """A number where JSON has one that is exact."""
    return int(text) if text and kind.lower() in _INTEGERS else text


_INTEGERS = ("smallint", "integer", "bigint")
