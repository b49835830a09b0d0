"""The rows that are checked, as BigQuery says it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sqlglot import exp

from factory.definitions.checks.parts import LONGEST, Answers, name_of
from factory.definitions.warehouses import BIGQUERY
from factory.transfer.bigquery import table as tables
from factory.transfer.bigquery.columns import bare
from factory.transfer.bigquery.errors import DRIVER, Invalid, said
from factory.transfer.bigquery.jobs import Jobs
from factory.transfer.warehouse.rows import Rows as Shared
from factory.transfer.warehouse.rows import cast

_NO_TEXT = ("JSON", "BYTES")
_BOOLEAN = ("BOOL", "BOOLEAN")


@dataclass(frozen=True)
class Rows(Shared[Jobs]):
    """Rows of a table or a view."""

    can = BIGQUERY
    errors = DRIVER
    refusals = (Invalid,)
    of_data = (Invalid,)

    def run(self, query: str, most: int | None = None) -> Answers:
        """By a job."""
        fields, rows = self.session.rows(self.session.query(query), most)
        return Answers(_types(fields), rows)

    def ask(self, query: exp.Expr, most: int | None = None) -> Answers:
        """A query of no rows is only read: BigQuery would have all of its bytes paid for."""
        if _is_empty(query):
            return Answers(_types(self.session.read(self.sql(query))), [])
        return super().ask(query, most)

    @cached_property
    def types(self) -> Mapping[str, str]:
        """As SQL writes them."""
        table = self.subject.table
        assert isinstance(table, tables.Table)
        facts = tables.look(self.session.api, table) or {}
        found = {f["name"].casefold(): bare(tables.type_of(f)) for f in tables.fields_of(facts)}
        return {name: found.get(name.casefold(), "") for name in self.subject.columns}

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Each query sees a snapshot of its own."""
        yield

    def said(self, error: Exception) -> tuple[str, str | None]:
        """As it is."""
        return said(error), None

    @property
    def table(self) -> exp.Table:
        """The table, its name quoted."""
        return tables.expression(self.subject.table)

    def sql(self, query: exp.Expr) -> str:
        """BigQuery has COUNTIF, and no FILTER."""
        return query.transform(_counted).sql(dialect=self.can.dialect)

    def whole_text(self, value: exp.Expr) -> exp.Expr:
        """A column that no cast makes a text of is shown as JSON."""
        if isinstance(value, exp.Column) and self._is_no_text(value.name):
            return exp.Anonymous(this="TO_JSON_STRING", expressions=[value])
        return cast(value, "STRING")

    def _is_no_text(self, column: str) -> bool:
        kind = self.types.get(column, "")
        return kind in _NO_TEXT or "<" in kind

    def text(self, column: str) -> exp.Expr:
        """A column as text, no longer than what is shown of it."""
        text = self.whole_text(name_of(column))
        start, length = exp.Literal.number(1), exp.Literal.number(LONGEST + 1)
        return exp.Substring(this=text, start=start, length=length)

    def moment(self, column: str, value: exp.Expr) -> exp.Expr | None:
        """As a TIMESTAMP."""
        kind = self.types[column]
        if kind == "TIMESTAMP":
            return value
        is_time = kind in ("DATE", "DATETIME")
        return exp.Anonymous(this="TIMESTAMP", expressions=[value]) if is_time else None

    def instant(self, moment: datetime) -> exp.Expr:
        """As a TIMESTAMP."""
        return cast(exp.Literal.string(moment.isoformat()), "TIMESTAMP")

    def age(self, since: exp.Expr, moment: exp.Expr) -> exp.Expr:
        """From microseconds."""
        apart = exp.Anonymous(
            this="TIMESTAMP_DIFF", expressions=[moment, since, exp.Var(this="MICROSECOND")]
        )
        return exp.Div(this=apart, expression=exp.Literal.number("1000000.0"))


def _types(fields: object) -> list[str]:
    assert isinstance(fields, (list, tuple))
    return ["boolean" if field["type"] in _BOOLEAN else "" for field in fields]


def _is_empty(query: exp.Expr) -> bool:
    limit = query.args.get("limit") if isinstance(query, exp.Select) else None
    return limit is not None and limit.expression.sql() == "0"


def _counted(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Filter) and isinstance(node.this, exp.Count):
        return exp.CountIf(this=node.expression.this)
    return node
