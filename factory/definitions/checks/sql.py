"""`{type: sql, condition: "dropoff_at >= pickup_at"}`"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from factory.definitions.checks.parts import (
    Finding,
    Plain,
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


class Sql(Plain, frozen=True, kw_only=True, tag="sql"):
    """What SQL can say: exactly one of `condition` and `query`. Writing is refused."""

    condition: Annotated[
        Text | None,
        Meta(
            description="A condition that holds in every row; null passes, as in SQL's `CHECK`. "
            "Jinja templates are filled in.",
            examples=["dropoff_at >= pickup_at"],
        ),
    ] = None
    query: Annotated[
        Text | None,
        Meta(
            description="A query for one row with one boolean, which must be true; null fails. "
            "`{table}` stands for the table: in `ingest`, for the rows that wait to be published. "
            "Jinja templates are filled in.",
            examples=["SELECT count(DISTINCT vendor_id) >= 2 FROM {table}"],
        ),
    ] = None
    severity: Severity = "error"

    def problems(self, place: Path) -> Iterator[Problem]:
        """Neither, or both."""
        if (self.condition is None) == (self.query is None):
            both = "both condition and query"
            said = "neither condition nor query" if self.query is None else both
            yield Problem(place, "one-of", f"sql says {said}", expected="one of them")

    def prepare(self, columns: Sequence[str]) -> None:
        """There is one of them."""
        if bool(self._condition) == bool(self._query):
            raise BadOption("the check sql needs either a `condition` or a `query`")

    @property
    def _condition(self) -> str:
        return (self.condition or "").strip()

    @property
    def _query(self) -> str:
        return (self.query or "").strip().rstrip("; \t\n")

    @property
    def _what(self) -> str:
        kind = "condition" if self._condition else "query"
        return f"the {kind} {shown(self._condition or self._query)!r} in the check sql"

    def verify(self, rows: Rows) -> None:
        """Is it a condition, or a query for one boolean?"""
        from sqlglot import exp

        if self._condition:
            rows.understood(
                self._what, rows.select(exp.Literal.number(1), also=self._holds(rows)).limit(0)
            )
            return
        asked = exp.Var(this=f"(\n{rows.filled(self._query).name}\n) asked")
        query = exp.select(exp.Star()).from_(asked).limit(0)
        self._require_boolean(rows.understood(self._what, query))

    def _require_boolean(self, types: Sequence[str]) -> None:
        if list(types) != ["boolean"]:
            raise BadOption(f"{self._what} must give one column, a boolean")

    def _holds(self, rows: Rows) -> Expr:
        from sqlglot import exp

        # (A comment at its end does not reach beyond it.)
        return exp.Var(this=f"({rows.filled(self._condition).name}\n)")

    def _untrue(self, rows: Rows) -> Expr:
        from sqlglot import exp

        return exp.Not(this=self._holds(rows))

    def aggregates(self, rows: Rows) -> dict[str, Expr]:
        """Count the rows where the condition is false."""
        return {"bad": count_of(self._untrue(rows))} if self._condition else {}

    def measure(self, rows: Rows, measured: Mapping[str, Any]) -> dict[str, Any]:
        """Run the query."""
        if self._condition:
            return {}
        answers = rows.ask(rows.filled(self._query), most=2)
        self._require_boolean(answers.types)
        return {"answers": answers.rows}

    def judge(self, rows: Rows, measured: Mapping[str, Any]) -> Finding:
        """Pass when the condition is false in no row, or the query's answer is true."""
        if self._condition:
            return self._judge_condition(rows, measured["bad"])
        return self._judge_query(measured["answers"])

    def _judge_condition(self, rows: Rows, bad: int) -> Finding:
        said = shown(self._condition)
        if not bad:
            return Finding(True, f"{said} holds", {"untrue": 0})
        message = f"{said} does not hold in {many(bad)}"
        return Finding(False, message, {"untrue": bad}, self._untrue(rows))

    def _judge_query(self, answers: Sequence[tuple[Any, ...]]) -> Finding:
        said = shown(self._query)
        if len(answers) != 1:
            given = "no row" if not answers else "more than one row"
            return Finding(False, f"{said} gave {given}, expected one", {"answer": None})
        answer = None if answers[0][0] is None else bool(answers[0][0])
        word = "null" if answer is None else str(answer).lower()
        return Finding(answer is True, f"{said} is {word}", {"answer": answer})
