"""`{type: freshness, column: pickup_at, max_age: 2d}`"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from factory.definitions.checks.parts import Finding, OfColumn, Rows, Severity, Text, name_of
from factory.definitions.errors import BadOption
from factory.diagnostics import Path
from factory.fields import Duration, seconds
from factory.problem import Problem

if TYPE_CHECKING:
    from sqlglot.expressions import Expr


class Freshness(OfColumn, frozen=True, kw_only=True, tag="freshness"):
    """A column's newest value is not too old; a table without one fails."""

    column: Annotated[
        Text,
        Meta(
            description="A date, which counts from its midnight, or a timestamp; one without a "
            "time zone is UTC.",
            examples=["pickup_at"],
        ),
    ]
    max_age: Annotated[
        Duration,
        Meta(
            description="The greatest age, at the end of the run's data interval, so that a "
            "backfill is judged as its own time would have; without an interval, now.",
            examples=["2d"],
        ),
    ]
    severity: Severity = "error"

    def problems(self, place: Path) -> Iterator[Problem]:
        """An age that nothing has."""
        yield from super().problems(place)
        if not seconds(self.max_age):
            message = f"max_age is {self.max_age}"
            where = (*place, "max_age")
            yield Problem(where, "out-of-bounds", message, expected="more than nothing")

    def prepare(self, columns: Sequence[str]) -> None:
        """There is an age."""
        super().prepare(columns)
        if not seconds(self.max_age):
            raise BadOption("`max_age` of the check freshness must be more than nothing")

    def aggregates(self, rows: Rows) -> dict[str, Expr]:
        """Find the newest value and its age."""
        from sqlglot import exp

        newest: Expr = exp.Max(this=name_of(self.column))
        moment = rows.moment(self.column, newest.copy())
        if moment is None:
            raise BadOption(
                "the check freshness needs dates or timestamps, the column "
                f"{self.column} is {rows.types[self.column]}"
            )
        as_of = rows.as_of  # once: without an interval, it is now
        oldest = rows.instant(as_of - timedelta(seconds=seconds(self.max_age)))
        return {
            "newest": rows.whole_text(newest),
            "fresh": exp.GTE(this=moment.copy(), expression=oldest),
            "age": rows.age(moment, rows.instant(as_of)),
        }

    def judge(self, rows: Rows, measured: Mapping[str, Any]) -> Finding:
        """Pass when it is new enough; without a value it is not."""
        newest, age = measured["newest"], measured["age"]
        numbers = {"newest": newest, "age_seconds": age}
        if newest is None:
            return Finding(False, f"{self.column} has no values", numbers)
        said = f"the newest {self.column} is {newest}"
        if age is not None:
            said += f", {_in_words(abs(age))} {'old' if age >= 0 else 'ahead'}"
        if not measured["fresh"]:
            said += f", expected at most {self.max_age}"
        return Finding(bool(measured["fresh"]), said, numbers)


def _in_words(age: float) -> str:
    for unit in ("d", "h", "m"):
        one = seconds(f"1{unit}")
        if age >= 2 * one:
            return f"{age / one:.1f}{unit}"
    return f"{age:.0f}s"
