"""A table or a query of any database with a driver of Python's → Parquet on the stage."""

from __future__ import annotations

import re
import sys
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from itertools import chain
from math import floor
from typing import Any

import pyarrow as pa

from factory.account import say
from factory.definitions import statements
from factory.definitions.reads import Bound, Part, Rows, Window, parts
from factory.definitions.tables import STATEMENT_SECONDS
from factory.stores.model import Store
from factory.transfer import choosing
from factory.transfer.ahead import ahead
from factory.transfer.dbapi import values
from factory.transfer.dbapi.driver import Database, Limit, Session, Statement
from factory.transfer.dbapi.values import Column, Late
from factory.transfer.errors import TransferError
from factory.transfer.formats import Reader
from factory.transfer.lineage import NONE, Lineage
from factory.transfer.progress import Progress
from factory.transfer.to_parquet import Converted, staged
from factory.transfer.warehouse.warehouse import require_columns

_FETCHED = 64  # rows, at first: nobody knows how long they are
_MOST = 20_000  # rows
_BYTES = 8 << 20  # of values, about
_MYSQL_TIMESTAMP = 7
_TEXT_MOMENT = r"\d{4}-\d\d-\d\d([ T])\d\d:\d\d(:\d\d(\.\d+)?)?"

Block = list[Sequence[Any]]


def read(
    database: Database,
    rows: Rows,
    store: Store,
    path: str,
    *,
    types: Mapping[str, str] | None = None,
    lineage: Lineage = NONE,
    statement_timeout: float = STATEMENT_SECONDS,
) -> Converted:
    """Stream the rows into `path`, in bounded memory; there is no file when it fails.

    `types` are words for those of columns; of others the first rows tell them. `statement_timeout`
    is in seconds, 0 for none. Raises `TransferError`, `Missing`, `BadRow`, `BadOption`.
    """
    known = {name: values.declared(name, word) for name, word in (types or {}).items()}
    while True:
        try:
            return _read(database, rows, store, path, known, lineage, statement_timeout)
        except Late as late:
            known |= late.columns
            for name, column in late.columns.items():
                say("%s has its first value (%s) late: it is read anew", name, column.type)


def _read(
    database: Database,
    rows: Rows,
    store: Store,
    path: str,
    known: Mapping[str, Column],
    lineage: Lineage,
    seconds: float,
) -> Converted:
    with Limit(seconds) as limit:
        rest = ahead(_batches(database, rows, known, limit), limit.end)
        with closing(rest) as batches:
            first = next(batches)
            every = chain([first], batches)
            return staged(
                lambda bad: Reader(first.schema, lambda source: every),
                *([rows.label], store, path),
                lineage=lineage,
                progress=Progress("reading", rows.label),
                done=f"read {rows.label}",
            )


def split(
    database: Database,
    rows: Rows,
    column: str,
    number: int,
    *,
    statement_timeout: float = STATEMENT_SECONDS,
) -> list[Part]:
    """Parts of the rows, by the least and the greatest value of `column`; at least one.

    Raises as `read` does.
    """
    with (
        Limit(statement_timeout) as limit,
        closing(Session(database, limit, rows.label)) as session,
    ):
        ends = [_whole(end) for end in _ends(session, rows, ("min", "max"), column)]
        if ends == [None, None]:
            return [Part(column)]
        least, most = ends
        for end in ends:
            if not isinstance(end, int | date) or type(least) is not type(most):
                raise choosing.unsplittable(rows, column, type(end).__name__)
        return parts(column, least, most, number)


def _whole(end: Any) -> Any:
    """Of a column whose decimals may be whole numbers, those that are; no moment is a date."""
    if isinstance(end, Decimal) and end.is_finite():
        return floor(end)
    return repr(end) if isinstance(end, datetime | bool) else end


# What is asked for.


def _ends(session: Session, rows: Rows, functions: Sequence[str], column: str) -> Sequence[Any]:
    """A value of the column for each function, of the rows of the spec's own condition."""
    return [value for value, _ in _told(session, rows, functions, column)]


def _told(
    session: Session, rows: Rows, functions: Sequence[str], column: str
) -> list[tuple[Any, Any]]:
    """The same, each with the driver's code of its type."""
    statement = session.statement()
    name = statement.column(column)
    asked = ", ".join(f"{function}({name})" for function in functions)
    own = replace(rows, window=None, part=None)
    with _run(session, statement, asked, own, {}) as cursor:
        (found,) = session.fetched(cursor, 1)
        return [(value, told[1]) for value, told in zip(found, cursor.description, strict=True)]


def _run(
    session: Session,
    statement: Statement,
    asked: str,
    rows: Rows,
    known: Mapping[str, Column],
) -> AbstractContextManager[Any]:
    conditions = [*_conditions(session, statement, rows, known)]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    text = f"SELECT {asked} FROM {_from(statement, rows)}{where}"
    if rows.query and not conditions and asked == "*":
        text = statements.query(rows.query, statement.database.dialect)
    return session.run(text, statement)


def _from(statement: Statement, rows: Rows) -> str:
    if rows.table:
        return statement.name(rows.table)
    query = statements.query(rows.query or "", statement.database.dialect)
    return f"({query}\n) source"  # its last line may be a comment


def _conditions(
    session: Session, statement: Statement, rows: Rows, known: Mapping[str, Column]
) -> Iterator[str]:
    if rows.where:
        where = statements.condition(rows.where, statement.database.dialect)
        yield f"({where}\n)"  # its last line may be a comment
    if rows.window is not None:
        bounds = _bounds(session, rows, rows.window, known)
        yield from _between(statement, rows.window.column, *bounds) if bounds else ["1 = 0"]
    if rows.part is not None:
        column, low, high = rows.part
        found = [*_between(statement, column, low, high)]
        if low is None:
            found = [f"({one} OR {statement.column(column)} IS NULL)" for one in found]
        yield from found


def _between(
    statement: Statement, column: str, low: Bound | str | None, high: Bound | str | None
) -> Iterator[str]:
    for sign, bound in ((">=", low), ("<", high)):
        if bound is not None:
            yield f"{statement.column(column)} {sign} {statement.bound(bound)}"


def _bounds(
    session: Session, rows: Rows, window: Window, known: Mapping[str, Column]
) -> tuple[Bound | str, Bound | str] | None:
    """What the column's own values are compared with; None: it has no value."""
    ((latest, code),) = _told(session, rows, ("max",), window.column)
    if latest is None:
        return None
    if code == _MYSQL_TIMESTAMP and session.dialect in ("mysql", "mariadb"):
        raise TransferError(
            f"{window.column!r} of {rows.label} is a TIMESTAMP, which comes in the session's zone",
            "Read it by `type: mysql`, where it is a moment",
        )
    if isinstance(latest, datetime):
        found = window.bounds("timestamp" if latest.tzinfo is None else "timestamptz")
    elif isinstance(latest, date):
        found = window.bounds("date")
    else:
        texts = _as_texts(rows, window, latest, known.get(window.column))
        _refuse_other_form(session, rows, window.column, latest)
        return texts
    assert found is not None
    return found


def _as_texts(rows: Rows, window: Window, latest: Any, column: Column | None) -> tuple[str, str]:
    """Of databases without a type for moments: texts that sort as their moments do."""
    word = column.word if column is not None and isinstance(latest, str) else ""
    form = re.fullmatch(_TEXT_MOMENT if word == "timestamp" else r"\d{4}-\d\d-\d\d()", str(latest))
    bounds = window.bounds(word) if form is not None else None
    if bounds is None or form is None or word not in ("date", "timestamp"):
        raise TransferError(
            f"{window.column!r} of {rows.label} holds {type(latest).__name__}, and no date or "
            "timestamp",
            "Read the rows of an interval by a column that says when they changed; where it is "
            "a text, such as 2024-01-31 06:00:00, declare it: "
            f"`types: {{{window.column}: timestamp}}`",
        )
    low, high = (
        bound.isoformat(form[1]) if isinstance(bound, datetime) else str(bound) for bound in bounds
    )
    return low, high


def _refuse_other_form(session: Session, rows: Rows, column: str, latest: str) -> None:
    """Texts of two forms do not sort as their moments do: rows would be missed."""
    statement = session.statement()
    name = statement.column(column)
    other = {" ": "T", "T": " "}.get(latest[10:11])
    if other is None:
        return
    asked = f"max(CASE WHEN {name} LIKE '{'_' * 10}{other}%' THEN {name} END)"
    with _run(session, statement, asked, replace(rows, window=None, part=None), {}) as cursor:
        ((found,),) = session.fetched(cursor, 1)
    if found is not None:
        raise TransferError(
            f"{column!r} of {rows.label} holds moments in two forms, with a blank and with a T: "
            "as texts they do not sort by time",
            f"Write all of them in one form, or read a `query` that does: "
            f"`replace({column}, 'T', ' ') AS {column}`",
        )


# What comes.


def _batches(
    database: Database, rows: Rows, known: Mapping[str, Column], limit: Limit
) -> Generator[pa.RecordBatch, None, None]:
    """The rows; at least one batch, so that their types are known."""
    with closing(Session(database, limit, rows.label)) as session:
        statement = session.statement()
        asked = ", ".join(map(statement.column, rows.columns)) or "*"
        with _run(session, statement, asked, rows, known) as cursor:
            blocks = _blocks(session, cursor)
            block = next(blocks, [])
            columns = _columns(session, rows, cursor.description, known)
            made, columns = values.batch(block, columns, 0, first=True)
            yield made
            before = len(block)
            for block in blocks:
                made, _ = values.batch(block, columns, before, first=False)
                yield made
                before += len(block)


def _blocks(session: Session, cursor: Any) -> Iterator[Block]:
    """Rows, as many as are about as large as a batch; not more at once than the last tell."""
    number, size = _FETCHED, 0
    block: Block = []
    while fetched := session.fetched(cursor, number):
        block += fetched
        size += (own := _size(fetched))
        if len(block) >= _MOST or size >= _BYTES:
            yield block
            block, size = [], 0
        fits = (_BYTES - size) * len(fetched) // max(own, 1)
        number = max(1, min(number * 2, fits, _MOST - len(block)))
    if block:
        yield block


def _size(rows: Iterable[Sequence[Any]]) -> int:
    """Bytes of the values, about."""
    return sum(
        len(value) if isinstance(value, str | bytes) else sys.getsizeof(value)
        for row in rows
        for value in row
    )


def _columns(
    session: Session,
    rows: Rows,
    description: Sequence[Sequence[Any]] | None,
    known: Mapping[str, Column],
) -> list[Column]:
    """By the names of the spec, or of the result."""
    if not description:
        raise TransferError(f"{rows.label} has no columns", "Read a table, or write a SELECT")
    names = list(rows.columns) or [str(one[0]) for one in description]
    for name in names:
        if not name:
            raise TransferError(f"a column of {rows.label} has no name", "Name it: `AS …`")
        if names.count(name) > 1:
            said = f"two columns of {rows.label} are named {name!r}"
            raise TransferError(said, "Give one of them another name: `AS …`")
    require_columns(names, known, rows.label)
    pairs = zip(names, description, strict=True)
    found = [(name, session.word(one), _digits(one)) for name, one in pairs]
    return [known.get(name) or _described(name, word, digits) for name, word, digits in found]


def _described(name: str, word: str, digits: tuple[int, int] | None) -> Column:
    """A column as the driver tells it."""
    return values.declared(name, word) if word else Column(name, digits=digits)


def _digits(described: Sequence[Any]) -> tuple[int, int] | None:
    """What the driver says of a decimal, if it does."""
    precision, scale = described[4:6]
    if isinstance(precision, int) and isinstance(scale, int) and 0 <= scale <= precision <= 76:
        return (precision, scale) if scale or precision else None
    return None
