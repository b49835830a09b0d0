"""The staging table: held, filled, and gone at the end, however that comes."""

import logging
import re
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress

import adbc_driver_manager
import adbc_driver_postgresql.dbapi
import psycopg
import pyarrow as pa

from factory.transfer.ahead import ahead
from factory.transfer.errors import BadRow, TransferError
from factory.transfer.postgres import forms, session
from factory.transfer.postgres import table as tables
from factory.transfer.postgres.columns import on_wire
from factory.transfer.postgres.modes import Staged
from factory.transfer.postgres.table import Connection, Table
from factory.transfer.progress import Progress
from factory.transfer.warehouse import parquet
from factory.transfer.warehouse.parquet import Files
from factory.transfer.warehouse.parts import Column, Limits, staging_prefix

log = logging.getLogger(__name__)

MARK = "Rows of a load by factory that is under way. It is dropped at its end, or by the next load."
"""The comment by which a staging table is known."""

_NOT_IN_UTF8, _NOT_IN_DATABASE = "22021", "22P05"


@contextmanager
def staging(uri: str, connection: Connection, target: Table, staged: Staged) -> Iterator[None]:
    """Make the staging table, and drop it at the end."""
    tables.ensure_schema(connection, target.schema)
    # Held until the connection ends: an attempt that is thought dead but is not, waits or is
    # waited for; and a staging table that nobody holds is known to be left over.
    with tables.locked(connection, _holding(staged.table)):
        sweep(connection, target)
        _create(connection, staged)
        try:
            yield
        finally:
            _drop(uri, connection, staged.table)


def _create(connection: Connection, staged: Staged) -> None:
    number = [Column(staged.number, "bigint", pa.int64())] if staged.number else []
    try:
        with connection.transaction():
            columns = [*staged.columns, *number]
            tables.create(connection, staged.table, columns, unlogged=not staged.logged)
            tables.comment(connection, staged.table, MARK)
    except psycopg.errors.DuplicateTable:
        if owner := _left_by(connection, staged.table):
            raise TransferError(
                f"a load as {owner} was killed, and left {staged.table}, which only that role may "
                "drop",
                f"As {owner}: DROP TABLE {staged.table.identifier.as_string()}",
            ) from None
        raise TransferError(
            f"{staged.table} is in the way: this load's rows would be staged under that name",
            "It is not known to be one of ours: look into it, and rename or drop it",
        ) from None


def _left_by(connection: Connection, table: Table) -> str | None:
    """The owner of a staging table of ours; None: it is a person's."""
    row = connection.execute(
        "SELECT relowner::regrole::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE nspname = %s AND relname = %s AND obj_description(c.oid, 'pg_class') = %s",
        (table.schema, table.name, MARK),
    ).fetchone()
    return None if row is None else row[0]


def _drop(uri: str, connection: Connection, table: Table) -> None:
    """Drop the staging table, if need be by a new connection; what stays, the next load drops."""
    try:
        if connection.broken:
            raise psycopg.OperationalError
        tables.drop(connection, table)
    except psycopg.OperationalError:
        with suppress(psycopg.Error), session.opened(uri, Limits(lock=5.0)) as another:
            tables.drop(another, table)


def _holding(staged: Table) -> str:
    return f"factory staging {staged}"


def sweep(connection: Connection, target: Table) -> None:
    """Drop the staging tables that killed loads of this target left.

    They are known by their mark. Without it, only a table with a name that is ours in every digit
    goes, and only when it never had a row: any other may be a person's.
    """
    rows = connection.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relkind = 'r' AND starts_with(c.relname, %s)"
        " AND pg_has_role(c.relowner, 'USAGE') AND (obj_description(c.oid, 'pg_class') = %s"
        " OR c.relname ~ %s AND pg_relation_size(c.oid) = 0"
        " AND obj_description(c.oid, 'pg_class') IS NULL)",
        (target.schema, staging_prefix(target), MARK, tables.STAGING),
    ).fetchall()
    for (name,) in rows:
        left = Table(target.schema, name)
        key = (_holding(left),)
        query = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
        if (connection.execute(query, key).fetchone() or (False,))[0]:
            tables.drop(connection, left)
            connection.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", key)


def copy(uri: str, staged: Staged, files: Files, limits: Limits) -> float:
    """Fill the staging table by one binary COPY; the seconds that it took."""
    failures: list[BaseException] = []

    progress = Progress("copying", rows=staged.rows)
    columns, wired = forms.wired(staged.given)

    def batches() -> Generator[pa.RecordBatch, None, None]:
        try:
            for batch in files.batches(columns, wired, staged.number):
                yield batch
                progress.add(rows=batch.num_rows, bytes=batch.nbytes)
        except GeneratorExit:  # the server takes no more: its own error says why
            raise
        except BaseException as error:
            failures.append(error)
            raise

    started = time.monotonic()
    schema = parquet.wire(columns, staged.number)
    try:
        with (
            progress,
            closing(ahead(batches())) as stream,
            adbc_driver_postgresql.dbapi.connect(session.conninfo(uri)) as connection,
            connection.cursor() as cursor,
        ):
            for query in session.settings(limits):
                cursor.execute(query.as_string())
                cursor.fetchall()
            cursor.adbc_ingest(
                staged.table.name,
                pa.RecordBatchReader.from_batches(schema, stream),
                mode="append",
                db_schema_name=staged.table.schema,
            )
            connection.commit()
    except adbc_driver_manager.Error as error:
        if failures:  # the driver would only tell that the stream ended early
            raise failures[0] from None
        if error.sqlstate in (_NOT_IN_UTF8, _NOT_IN_DATABASE):
            raise _not_a_text(error, staged, files) from None
        raise
    return time.monotonic() - started


def _not_a_text(error: adbc_driver_manager.Error, staged: Staged, files: Files) -> BadRow:
    """Say which value of the files it is that the database can't store."""
    said = str(error)
    found = re.search(r"COPY .*, line (\d+), column (.*)", said)
    reason = re.search(r'encoding "(\w+)"\s*$', re.split(r"\s*\bCONTEXT:", said)[0])
    encoding = reason[1] if reason else "its encoding"
    if found is None:
        return BadRow(f"a text can't be stored in the database, whose encoding is {encoding}")
    row, column = int(found[1]), found[2]
    value = files.value(staged.given, on_wire, row - 1, column)

    def holds(what: str) -> str:
        return f"the column {column!r} holds {what} in row {row}"

    if error.sqlstate == _NOT_IN_DATABASE:
        return BadRow(
            f"{holds(value)}, which the database, whose encoding is {encoding}, can't store"
        )
    if "0x00" in said:
        what = holds("a NUL character")
        return BadRow(
            f"{what}, which PostgreSQL can't store in a text: {value}",
            "Take it out where the rows are read: of a table by a `query`, such as "
            "`replace(name, char(0), '')` in MySQL; or leave the column out",
        )
    return BadRow(f"{holds('what is not UTF-8')}: {value}")
