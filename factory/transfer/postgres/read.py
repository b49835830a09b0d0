"""A table or a query of PostgreSQL → Parquet on the stage, as of one moment."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress

import adbc_driver_manager
import adbc_driver_postgresql.dbapi
import psycopg
import pyarrow as pa
from adbc_driver_manager.dbapi import Cursor
from psycopg import sql
from psycopg.conninfo import make_conninfo

from factory.definitions import statements
from factory.definitions.reads import Bound, Part, Rows, parts
from factory.definitions.tables import STATEMENT_SECONDS
from factory.stores.model import Store
from factory.transfer import choosing
from factory.transfer.ahead import ahead
from factory.transfer.errors import TransferError
from factory.transfer.formats import Reader
from factory.transfer.lineage import NONE, Lineage
from factory.transfer.postgres import enums, read_types, session
from factory.transfer.postgres import table as tables
from factory.transfer.postgres.read_types import Described, Read
from factory.transfer.postgres.table import Connection
from factory.transfer.postgres.warehouse import WAREHOUSE
from factory.transfer.progress import Progress
from factory.transfer.to_parquet import Converted, staged
from factory.transfer.warehouse.parts import Limits
from factory.transfer.warehouse.warehouse import require_columns

_BATCH = 4 << 20  # bytes
_AHEAD = 4  # batches: while a row group is written, the next one comes
_SPLIT = ("int2", "int4", "int8", "date")
_AS_OF_ONE_MOMENT = "ISOLATION LEVEL REPEATABLE READ, READ ONLY"
# Types whose values are of one server, or whose columns take no load.
_OF_ITS_SERVER = (
    "^_?(reg|pg_(?!lsn)|aclitem|refcursor|cid$|.?xid|tid$|name$|char$|int2vector|oidvector)"
)
# A server that is gone without a word is noticed after a minute.
_ALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
_LOST = "server closed the connection"
_RECOVERY = "conflict with recovery"
_OF_A_VALUE = "22"  # the class of errors that quote what a row holds


def read(
    uri: str,
    rows: Rows,
    store: Store,
    path: str,
    *,
    lineage: Lineage = NONE,
    statement_timeout: float = STATEMENT_SECONDS,
) -> Converted:
    """Stream the rows into `path`, in bounded memory; there is no file when it fails.

    `statement_timeout` is in seconds, 0 for none. Raises `TransferError`, `Missing`, `BadRow`.
    """
    limits = Limits(statement=statement_timeout)
    with _told(rows, limits), _opened(uri, limits) as connection:
        # Its transaction goes on while rows are read: nobody alters the table meanwhile.
        columns = read_types.reads(_described(connection, rows), rows.as_text)
        conditions = [*_conditions(connection, rows)]
        query = _select(rows, columns, conditions).as_string(connection)
        schema = read_types.schema(columns)
        running: list[Cursor] = []
        rest = _batches(uri, limits, rows, query, running)
        with closing(ahead(rest, lambda: _cancel(running), most=_AHEAD)) as came:
            batches = (read_types.exact(batch, schema) for batch in came)
            return staged(
                *(lambda bad: Reader(schema, lambda source: batches), [rows.label], store, path),
                lineage=lineage,
                progress=Progress("reading", rows.label),
                done=f"read {rows.label}",
            )


def _cancel(running: Sequence[Cursor]) -> None:
    """End the query of who gives up: its next rows may be long in coming."""
    for cursor in running:
        with suppress(adbc_driver_manager.Error):
            cursor.adbc_cancel()


@contextmanager
def _opened(uri: str, limits: Limits) -> Iterator[Connection]:
    with session.opened(uri, limits) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            yield connection


def split(
    uri: str,
    rows: Rows,
    column: str,
    number: int,
    *,
    statement_timeout: float = STATEMENT_SECONDS,
) -> list[Part]:
    """Parts of the rows, by the least and the greatest value of `column`; at least one.

    Raises as `read` does.
    """
    limits = Limits(statement=statement_timeout)
    with _told(rows, limits), _opened(uri, limits) as connection:
        kind = _type_of(connection, rows, column)
        if kind not in _SPLIT:
            raise choosing.unsplittable(rows, column, kind)
        query = sql.SQL("SELECT min({0}), max({0}) FROM {1}{2}").format(
            _finite(column, kind), _from(rows), _where([*_conditions(connection, rows)])
        )
        least, most = connection.execute(query).fetchone() or (None, None)
    return [Part(column)] if least is None else parts(column, least, most, number)


def _finite(column: str, kind: str) -> sql.Composable:
    """What a date is within Python's: the first and the last part hold what is beyond."""
    name = sql.Identifier(column)
    if kind != "date":
        return name
    return sql.SQL("CASE WHEN {0} >= '0001-01-01' AND {0} <= '9999-12-31' THEN {0} END").format(
        name
    )


def _described(connection: Connection, rows: Rows) -> list[Described]:
    """The columns that are read, with their types; the query is not run for it."""
    if rows.table:
        table = tables.parse(rows.table)
        require_columns(WAREHOUSE.columns(connection, table), rows.columns, str(table))
    found = _describe(connection, rows, rows.columns)
    if not found:
        raise TransferError(f"{rows.label} has no columns", "Read a table that has some")
    return found


def _describe(connection: Connection, rows: Rows, columns: Sequence[str]) -> list[Described]:
    names = tables.names(columns) if columns else sql.SQL("*")
    query = sql.SQL("SELECT {} FROM {} LIMIT 0").format(names, _from(rows))
    cursor = connection.execute(query, binary=True)  # by a protocol that takes one statement
    found, result = cursor.description or (), cursor.pgresult
    assert result is not None
    own = [column.name for column in found]
    for name in own:
        if own.count(name) > 1:
            said = f"two columns of {rows.label} are named {name!r}"
            raise TransferError(said, "Give one of them another name: `AS …`")
    require_columns(own, rows.as_text if columns == rows.columns else (), rows.label)
    types = [column.type_code for column in found]
    modifiers = [result.fmod(place) for place in range(len(own))]
    return [
        Described(name, *kind)
        for name, kind in zip(own, _types(connection, types, modifiers), strict=True)
    ]


def _type_of(connection: Connection, rows: Rows, column: str) -> str:
    """A column's type in pg_catalog, such as `int4`, or what it is called. Raises `Missing`."""
    every = (
        WAREHOUSE.columns(connection, tables.parse(rows.table))
        if rows.table
        else [found.name for found in _describe(connection, rows, ())]
    )
    require_columns(every, [column], rows.label)
    (found,) = _describe(connection, rows, [column])
    return found.base or found.type


def _conditions(connection: Connection, rows: Rows) -> Iterator[sql.Composable]:
    if rows.where:
        where = statements.condition(rows.where, "postgres")
        yield sql.SQL("({}\n)").format(sql.SQL(where))  # its last line may be a comment
    if rows.window is not None:
        kind = _type_of(connection, rows, rows.window.column)
        bounds = choosing.bounds_of(rows.window, rows.label, kind, kind)
        yield from _between(rows.window.column, *bounds)
    if rows.part is not None:
        column, low, high = rows.part
        beyond = sql.SQL("{} IS NULL").format(sql.Identifier(column))
        (*found,) = _between(column, low, high)
        yield from (
            found
            if low is not None
            else [sql.SQL("({} OR {})").format(one, beyond) for one in found]
        )


def _between(column: str, low: Bound | None, high: Bound | None) -> Iterator[sql.Composable]:
    for form, bound in (("{} >= {}", low), ("{} < {}", high)):
        if bound is not None:
            yield sql.SQL(form).format(sql.Identifier(column), sql.Literal(bound))


def _types(
    connection: Connection, types: Sequence[int], modifiers: Sequence[int]
) -> list[tuple[str, str, bool, str]]:
    """What other servers know is what has the same name, and the same text, there."""
    return connection.execute(
        "SELECT format_type(t.oid, modifier),"
        " CASE WHEN t.typnamespace = 'pg_catalog'::regnamespace THEN t.typname::text ELSE '' END,"
        " t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype IN ('b', 'r', 'm')"
        f" AND t.typname !~ '{_OF_ITS_SERVER}', {enums.NOTED}"
        " FROM unnest(%s::oid[], %s::int[]) WITH ORDINALITY AS given (kind, modifier, place)"
        " JOIN pg_type t ON t.oid = kind ORDER BY place",
        (list(types), list(modifiers)),
    ).fetchall()


def _from(rows: Rows) -> sql.Composable:
    if rows.table:
        return tables.parse(rows.table).identifier
    text = statements.query(rows.query or "", "postgres")
    return sql.SQL("({}\n) AS source").format(sql.SQL(text))  # its last line may be a comment


def _select(
    rows: Rows, columns: Sequence[Read], conditions: Sequence[sql.Composable]
) -> sql.Composed:
    expressions = sql.SQL(", ").join(column.expression for column in columns)
    return sql.SQL("SELECT {} FROM {}{}").format(expressions, _from(rows), _where(conditions))


def _where(conditions: Sequence[sql.Composable]) -> sql.Composable:
    joined = sql.SQL(" AND ").join(conditions)
    return sql.SQL(" WHERE {}").format(joined) if conditions else sql.SQL("")


def _batches(
    uri: str,
    limits: Limits,
    rows: Rows,
    query: str,
    running: list[Cursor],
) -> Generator[pa.RecordBatch, None, None]:
    with (
        _told(rows, limits),
        adbc_driver_postgresql.dbapi.connect(
            make_conninfo(session.conninfo(uri), **_ALIVE)
        ) as connection,
        connection.cursor() as cursor,
    ):
        for setting in session.settings(limits):
            cursor.execute(setting.as_string())
            cursor.fetchall()
        connection.commit()
        cursor.execute(f"SET TRANSACTION {_AS_OF_ONE_MOMENT}")
        if rows.table:  # the same rows come in the same order, and are known again
            cursor.execute("SET LOCAL synchronize_seqscans = off")
            cursor.execute("SET LOCAL max_parallel_workers_per_gather = 0")
        cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(_BATCH)})
        running.append(cursor)
        try:
            cursor.execute(query)
            with cursor.fetch_record_batch() as batches:
                yield from batches
        finally:
            running.clear()


@contextmanager
def _told(rows: Rows, limits: Limits) -> Iterator[None]:
    """PostgreSQL's errors without their details, which quote contents of rows."""
    try:
        yield
    except psycopg.Error as error:
        said = error.diag.message_primary or str(error).partition("\n")[0]
        raise _error(rows, limits, said, error.sqlstate or "", error.diag.message_hint) from None
    except (adbc_driver_manager.Error, pa.ArrowException, OSError) as error:
        text = str(error)
        found = re.search(r"(?:ERROR|FATAL|PANIC):\s+(.*)", text)
        if found is None and _LOST not in text and not isinstance(error, adbc_driver_manager.Error):
            raise
        said = found[1] if found else text.partition("\n")[0]
        raise _error(rows, limits, said, getattr(error, "sqlstate", None) or "", None) from None


def _error(rows: Rows, limits: Limits, said: str, state: str, own: str | None) -> TransferError:
    if "statement timeout" in said:
        own = f"The statement_timeout of the source is {limits.statement:g} s"
    elif state == "42501":
        own = "Grant the right to the role of the connection"
    elif _RECOVERY in said:
        own = (
            "It is a standby, and replays what its primary did: repeat the task. If it stays so, "
            "let the standby wait longer (`max_standby_streaming_delay`) or the primary keep the "
            "rows (`hot_standby_feedback`), or read less at a time by `split`"
        )
    elif state.startswith(session.LOST) or _LOST in said:
        own = "The connection was lost, and nothing is left behind: repeat the task"
    if state.startswith(_OF_A_VALUE):
        said = re.sub('".*("|$)', '"…"', said, flags=re.DOTALL)
    return TransferError(f"{rows.label} can't be read: PostgreSQL said: {said}", own)
