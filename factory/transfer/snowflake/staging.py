"""The staging table, and the files on their way into it; both are gone at the end."""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone

import pyarrow as pa

from factory.transfer.errors import TransferError
from factory.transfer.progress import Progress
from factory.transfer.snowflake import stages, types
from factory.transfer.snowflake.names import OURS, Table, literal, quoted
from factory.transfer.snowflake.session import Connection, ask, asked, in_schema
from factory.transfer.snowflake.stages import Stage
from factory.transfer.warehouse import parts
from factory.transfer.warehouse.parquet import Files
from factory.transfer.warehouse.parts import Column

log = logging.getLogger(__name__)

FILE_BYTES = 128 << 20
"""Of values, before a file of its own begins: several are loaded at once."""
_PARQUET = "TYPE = PARQUET USE_LOGICAL_TYPE = TRUE BINARY_AS_TEXT = FALSE"


@dataclass(frozen=True)
class Staged(parts.Staged):
    """Rows that wait in a transient table."""

    table: Table


def plan(
    target: Table,
    load_id: str,
    columns: tuple[Column, ...],
    rows: int,
    number: str | None,
    keep: bool,
) -> Staged:
    """What the staging is called: each try of a load has a table, and files, of its own."""
    name = f"{_prefix(target, load_id)}{secrets.token_hex(4).upper()}"
    return Staged(target.beside(name), columns, rows, number, keep)


def _prefix(target: Table, load_id: str) -> str:
    digest = hashlib.sha256(f"{target} {load_id}".encode()).hexdigest()[:16].upper()
    return f"{OURS}{target.digest}_{digest}_"


@contextmanager
def staging(connection: Connection, staged: Staged) -> Iterator[None]:
    """Make the staging table, and drop it at the end."""
    number = [Column(staged.number, types.WHOLE, pa.int64())] if staged.number else []
    fields = ", ".join(f"{quoted(c.name)} {c.type}" for c in (*staged.columns, *number))
    table = quoted(staged.table)
    ask(connection, f"CREATE TRANSIENT TABLE {table} ({fields})")
    try:
        yield
    finally:
        with suppress(Exception):  # what stays, the next load drops
            ask(connection, f"DROP TABLE IF EXISTS {table}")


def sweep(connection: Connection, target: Table, load_id: str, stage: Stage) -> None:
    """Drop what killed loads of this target left: earlier tries of this one, and what is old.

    A try that was only thought to be dead then fails, and the one that took its place goes on.
    """
    every, own = f"{OURS}{target.digest}_", _prefix(target, load_id)
    query = f"SELECT TABLE_NAME, CREATED FROM {in_schema('TABLES', target)}"
    before = datetime.now(timezone.utc) - stages.LEFT
    for name, made in ask(connection, f"{query} AND STARTSWITH(TABLE_NAME, {literal(every)})"):
        if name.startswith(own) or made < before:
            ask(connection, f"DROP TABLE IF EXISTS {quoted(target.beside(name))}")
    stage.sweep(every, own.rstrip("_"))


def copy(connection: Connection, staged: Staged, files: Files, stage: Stage) -> float:
    """Fill the staging table; the seconds that it took."""
    started = time.monotonic()
    if not staged.rows:
        return 0.0
    batches = files.batches(staged.given, types.on_wire(staged.given), staged.number)
    with Progress("copying", rows=staged.rows) as progress:
        sent = _by_size(_sent(batches, progress))
        with stage.filled(connection, staged.table, sent) as place:
            _copy(connection, staged, place)
    return time.monotonic() - started


def _sent(batches: Iterator[pa.RecordBatch], progress: Progress) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield _for_parquet(batch)
        progress.add(rows=batch.num_rows, bytes=batch.nbytes)


def _by_size(batches: Iterator[pa.RecordBatch]) -> Iterator[Iterable[pa.RecordBatch]]:
    """Streams of batches, each of no more bytes than a file is to have."""
    for first in batches:
        yield _some(first, batches)


def _some(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    size = first.nbytes
    yield first
    while size < FILE_BYTES and (batch := next(rest, None)) is not None:
        size += batch.nbytes
        yield batch


def _for_parquet(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A time is sent as a text: as a number it would be read as another."""
    arrays = [c.cast(pa.string()) if pa.types.is_time(c.type) else c for c in batch.columns]
    names = [f"c{place}" for place in range(len(arrays))]
    return pa.RecordBatch.from_arrays(arrays, names=names)


def _copy(connection: Connection, staged: Staged, place: str) -> None:
    """The staged files → the table; as many rows as the files hold, or an error."""
    given = [(column.name, column.type) for column in staged.given]
    if staged.number:
        given.append((staged.number, types.WHOLE))
    into = ", ".join(quoted(name) for name, _ in given)
    values = ", ".join(types.selected(f"c{n}", kind) for n, (_, kind) in enumerate(given))
    done = asked(
        connection,
        f"COPY INTO {quoted(staged.table)} ({into}) FROM (SELECT {values}"
        f" FROM {place}) FILE_FORMAT = ({_PARQUET})"
        " ON_ERROR = ABORT_STATEMENT",
    )
    rows = sum(int(file.get("ROWS_LOADED") or 0) for file in done)
    if rows != staged.rows:
        raise TransferError(f"COPY loaded {rows} rows, but the files hold {staged.rows}")
    log.info("copied %d files", len(done))
