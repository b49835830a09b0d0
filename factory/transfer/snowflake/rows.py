"""The rows that are checked, as Snowflake says it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cached_property

from sqlglot import exp

from factory.definitions.checks.parts import Answers, name_of
from factory.definitions.warehouses import SNOWFLAKE
from factory.transfer.errors import BadOption
from factory.transfer.snowflake import session, table
from factory.transfer.snowflake.names import Table, folded, other_case
from factory.transfer.snowflake.session import Connection, ask
from factory.transfer.warehouse.rows import Rows as Shared
from factory.transfer.warehouse.rows import cast

_BOOLEAN = 13  # the connector's code of the type
_NUMBERS = ("NUMBER", "FLOAT")


@dataclass(frozen=True)
class Rows(Shared[Connection]):
    """Rows of a table or a view.

    Its columns are there in both spellings: as Snowflake keeps a name, and as people write it.
    """

    can = SNOWFLAKE
    errors = session.ERRORS
    refusals = session.REFUSALS
    of_data = session.REFUSALS

    def run(self, query: str, most: int | None = None) -> Answers:
        """Run it; the connector takes one statement at a time."""
        with closing(self.session.cursor()) as cursor:
            cursor.execute(query)
            types = ["boolean" if c[1] == _BOOLEAN else "" for c in cursor.description or ()]
            rows = cursor.fetchall() if most is None else cursor.fetchmany(most)
            return Answers(types, [tuple(row) for row in rows])

    @cached_property
    def _kept(self) -> Mapping[str, str]:
        """Each column that the table has, with its type."""
        assert isinstance(self.subject.table, Table)
        found = table.described(self.session, self.subject.table)
        return {str(row["COLUMN_NAME"]): str(row["DATA_TYPE"]) for row in found}

    @cached_property
    def _spelled(self) -> Mapping[str, str]:
        """Another spelling → the column."""
        kept = self._kept
        both = {form(name): name for form in (folded, other_case) for name in kept}
        return {other: name for other, name in both.items() if other not in kept}

    @property
    def types(self) -> Mapping[str, str]:
        """As the information schema has them."""
        own = self._kept
        return {**own, **{other: own[name] for other, name in self._spelled.items()}}

    @property
    def table(self) -> exp.Table:
        """The table, its columns in both spellings."""
        return self._seen.subquery("seen")  # type: ignore[return-value]

    @property
    def _seen(self) -> exp.Select:
        more = [
            exp.alias_(name_of(name), other, quoted=True) for other, name in self._spelled.items()
        ]
        return exp.select(exp.Star(), *more).from_(self._plain)

    @property
    def _plain(self) -> exp.Table:
        own = self.subject.table
        assert isinstance(own, Table)
        return exp.table_(own.name, own.schema or None, own.database or None, quoted=True)

    def filled(self, sql: str) -> exp.Expr:
        """A person's SQL; a name without quotes is one in capitals, which staged rows have not."""
        plain = all(name == folded(name) for name in self._kept)
        found = self.sql(self._plain) if plain else f"({self.sql(self._seen)})"
        return exp.Var(this=sql.replace("{table}", found))

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Whatever a person's SQL calls that writes, is undone."""
        ask(self.session, "BEGIN TRANSACTION")
        try:
            yield
        finally:
            ask(self.session, "ROLLBACK")

    def said(self, error: Exception) -> tuple[str, str | None]:
        """Without contents of rows."""
        return session.said(error), None

    def value(self, column: str, text: str) -> exp.Expr:
        """A number is written as one: a NUMBER without its digits would round it."""
        kind = self.types[column]
        if kind not in _NUMBERS:
            return cast(exp.Literal.string(text), "VARCHAR" if kind == "TEXT" else kind)
        try:
            Decimal(text)
        except InvalidOperation:
            raise BadOption(f"{text!r} is no {kind}, which the column {column} is") from None
        return exp.Literal.number(text)

    def whole_text(self, value: exp.Expr) -> exp.Expr:
        """A value as text."""
        return cast(value, "VARCHAR")

    def matches(self, column: str, pattern: str) -> exp.Expr:
        """REGEXP_LIKE matches whole texts alone."""
        return _found(self.whole_text(name_of(column)), pattern)

    def pattern(self, pattern: str) -> exp.Expr:
        """The same, of a text of its own."""
        return _found(exp.Literal.string(""), pattern)

    def moment(self, column: str, value: exp.Expr) -> exp.Expr | None:
        """As a TIMESTAMP_TZ; the session's time zone is UTC."""
        kind = self.types[column]
        if kind == "DATE":
            value = cast(value, "TIMESTAMP_NTZ")
        is_time = kind == "DATE" or kind.startswith("TIMESTAMP")
        return cast(value, "TIMESTAMP_TZ") if is_time else None

    def instant(self, moment: datetime) -> exp.Expr:
        """As a TIMESTAMP_TZ."""
        return cast(exp.Literal.string(moment.isoformat(" ")), "TIMESTAMP_TZ")

    def age(self, since: exp.Expr, moment: exp.Expr) -> exp.Expr:
        """By microseconds."""
        unit = exp.Var(this="MICROSECOND")
        apart = exp.DateDiff(this=moment, expression=since, unit=unit)
        return exp.Mul(this=cast(apart, "FLOAT"), expression=exp.Literal.number("0.000001"))


def _found(text: exp.Expr, pattern: str) -> exp.Expr:
    """Null where there is no text."""
    match = exp.Anonymous(this="REGEXP_SUBSTR", expressions=[text, exp.Literal.string(pattern)])
    there, found = (exp.Not(this=exp.Is(this=one, expression=exp.Null())) for one in (text, match))
    return exp.Case(ifs=[exp.If(this=there.copy(), true=found)])
