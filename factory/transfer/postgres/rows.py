"""The rows that are checked, as PostgreSQL says it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import psycopg
from psycopg import sql
from sqlglot import exp

from factory.definitions.checks.parts import LONGEST, Answers, name_of
from factory.definitions.warehouses import POSTGRES
from factory.transfer.postgres.table import Connection
from factory.transfer.warehouse.rows import Guard, cast, raw
from factory.transfer.warehouse.rows import Rows as Shared

TEXTS = ("text", "character varying")  # what a pattern is matched with as it is

_SAMPLED = 2000
_COMMON = 4
_BOOLEAN = psycopg.postgres.types["bool"].oid
_TIMES = ("timestamp with time zone", "timestamp without time zone", "date")


@dataclass(frozen=True)
class Rows(Shared[Connection]):
    """Rows of a table or a view; the connection is in autocommit mode."""

    can = POSTGRES
    errors = (psycopg.Error,)
    refusals = (psycopg.DataError, psycopg.ProgrammingError, psycopg.NotSupportedError)
    of_data = (psycopg.DataError,)

    def run(self, query: str, most: int | None = None) -> Answers:
        """Run it by the binary protocol, which takes one statement only."""
        if "\0" in query:  # a C library would read no further
            raise psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
        cursor = self.session.execute(query.encode(), binary=True)
        types = ["boolean" if c.type_code == _BOOLEAN else "" for c in cursor.description or ()]
        return Answers(types, cursor.fetchall() if most is None else cursor.fetchmany(most))

    @cached_property
    def _known(self) -> tuple[bool, Mapping[str, str]]:
        """Whether its first rows are there at once, unlike those of a view; and the types."""
        table = self.subject.table
        rows = self.session.execute(
            # A cast to a type with modifiers would cut or round the value.
            "SELECT c.relkind, a.attname,"
            " format_type(coalesce(nullif(t.typbasetype, 0), t.oid), -1)"
            " FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
            " JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped",
            (table.schema, table.name),
        ).fetchall()
        stored = bool(rows) and rows[0][0] in ("r", "p", "m")
        return stored, {name: kind for _, name, kind in rows}

    @property
    def types(self) -> Mapping[str, str]:
        """As `format_type()` writes them."""
        return self._known[1]

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One snapshot; bounds without a zone are UTC, and samples the same on every server."""
        with self.session.transaction():
            self.session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            self.session.execute("SET LOCAL timezone = 'UTC'")
            self.session.execute("SET LOCAL datestyle = 'ISO'")
            yield

    def said(self, error: Exception) -> tuple[str, str | None]:
        """Without the details, which quote contents of rows."""
        assert isinstance(error, psycopg.Error)
        primary = error.diag.message_primary or str(error).partition("\n")[0]
        return primary, error.diag.message_hint

    def matches(self, column: str, pattern: str) -> exp.Expr:
        """A text is matched as it is: with its own collation."""
        kept = self.types[column] in TEXTS
        text = name_of(column) if kept else self.whole_text(name_of(column))
        return exp.RegexpLike(this=text, expression=exp.Literal.string(pattern))

    def moment(self, column: str, value: exp.Expr) -> exp.Expr | None:
        """As a `timestamptz`."""
        kind = self.types[column]
        if kind not in _TIMES:
            return None
        if kind == _TIMES[0]:
            return value
        if kind == "date":
            value = cast(value, "timestamp")
        return exp.AtTimeZone(this=value, zone=exp.Literal.string("UTC"))

    def instant(self, moment: datetime) -> exp.Expr:
        """As a `timestamptz`."""
        return cast(exp.Literal.string(moment.isoformat()), "timestamptz")

    def age(self, since: exp.Expr, moment: exp.Expr) -> exp.Expr:
        """None of what is infinite."""
        apart = exp.Sub(this=moment, expression=since)
        seconds = cast(exp.Extract(this=raw("epoch"), expression=apart), "float8")
        finite = exp.Anonymous(this="isfinite", expressions=[since.copy()])
        return exp.Case(ifs=[exp.If(this=finite, true=seconds)])

    def mostly(self, column: str, good: exp.Expr, bad: exp.Expr) -> exp.Expr:
        """`bad`, but not asked about the values that most rows have and that are known to be good.

        Comparing with one value costs a tenth of a regular expression or of a list.
        """
        stored, types = self._known
        # As a number, one text stands for values that are equal: 1.0 and 1.00.
        if not stored or (isinstance(good, exp.RegexpLike) and types[column] not in TEXTS):
            return bad
        common = self._common(column, good)
        if not common:
            return bad
        # Bytes are compared: a collation may take two texts for one that a pattern tells apart.
        name = name_of(column)
        if types[column] in TEXTS:
            name = exp.Collate(this=name, expression=exp.to_identifier("C", quoted=True))
        known = [exp.EQ(this=name.copy(), expression=self.value(column, text)) for text in common]
        return exp.and_(exp.not_(exp.or_(*known)), bad)

    def _common(self, column: str, good: exp.Expr) -> Sequence[str]:
        """The most frequent good values among the first rows, if they are most of them."""
        query = sql.SQL(
            "SELECT value, rows, sampled FROM ("
            "SELECT {column}::text, count(*), sum(count(*)) OVER ()::bigint,"
            " coalesce({good}, false)"
            " FROM (SELECT {column} FROM {table} LIMIT {most}) first_rows GROUP BY {column}"
            ") AS found (value, rows, sampled, good) WHERE good"
            " ORDER BY rows DESC, value LIMIT {few}"
        ).format(
            column=sql.Identifier(column),
            table=sql.Identifier(self.subject.table.schema, self.subject.table.name),
            good=sql.SQL(self.sql(good)),  # type: ignore[arg-type,unused-ignore]
            most=sql.Literal(_SAMPLED),
            few=sql.Literal(_COMMON),
        )
        found = self.session.execute(query).fetchall()
        few = bool(found) and 2 * sum(rows for _, rows, _ in found) >= found[0][2]
        return [text for text, *_ in found if len(text) <= LONGEST] if few else []


def guard_of(doubt: sql.Composable, refuse: Callable[[Connection], None]) -> Guard[Connection]:
    """A guard whose doubt is said in PostgreSQL's own SQL."""
    return Guard(raw(f"({doubt.as_string()})"), refuse)


__all__ = ["TEXTS", "Rows", "guard_of"]
