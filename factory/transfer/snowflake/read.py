"""A table or a query of Snowflake → Parquet on the stage, as of one moment."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from datetime import date, datetime, timezone

import pyarrow as pa

from factory.definitions import statements
from factory.definitions.reads import Bound, Part, Rows, parts
from factory.definitions.tables import STATEMENT_SECONDS
from factory.definitions.warehouses import SNOWFLAKE
from factory.stores.model import Store
from factory.transfer import choosing
from factory.transfer.ahead import ahead
from factory.transfer.formats import Reader
from factory.transfer.lineage import NONE, Lineage
from factory.transfer.progress import Progress
from factory.transfer.snowflake import names, read_types, session
from factory.transfer.snowflake import table as tables
from factory.transfer.snowflake.names import literal, other_case, quoted
from factory.transfer.snowflake.read_types import KINDS, Described, Read
from factory.transfer.snowflake.session import Account, Connection, Limits, ask
from factory.transfer.to_parquet import Converted, staged
from factory.transfer.warehouse.warehouse import require_columns


def read(
    account: Account,
    rows: Rows,
    store: Store,
    path: str,
    *,
    lineage: Lineage = NONE,
    statement_timeout: float = STATEMENT_SECONDS,
) -> Converted:
    """Stream the rows into `path`, in bounded memory; there is no file when it fails.

    Columns that Snowflake keeps in capitals have the names that people write. `statement_timeout`
    is in seconds, 0 for none. Raises `TransferError`, `Missing`, `BadRow`.
    """
    limits = Limits(0, statement_timeout)
    with session.told(rows.label, limits), session.connected(account, limits) as connection:
        columns = _columns(connection, rows)
        query = _select(rows, columns, [*_conditions(connection, rows)])
        schema = read_types.schema(columns)
        with closing(ahead(_batches(connection, rows, limits, query, columns, schema))) as came:
            return staged(
                *(lambda bad: Reader(schema, lambda source: came), [rows.label], store, path),
                lineage=lineage,
                progress=Progress("reading", rows.label),
                done=f"read {rows.label}",
            )


def _batches(
    connection: Connection,
    rows: Rows,
    limits: Limits,
    query: str,
    columns: Sequence[Read],
    schema: pa.Schema,
) -> Generator[pa.RecordBatch, None, None]:
    exact = read_types.exact(columns, schema)
    with session.told(rows.label, limits), closing(connection.cursor()) as cursor:
        cursor.execute(query)
        # (Left to itself it counts in billionths, and a moment of the year 1 is none.)
        for table in cursor.fetch_arrow_batches(force_microsecond_precision=True):
            yield from exact(table)


def split(
    account: Account,
    rows: Rows,
    column: str,
    number: int,
    *,
    statement_timeout: float = STATEMENT_SECONDS,
) -> list[Part]:
    """Parts of the rows, by the least and the greatest value of `column`; at least one.

    Raises as `read` does.
    """
    limits = Limits(0, statement_timeout)
    with session.told(rows.label, limits), session.connected(account, limits) as connection:
        kind = _type_of(connection, rows, column)
        if not kind.is_whole and kind.type != "DATE":
            raise choosing.unsplittable(rows, column, kind.type)
        own, where = quoted(kind.name), choosing.where([*_conditions(connection, rows)])
        query = f"SELECT MIN({own}), MAX({own}) FROM {_from(rows)}{where}"
        ((least, most),) = ask(connection, query)
    return [Part(column)] if least is None else parts(column, least, most, number)


def _columns(connection: Connection, rows: Rows) -> list[Read]:
    """The columns that are read, with their types; the query gives no rows for it."""
    every = _describe(connection, rows)
    own = [column.name for column in every]
    known = list(dict.fromkeys([*own, *map(other_case, own)]))
    require_columns(known, [*rows.columns, *rows.as_text], rows.label)
    wanted = [names.there(name, own) for name in rows.columns]
    found = {column.name: column for column in every}
    taken = [found[name] for name in wanted] if wanted else every
    return read_types.reads(taken, rows.as_text, rows.columns)


def _describe(connection: Connection, rows: Rows) -> list[Described]:
    if rows.table:
        tables.columns(connection, names.table(rows.table))  # says what is near, where it is none
    with closing(connection.cursor()) as cursor:
        cursor.execute(f"SELECT * FROM {_from(rows)} LIMIT 0")
        return [read_types.described(column) for column in cursor.description]


def _type_of(connection: Connection, rows: Rows, column: str) -> Described:
    """A column, whether it is read or not. Raises `Missing`."""
    every = {found.name: found for found in _describe(connection, rows)}
    name = names.there(column, every)
    require_columns([*every, *map(other_case, every)], [column], rows.label)
    return every[name]


def _conditions(connection: Connection, rows: Rows) -> Iterator[str]:
    def look(column: str) -> choosing.Column:
        found = _type_of(connection, rows, column)
        return choosing.Column(quoted(found.name), found.type, KINDS.get(found.type, ""))

    return choosing.conditions(rows, SNOWFLAKE.dialect, look, _literal)


def _literal(value: Bound, _: str) -> str:
    if isinstance(value, datetime):
        kind = "TIMESTAMP_TZ" if value.tzinfo else "TIMESTAMP_NTZ"
        plain = value.astimezone(timezone.utc).replace(tzinfo=None) if value.tzinfo else value
        text = plain.isoformat(" ", "microseconds") + (" +0000" if value.tzinfo else "")
        return f"{literal(text)}::{kind}"
    return f"{literal(value.isoformat())}::DATE" if isinstance(value, date) else str(value)


def _from(rows: Rows) -> str:
    if rows.table:
        return quoted(names.table(rows.table))
    text = statements.query(rows.query or "", SNOWFLAKE.dialect)
    return f"({text}\n) AS source"  # its last line may be a comment


def _select(rows: Rows, columns: Sequence[Read], conditions: Sequence[str]) -> str:
    own = [f"{one.expression} AS {quoted(one.column.name)}" for one in columns]
    finer = [
        f"{one.finer} AS {quoted(f'_factory_{n}')}" for n, one in enumerate(columns) if one.finer
    ]
    return f"SELECT {', '.join([*own, *finer])} FROM {_from(rows)}{choosing.where(conditions)}"
