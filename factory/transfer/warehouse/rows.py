"""The rows that are checked, in a warehouse whose SQL sqlglot writes.

A warehouse inherits this, says how it runs a query, and says anew what its SQL says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import ClassVar, Generic, TypeVar

from sqlglot import exp

from factory.definitions.checks.parts import (
    LONGEST,
    SAMPLES,
    Answers,
    Finding,
    many,
    name_of,
    named,
    shown,
)
from factory.definitions.warehouses import Capabilities
from factory.transfer.errors import BadOption
from factory.transfer.warehouse.parts import Table

S = TypeVar("S")
"""A warehouse's session."""


@dataclass(frozen=True)
class Subject:
    """What is checked."""

    table: Table
    columns: Sequence[str]
    key: Sequence[str] = ()  # what names a row in samples
    as_of: datetime | None = None  # None: now
    previous_rows: int | None = None  # rows of the previous load; None: there was none
    where: str = ""  # SQL condition; empty: all rows


@dataclass(frozen=True)
class Guard(Generic[S]):
    """What must hold of the rows before any check is judged; asked in the checks' one pass."""

    doubt: exp.Expr  # an aggregate: true when there may be a wrong row
    refuse: Callable[[S], None]  # look closer; raises `BadRow`


def together(*guards: Guard[S] | None) -> Guard[S] | None:
    """Several guards as one."""
    given = [guard for guard in guards if guard is not None]
    if len(given) < 2:
        return given[0] if given else None

    def refuse(session: S) -> None:
        for guard in given:
            guard.refuse(session)

    return Guard(exp.or_(*(guard.doubt for guard in given)), refuse)


def raw(sql: str) -> exp.Expr:
    """SQL as it stands; in brackets, where it is part of a longer text."""
    return exp.Var(this=sql)


@dataclass(frozen=True)
class Rows(Generic[S]):
    """The rows of one table, seen through one session.

    What is said here is what most warehouses say. Raises `BadOption` for what a person wrote.
    """

    session: S
    subject: Subject

    # What each warehouse says itself.

    can: ClassVar[Capabilities]
    """What it can, and what it is called."""
    refusals: ClassVar[tuple[type[Exception], ...]] = ()
    """The errors that a person's SQL, patterns and values may be the cause of."""
    errors: ClassVar[tuple[type[Exception], ...]] = ()
    """All of its driver's: they are no fault of a check's own code."""
    of_data: ClassVar[tuple[type[Exception], ...]] = ()
    """Of these, what comes of single rows."""

    def run(self, query: str, most: int | None = None) -> Answers:
        """Run one statement. A type is `boolean` where it is one, or may be."""
        raise NotImplementedError

    @property
    def types(self) -> Mapping[str, str]:
        """Each column's type, without its modifiers: a cast to it cuts and rounds no value."""
        raise NotImplementedError

    def reading(self) -> AbstractContextManager[None]:
        """A transaction in which all queries see the same rows and none can write."""
        raise NotImplementedError

    def said(self, error: Exception) -> tuple[str, str | None]:
        """What the warehouse says of an error, without contents of rows, and its hint."""
        return str(error).partition("\n")[0], None

    def moment(self, column: str, value: exp.Expr) -> exp.Expr | None:
        """A value of a column as a moment; what has no zone is UTC. None: it is no time."""
        raise NotImplementedError

    def instant(self, moment: datetime) -> exp.Expr:
        """A moment, to be compared with others."""
        raise NotImplementedError

    def age(self, since: exp.Expr, moment: exp.Expr) -> exp.Expr:
        """Seconds from one moment to another, as a float; null where there is no number."""
        raise NotImplementedError

    # What a warehouse may say otherwise.

    def value(self, column: str, text: str) -> exp.Expr:
        """A value in the type of a column."""
        return cast(exp.Literal.string(text), self.types[column])

    def whole_text(self, value: exp.Expr) -> exp.Expr:
        """A value as text."""
        return cast(value, "text")

    def matches(self, column: str, pattern: str) -> exp.Expr:
        """The condition that a column's value holds a match of a regular expression."""
        text = self.whole_text(name_of(column))
        return exp.RegexpLike(this=text, expression=exp.Literal.string(pattern))

    def pattern(self, pattern: str) -> exp.Expr:
        """Something that the warehouse refuses when this is no regular expression."""
        return exp.RegexpLike(this=exp.Literal.string(""), expression=exp.Literal.string(pattern))

    def mostly(self, column: str, good: exp.Expr, bad: exp.Expr) -> exp.Expr:
        """`bad`, perhaps in a form that is faster where most values are `good`."""
        return bad

    # What is the same everywhere.

    @property
    def as_of(self) -> datetime:
        """The moment that ages are told from."""
        moment = self.subject.as_of or datetime.now(timezone.utc)
        return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)

    @property
    def previous_rows(self) -> int | None:
        """Rows of the previous load."""
        return self.subject.previous_rows

    @property
    def table(self) -> exp.Table:
        """The table, its name quoted."""
        return exp.table_(self.subject.table.name, db=self.subject.table.schema, quoted=True)

    def sql(self, query: exp.Expr) -> str:
        """An expression as the warehouse reads it.

        One that lacks something (`FILTER` in MySQL) writes it anew here, once for all checks.
        """
        return query.sql(dialect=self.can.dialect)

    def ask(self, query: exp.Expr, most: int | None = None) -> Answers:
        """Run a query."""
        return self.run(self.sql(query), most)

    def select(self, *wanted: exp.Expr, also: exp.Expr | None = None) -> exp.Select:
        """A query over the rows, or over those that meet a condition, too."""
        query = exp.select(*wanted).from_(self.table)
        if self.subject.where:
            # a comment at its end does not reach beyond it
            query = query.where(raw(f"({self.subject.where}\n)"))
        return query.where(also) if also is not None else query

    def filled(self, sql: str) -> exp.Expr:
        """A person's SQL, with the table's name in place of each `{table}`."""
        return raw(sql.replace("{table}", self.sql(self.table)))

    def text(self, column: str) -> exp.Expr:
        """A column as text, no longer than what is shown of it."""
        return exp.Substring(
            this=self.whole_text(name_of(column)),
            start=exp.Literal.number(1),
            length=exp.Literal.number(LONGEST + 1),
        )

    def understood(self, what: str, query: exp.Expr) -> Sequence[str]:
        """Let the warehouse read a query that yields no rows: the types of its columns."""
        with self.blaming(what):
            return self.ask(query).types

    @contextmanager
    def blaming(self, what: str) -> Iterator[None]:
        """The warehouse's refusal of what a person wrote, as a `BadOption`."""
        try:
            yield
        except self.refusals as error:
            said, hint = self.said(error)
            raise BadOption(f"{what}: {self.can.name} said: {said}", hint) from None

    def samples(self, finding: Finding) -> str:
        """Name some failing rows by their key, else some of the values; empty: there are none."""
        if finding.bad is None:
            return ""
        if self.subject.key:
            return self._keys(finding.bad)
        return self._values(finding.bad, finding.shown) if finding.shown else ""

    def _keys(self, bad: exp.Expr) -> str:
        key = self.subject.key
        columns = [name_of(name) for name in key]
        failed = self.select(*columns, also=bad).order_by(*columns).limit(SAMPLES)
        query = exp.select(*map(self.text, key)).from_(failed.subquery("failed"))
        return "; ".join(named(key, row) for row in self.ask(query).rows)

    def _values(self, bad: exp.Expr, column: str) -> str:
        first, second = exp.Literal.number(1), exp.Literal.number(2)
        count = exp.Count(this=exp.Star())
        query = (
            self.select(self.text(column), count, also=bad)
            .group_by(first)
            .order_by(exp.Ordered(this=second, desc=True), first.copy())
            .limit(SAMPLES)
        )
        return ", ".join(
            f"'{shown(text)}' in {many(count)}" for text, count in self.ask(query).rows
        )


def cast(value: exp.Expr, kind: str) -> exp.Expr:
    """A value in a type, which is written as the warehouse itself writes it."""
    return exp.Cast(this=value, to=exp.DataType(this=exp.DataType.Type.USERDEFINED, kind=kind))


__all__ = ["Guard", "Rows", "Subject", "cast", "raw", "together"]
