"""The checks' expressions are SQL in dialects that are not ours yet, too."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
import sqlglot
from msgspec.structs import replace
from sqlglot import exp

from factory.definitions.checks import parse
from factory.definitions.warehouses import POSTGRES
from factory.transfer.warehouse.parts import Table
from factory.transfer.warehouse.rows import Guard, Rows, Subject, cast, raw, together

CHECKS: list[dict[str, Any]] = [
    {"type": "not_null", "columns": ["n", 'a "b`']},
    {"type": "accepted_values", "column": "t", "values": ["it's", "\\"]},
    {"type": "range", "column": "n", "min": 0, "max": 9},
    {"type": "matches", "column": "t", "pattern": r"^\d'$"},
    {"type": "freshness", "column": "d", "max_age": "1d"},
    {"type": "sql", "condition": "n > 1 -- all"},
]


@dataclass(frozen=True)
class Said(Rows[None]):
    """Rows of which only the SQL is looked at."""

    @property
    def types(self) -> Mapping[str, str]:
        return {"n": "INT", "t": "TEXT", "d": "TIMESTAMP"}

    def moment(self, column: str, value: exp.Expr) -> exp.Expr | None:
        return value

    def instant(self, moment: datetime) -> exp.Expr:
        return cast(exp.Literal.string(moment.isoformat()), "TIMESTAMP")

    def age(self, since: exp.Expr, moment: exp.Expr) -> exp.Expr:
        return exp.Sub(this=moment, expression=since)


@pytest.mark.parametrize("dialect", ["postgres", "sqlite", "snowflake", "bigquery", "mysql"])
def test_other_dialects(dialect: str) -> None:
    class There(Said):
        can = replace(POSTGRES, dialect=dialect)

    rows = There(None, Subject(Table("s", "t"), ["n", "t", "d"], where="n > 0 -- only"))
    wanted = [each for one in CHECKS for each in parse(one).aggregates(rows).values()]
    query = rows.select(*wanted, also=exp.and_(*(each.copy() for each in wanted[:1])))
    again = sqlglot.parse_one(rows.sql(query), dialect=dialect)
    assert isinstance(again, exp.Select)
    assert len(again.selects) == len(wanted)
    texts = {literal.this for literal in again.find_all(exp.Literal) if literal.is_string}
    assert {"it's", "\\", r"^\d'$"} <= texts
    names = {column.name for column in again.find_all(exp.Column)}
    assert {"n", "t", "d", 'a "b`'} <= names


def test_guards_are_asked_together_and_told_one_by_one() -> None:
    told: list[str] = []
    one = Guard[None](raw("(a OR b)"), lambda session: told.append("one"))
    other = Guard[None](raw("(c)"), lambda session: told.append("other"))
    assert together(None, None) is None
    assert together(None, one) is one
    both = together(one, other)
    assert both is not None
    assert both.doubt.sql() == "(a OR b) OR (c)"
    both.refuse(None)
    assert told == ["one", "other"]
