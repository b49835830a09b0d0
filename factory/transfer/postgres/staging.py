"""The staging table: held, filled, and gone at the end, however that comes."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import adbc_driver_postgresql.dbapi
import psycopg
import pyarrow as pa

from factory.transfer.postgres import parquet, session
from factory.transfer.postgres import table as tables
from factory.transfer.postgres.columns import Column
from factory.transfer.postgres.modes import Staged
from factory.transfer.postgres.parquet import Files
from factory.transfer.postgres.session import Limits
from factory.transfer.postgres.table import Connection, Table

log = logging.getLogger(__name__)


@contextmanager
def staging(uri: str, connection: Connection, target: Table, staged: Staged) -> Iterator[None]:
    """Make the staging table, and drop it at the end."""
    tables.ensure_schema(connection, target.schema)
    # Held until the connection ends: an attempt that is thought dead but is not, waits or is
    # waited for; and a staging table that nobody holds is known to be left over.
    with tables.locked(connection, _holding(staged.table)):
        _sweep(connection, target, staged.table)
        try:
            number = [Column(staged.number, "bigint", pa.int64())] if staged.number else []
            columns = [*staged.columns, *number]
            tables.create(connection, staged.table, columns, unlogged=not staged.logged)
            yield
        finally:
            _drop(uri, connection, staged.table)


def _drop(uri: str, connection: Connection, table: Table) -> None:
    """Drop the staging table, if need be by a new connection; what stays, the next load drops."""
    try:
        if connection.broken:
            raise psycopg.OperationalError
        tables.drop(connection, table)
    except psycopg.OperationalError:
        with suppress(psycopg.Error), psycopg.connect(uri, autocommit=True) as another:
            another.execute("SET lock_timeout = '5s'")
            tables.drop(another, table)


def _holding(staged: Table) -> str:
    return f"factory staging {staged}"


def _sweep(connection: Connection, target: Table, own: Table) -> None:
    """Drop the staging tables that killed loads of this target left."""
    tables.drop(connection, own)
    rows = connection.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relkind = 'r' AND starts_with(c.relname, %s)",
        (target.schema, tables.staging_prefix(target)),
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

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield from files.batches(staged.given, staged.number)
        except BaseException as error:
            failures.append(error)
            raise

    started = time.monotonic()
    schema = parquet.wire(staged.given, staged.number)
    try:
        with adbc_driver_postgresql.dbapi.connect(uri) as connection, connection.cursor() as cursor:
            timeout = session.milliseconds(limits.statement)
            cursor.execute(f"SET statement_timeout = {timeout}")
            cursor.adbc_ingest(
                staged.table.name,
                pa.RecordBatchReader.from_batches(schema, batches()),
                mode="append",
                db_schema_name=staged.table.schema,
            )
            connection.commit()
    except Exception:
        if failures:  # the driver would only tell that the stream ended early
            raise failures[0] from None
        raise
    seconds = time.monotonic() - started
    log.info("staged %d rows in %.2f s", staged.rows, seconds)
    return seconds
