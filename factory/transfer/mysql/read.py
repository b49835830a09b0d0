"""A table or a query of MySQL or MariaDB → Parquet on the stage, as of one moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from factory.account import say
from factory.amounts import counted
from factory.definitions import statements
from factory.definitions.reads import Bound, Part, Rows, parts
from factory.definitions.tables import STATEMENT_SECONDS
from factory.stores.model import Store
from factory.transfer import choosing
from factory.transfer.ahead import ahead
from factory.transfer.formats import Reader
from factory.transfer.lineage import NONE, Lineage
from factory.transfer.mysql import packets, session
from factory.transfer.mysql import table as tables
from factory.transfer.mysql.read_types import (
    KINDS,
    Described,
    Exact,
    Read,
    ZeroDates,
    reads,
    schema,
)
from factory.transfer.mysql.session import Address, ask, name, told
from factory.transfer.progress import Progress
from factory.transfer.to_parquet import Converted, staged
from factory.transfer.warehouse.warehouse import require_columns

if TYPE_CHECKING:
    import pymysql

    Connection = pymysql.Connection[Any]


def read(
    address: Address,
    rows: Rows,
    store: Store,
    path: str,
    *,
    zero_dates: ZeroDates = "fail",
    lineage: Lineage = NONE,
    statement_timeout: float = STATEMENT_SECONDS,
) -> Converted:
    """Stream the rows into `path`, in bounded memory; there is no file when it fails.

    `statement_timeout` is in seconds, 0 for none. Raises `TransferError`, `Missing`, `BadRow`.
    """
    limit = statement_timeout
    with told(rows.label, limit), session.opened(address, limit) as connection:
        # Its transaction goes on while rows are read: nobody alters the table meanwhile.
        columns = reads(_described(connection, rows), rows.as_text, zero_dates)
        query = _select(rows, columns, [*_conditions(connection, rows)])
        exact = Exact(schema(columns), zero_dates, Counter())
        running: list[Connection] = []
        rest = _batches(connection, rows, query, exact, limit, running)
        with closing(ahead(rest, lambda: _end(running, address))) as batches:
            done = staged(
                *(lambda bad: Reader(exact.schema, lambda source: batches), [rows.label]),
                *(store, path),
                lineage=lineage,
                progress=Progress("reading", rows.label),
                done=f"read {rows.label}",
            )
    for column, number in exact.nulls.items():
        say("%s of %r that no calendar has: null instead", counted(number, "date"), column)
    return done


def _end(running: Sequence[Connection], address: Address) -> None:
    """End the query of who gives up: its next rows may be long in coming."""
    for connection in running:
        session.end(connection, address)


def _batches(
    connection: Connection,
    rows: Rows,
    query: str,
    exact: Exact,
    limit: float,
    running: list[Connection],
) -> Generator[pa.RecordBatch, None, None]:
    running.append(connection)
    try:
        with told(rows.label, limit):
            for columns in packets.batches(connection, query):
                yield exact.batch(columns)
    finally:
        running.clear()


def split(
    address: Address,
    rows: Rows,
    column: str,
    number: int,
    *,
    statement_timeout: float = STATEMENT_SECONDS,
) -> list[Part]:
    """Parts of the rows, by the least and the greatest value of `column`; at least one.

    Raises as `read` does.
    """
    limit = statement_timeout
    with told(rows.label, limit), session.opened(address, limit) as connection:
        kind = _type_of(connection, rows, column)
        if not kind.is_whole and KINDS.get(kind.code) != "date":
            raise choosing.unsplittable(rows, column, kind.type)
        where = choosing.where([*_conditions(connection, rows)])
        for form in ("{}", "CASE WHEN TO_DAYS({0}) > 365 THEN {0} END"):
            own = form.format(name(column))
            query = f"SELECT min({own}), max({own}) FROM {_from(rows)}{where}"
            ((least, most),) = ask(connection, query)
            if not isinstance(least, str) and not isinstance(most, str):
                break  # else a date that no calendar has: the parts go on beyond the others
    return [Part(column)] if least is None else parts(column, least, most, number)


def _described(connection: Connection, rows: Rows) -> list[Described]:
    """The columns that are read, with their types; the query is not run for it."""
    if rows.columns:
        every = [found.name for found in _describe(connection, rows, ())]
        require_columns(every, rows.columns, rows.label)
    found = _describe(connection, rows, rows.columns)
    require_columns([column.name for column in found], rows.as_text, rows.label)
    return found


def _describe(connection: Connection, rows: Rows, columns: Sequence[str]) -> list[Described]:
    names = ", ".join(map(name, columns)) or "*"
    with connection.cursor() as cursor, session.naming(connection, rows.table):
        cursor.execute(f"SELECT {names} FROM {_from(rows)} LIMIT 0")
        fields: Any = cursor._result.fields
    return [
        Described(
            *(field.name, field.type_code, field.flags, field.charsetnr, field.length, field.scale)
        )
        for field in fields
    ]


def _type_of(connection: Connection, rows: Rows, column: str) -> Described:
    """A column, whether it is read or not. Raises `Missing`."""
    every = {found.name: found for found in _describe(connection, rows, ())}
    require_columns([*every], [column], rows.label)
    return every[column]


def _conditions(connection: Connection, rows: Rows) -> Iterator[str]:
    def look(column: str) -> choosing.Column:
        kind = _type_of(connection, rows, column)
        return choosing.Column(name(column), kind.type, KINDS.get(kind.code, ""))

    def of_part(column: str) -> choosing.Column:
        return choosing.Column(name(column))

    return choosing.conditions(rows, "mysql", look, _literal, of_part)


def _literal(value: Bound, _: str) -> str:
    """A moment with a zone is told in UTC, as the session has it."""
    if isinstance(value, datetime):
        plain = value.astimezone(timezone.utc).replace(tzinfo=None) if value.tzinfo else value
        return f"TIMESTAMP'{plain.isoformat(' ', 'microseconds')}'"
    return f"DATE'{value.isoformat()}'" if isinstance(value, date) else str(value)


def _from(rows: Rows) -> str:
    if rows.table:
        return tables.sql(tables.parse(rows.table))
    text = statements.query(rows.query or "", "mysql")
    return f"({text}\n) AS source"  # its last line may be a comment


def _select(rows: Rows, columns: Sequence[Read], conditions: Sequence[str]) -> str:
    expressions = ", ".join(column.expression for column in columns)
    return f"SELECT {expressions} FROM {_from(rows)}{choosing.where(conditions)}"
