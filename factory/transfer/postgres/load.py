"""A Parquet file → a PostgreSQL table, by write, audit, publish."""

import logging
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import adbc_driver_manager
import adbc_driver_postgresql.dbapi
import fsspec
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from factory.transfer.errors import BadRow, TransferError
from factory.transfer.postgres import checks as audits
from factory.transfer.postgres import columns as cols
from factory.transfer.postgres import publish as publishing
from factory.transfer.postgres import table as tables
from factory.transfer.postgres.checks import Result
from factory.transfer.postgres.table import Connection, Table

log = logging.getLogger(__name__)

ROWS = 64 * 1024


@dataclass(frozen=True)
class Loaded:
    """What a load did."""

    table: str
    rows: int
    bytes: int
    seconds: float
    mode: str
    published: bool  # false: this load was appended before
    checks: tuple[Result, ...] = ()


def load(
    uri: str,
    fs: fsspec.AbstractFileSystem,
    path: str,
    *,
    table: str,
    write: Mapping[str, object],
    checks: Sequence[Mapping[str, object]] = (),
    load_id: str,
    lock_timeout: float = 600.0,
    statement_timeout: float = 3600.0,
) -> Loaded:
    """Load `path` into `table`; the same `load_id` again leaves the same rows.

    `write` is `{mode: append}`, `{mode: replace}` or `{mode: merge, key: […]}`. Time-outs are in
    seconds, 0 for none. Raises `ChecksFailed`, `SchemaChanged`, `BadRow`, `TransferError`; the
    target is then as it was, and no staging table is left.
    """
    started = time.monotonic()
    target = tables.parse(table)
    with _translated(target), fs.open(path, "rb") as file, _parquet(file, path) as parquet:
        columns = cols.columns(parquet.schema_arrow)
        names = [column.name for column in columns]
        plan = publishing.parse(write, names)
        audits.prepare(checks, names)
        rows, published, results = parquet.metadata.num_rows, False, []
        with _connected(uri, lock_timeout, statement_timeout) as connection:
            existing = tables.existing(connection, target)
            if not publishing.published_before(connection, target, existing, plan, load_id):
                if existing is not None:  # before any row is moved; the publish looks again
                    tables.compare(target, existing, columns)
                staged = publishing.Staged(tables.staging(target, load_id), columns, rows)
                with _staging(uri, connection, target, staged, plan):
                    audits.verify(connection, _subject(staged, plan), checks)
                    _copy(uri, staged, parquet, statement_timeout)
                    results = _audit(connection, staged, plan, checks)
                    published = publishing.publish(connection, target, staged, plan, load_id)
        size = int(fs.size(path))
    seconds = time.monotonic() - started
    what = "published" if published else "had published before"
    log.info("%s %s: %d rows, %d bytes, %s, %.2f s", what, target, rows, size, plan.mode, seconds)
    return Loaded(str(target), rows, size, seconds, plan.mode, published, tuple(results))


def _parquet(file: object, path: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise BadRow(f"{path} is not a Parquet file: {error}") from error


@contextmanager
def _connected(uri: str, lock_timeout: float, statement_timeout: float) -> Iterator[Connection]:
    # The connection is idle while rows are copied through another: keep it from being cut off.
    with psycopg.connect(uri, autocommit=True, keepalives_idle=30) as connection:
        # In a stricter one, a publisher that waited would not see what it waited for.
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        for name, value in (
            ("lock_timeout", lock_timeout),
            ("statement_timeout", statement_timeout),
        ):
            connection.execute("SELECT set_config(%s, %s, false)", (name, _milliseconds(value)))
        yield connection


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))


@contextmanager
def _staging(
    uri: str,
    connection: Connection,
    target: Table,
    staged: publishing.Staged,
    plan: publishing.Write,
) -> Iterator[None]:
    """Make the staging table, and drop it at the end, however it ends."""
    tables.ensure_schema(connection, target.schema)
    # Held until the connection ends: an attempt that is thought dead but is not, waits or is
    # waited for; and a staging table that nobody holds is known to be left over.
    connection.execute(
        "SELECT pg_advisory_lock(hashtextextended(%s, 0))", (_holding(staged.table),)
    )
    _sweep(connection, target, staged.table)
    try:
        # A replacing table will be the target itself, so it must be logged.
        unlogged = plan.mode != "replace"
        tables.create(connection, staged.table, staged.columns, unlogged=unlogged)
        yield
    finally:
        if connection.broken:
            with suppress(psycopg.Error), psycopg.connect(uri, autocommit=True) as another:
                tables.drop(another, staged.table)
        else:
            tables.drop(connection, staged.table)


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


def _copy(
    uri: str, staged: publishing.Staged, parquet: pq.ParquetFile, statement_timeout: float
) -> None:
    schema = pa.schema([(column.name, column.wire) for column in staged.columns])
    failures: list[BaseException] = []

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            for batch in parquet.iter_batches(batch_size=ROWS):
                yield cols.on_wire(batch, schema)
        except BaseException as error:
            failures.append(error)
            raise

    started = time.monotonic()
    try:
        with adbc_driver_postgresql.dbapi.connect(uri) as connection, connection.cursor() as cursor:
            cursor.execute(f"SET statement_timeout = {_milliseconds(statement_timeout)}")
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
    log.info("staged %d rows in %.2f s", staged.rows, time.monotonic() - started)


def _subject(staged: publishing.Staged, plan: publishing.Write) -> audits.Subject:
    return audits.Subject(staged.table, [column.name for column in staged.columns], key=plan.key)


def _audit(
    connection: Connection,
    staged: publishing.Staged,
    plan: publishing.Write,
    checks: Sequence[Mapping[str, object]],
) -> list[Result]:
    rows, results = audits.audit(connection, _subject(staged, plan), checks)
    if rows != staged.rows:
        raise TransferError(f"{rows} rows arrived, but the file holds {staged.rows}")
    if plan.mode == "merge":
        publishing.audit_key(connection, staged, plan.key)
    return results


@contextmanager
def _translated(target: Table) -> Iterator[None]:
    """PostgreSQL's errors without their details, which quote contents of rows."""
    try:
        yield
    except psycopg.errors.LockNotAvailable as error:
        raise TransferError(
            f"{target} was not free within the lock_timeout", "Another load or query holds it"
        ) from error
    except psycopg.Error as error:
        said = error.diag.message_primary or str(error).partition("\n")[0]
        raise TransferError(f"{target}: PostgreSQL said: {said}") from None
    except adbc_driver_manager.Error as error:
        match = re.search(r"(?:ERROR|FATAL):\s+(.*)", str(error))
        said = match[1] if match else str(error).partition("\n")[0]
        raise TransferError(f"{target}: PostgreSQL said: {said}") from None
