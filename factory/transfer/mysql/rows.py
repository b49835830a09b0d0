"""The rows that are checked, as MySQL says it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from functools import cached_property
from typing import Any

import pymysql
from pymysql.constants import FIELD_TYPE
from sqlglot import exp

from factory.definitions.checks.parts import LONGEST, Answers, name_of
from factory.definitions.warehouses import MYSQL
from factory.transfer.errors import BadOption, Unavailable
from factory.transfer.mysql import table as tables
from factory.transfer.mysql.kinds import BYTES, TEXTS, WHOLE
from factory.transfer.mysql.session import TIMED_OUT, Connection, ask, code_of, is_lost, name, said
from factory.transfer.warehouse.rows import Rows as Shared
from factory.transfer.warehouse.rows import raw

_BOOLEANS = (FIELD_TYPE.TINY, FIELD_TYPE.LONG, FIELD_TYPE.LONGLONG, FIELD_TYPE.NULL)
_BYTES = (*BYTES, "binary", "bit")


def _datetime(text: str) -> datetime:
    found = datetime.fromisoformat(re.sub("[Zz]$", "+00:00", text))
    return found.astimezone(timezone.utc).replace(tzinfo=None) if found.tzinfo else found


_READ: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys((*WHOLE, "year", "bit"), int),
    "decimal": Decimal,
    **dict.fromkeys(("float", "double"), float),
    "date": date.fromisoformat,
    **dict.fromkeys(("datetime", "timestamp"), _datetime),
}
"""What a text must be that is taken for a value of a type: a cast would make 0 of anything."""


@dataclass(frozen=True)
class Rows(Shared[Connection]):
    """Rows of a table or a view."""

    can = MYSQL
    errors = (pymysql.Error,)
    refusals = (
        *(pymysql.ProgrammingError, pymysql.OperationalError, pymysql.DataError),
        *(pymysql.NotSupportedError, pymysql.InternalError),
    )
    of_data = (pymysql.DataError, pymysql.OperationalError)

    def run(self, query: str, most: int | None = None) -> Answers:
        """Any whole number may be a boolean: MySQL has none."""
        with self.session.cursor() as cursor:
            try:
                cursor.execute(query)
            except pymysql.Error as error:
                _raise_what_is_no_refusal(error)
                raise
            rows = cursor.fetchall() if most is None else cursor.fetchmany(most)
            types = [
                "boolean" if code in _BOOLEANS else "" for _, code, *_ in cursor.description or ()
            ]
        return Answers(types, list(rows))

    @cached_property
    def _told(self) -> Mapping[str, tuple[str, str | None]]:
        where = tables.here(self.subject.table)
        query = "SELECT COLUMN_NAME, DATA_TYPE, CHARACTER_SET_NAME FROM information_schema.COLUMNS"
        return {own: more for own, *more in ask(self.session, f"{query} WHERE {where}")}  # type: ignore[misc]

    @property
    def types(self) -> Mapping[str, str]:
        """The types' words alone."""
        return {own: kind for own, (kind, _) in self._told.items()}

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One snapshot."""
        self.session.query("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        try:
            yield
        finally:
            with suppress(pymysql.Error):
                self.session.rollback()

    def said(self, error: Exception) -> tuple[str, str | None]:
        """Without what quotes contents of rows."""
        assert isinstance(error, pymysql.Error)
        return said(error, "")

    def sql(self, query: exp.Expr) -> str:
        """`count(*) FILTER (WHERE …)` as a count of cases."""
        return query.transform(_without_filter).sql(dialect=self.can.dialect)

    def value(self, column: str, text: str) -> exp.Expr:
        """As a literal of the type; texts are compared by their bytes, whatever the collation."""
        kind, charset = self._told[column]
        if kind in TEXTS:
            own = exp.Literal.string(text).sql(dialect=self.can.dialect)
            return raw(f"CAST(CONVERT({own} USING {charset or 'utf8mb4'}) AS BINARY)")
        try:
            found = _READ[kind](text) if kind in _READ else text
        except (ValueError, ArithmeticError):
            raise BadOption(f"{text!r} is no {kind}, which the column {column} is") from None
        if isinstance(found, datetime):
            return self.instant(found)
        if isinstance(found, date):
            return raw(f"DATE'{found.isoformat()}'")
        is_text = isinstance(found, str)
        return exp.Literal.string(found) if is_text else exp.Literal.number(str(found))

    def whole_text(self, value: exp.Expr) -> exp.Expr:
        """A value as text."""
        return exp.Cast(
            this=value, to=exp.DataType(this=exp.DataType.Type.USERDEFINED, kind="CHAR")
        )

    def text(self, column: str) -> exp.Expr:
        """Bytes as hexadecimal digits."""
        if self.types.get(column) in _BYTES:
            return raw(f"LEFT(HEX({name(column)}), {LONGEST + 1})")
        return super().text(column)

    def matches(self, column: str, pattern: str) -> exp.Expr:
        """Whatever the collation, a letter is itself."""
        return self._like(self.whole_text(name_of(column)), pattern)

    def pattern(self, pattern: str) -> exp.Expr:
        """Whatever the collation, a letter is itself."""
        return self._like(exp.Literal.string(""), pattern)

    def _like(self, text: exp.Expr, pattern: str) -> exp.Expr:
        own = text.sql(dialect=self.can.dialect)
        wanted = exp.Literal.string(pattern).sql(dialect=self.can.dialect)
        return raw(f"({own} COLLATE utf8mb4_bin RLIKE {wanted})")

    def moment(self, column: str, value: exp.Expr) -> exp.Expr | None:
        """As a DATETIME in UTC, which the session is in."""
        if self.types[column] not in ("date", "datetime", "timestamp"):
            return None
        return raw(f"CAST({value.sql(dialect=self.can.dialect)} AS DATETIME(6))")

    def instant(self, moment: datetime) -> exp.Expr:
        """As a DATETIME in UTC."""
        plain = moment.astimezone(timezone.utc).replace(tzinfo=None) if moment.tzinfo else moment
        return raw(f"TIMESTAMP'{plain.isoformat(' ', 'microseconds')}'")

    def age(self, since: exp.Expr, moment: exp.Expr) -> exp.Expr:
        """As a float."""
        apart = f"TIMESTAMPDIFF(MICROSECOND, {since.name}, {moment.name})"
        second = timedelta(seconds=1) // timedelta(microseconds=1)
        return raw(f"({apart} / {second}e0)")


def _without_filter(node: exp.Expr) -> exp.Expr:
    if not isinstance(node, exp.Filter):
        return node
    one = exp.Literal.number(1)
    return exp.Count(this=exp.Case(ifs=[exp.If(this=node.expression.this, true=one)]))


def _raise_what_is_no_refusal(error: pymysql.Error) -> None:
    """Raise `Unavailable` for what no SQL of a person is the cause of."""
    if is_lost(error) or code_of(error) in TIMED_OUT:
        words, hint = said(error, "Give it more time: `statement_timeout`")
        raise Unavailable(f"MySQL said: {words}", hint) from None
