"""How the checks' expressions are said in PostgreSQL's SQL."""

import pytest
from sqlglot import exp

from factory.definitions.checks import parse
from factory.transfer.errors import BadOption

from .conftest import Check, Rows

MADE = "n int, t text, d date, j mood, c char(3)"


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (
            {"type": "not_null", "columns": ["n"]},
            'COUNT(*) FILTER(WHERE "n" IS NOT DISTINCT FROM NULL)',
        ),
        (
            {"type": "accepted_values", "column": "j", "values": ["it's", "\\"]},
            "COUNT(*) FILTER(WHERE NOT \"j\" IN (CAST('it''s' AS mood), CAST('\\' AS mood)))",
        ),
        (
            {"type": "matches", "column": "n", "pattern": "^1"},
            "COUNT(*) FILTER(WHERE NOT CAST(\"n\" AS text) ~ '^1')",
        ),
        (
            {"type": "matches", "column": "t", "pattern": "'"},
            "COUNT(*) FILTER(WHERE NOT \"t\" ~ '''')",
        ),
        (
            {"type": "range", "column": "c", "min": "a"},
            "COALESCE(MIN(\"c\") < CAST('a' AS bpchar), FALSE)",
        ),
        (
            {"type": "sql", "condition": "n > 1 -- %s {"},
            "COUNT(*) FILTER(WHERE NOT (n > 1 -- %s {\n))",
        ),
    ],
)
def test_an_aggregate(rows: Rows, check: Check, said: str) -> None:
    rows.connection.execute("DROP TYPE IF EXISTS mood CASCADE")
    rows.connection.execute("CREATE TYPE mood AS ENUM ('it''s', '\\')")
    rows.make(MADE)
    seen = rows.seen()
    *_, last = parse(check).aggregates(seen).values()
    assert seen.sql(last) == said


def test_nothing_is_cut_at_a_nul(rows: Rows) -> None:
    rows.make("t text", ("a",))
    for check in (
        {"type": "accepted_values", "column": "t", "values": ["a\0b"]},
        {"type": "sql", "condition": "true \0 AND false"},
    ):
        with pytest.raises(BadOption, match="cannot contain NUL"):
            rows.audit(check)
    assert rows.seen().ask(exp.select(exp.Literal.string("a"))).rows == [("a",)]
