"""The staging table, and the files on their way into it; both are gone at the end."""

from __future__ import annotations

import hashlib
import logging
import secrets
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from factory.transfer.errors import TransferError
from factory.transfer.progress import Progress
from factory.transfer.snowflake import types
from factory.transfer.snowflake.names import OURS, Table, literal, quoted
from factory.transfer.snowflake.session import Connection, ask, asked, in_schema
from factory.transfer.warehouse import parts
from factory.transfer.warehouse.parquet import Files
from factory.transfer.warehouse.parts import Column

log = logging.getLogger(__name__)

LEFT = timedelta(days=1)
"""A staging table that is older is one of a killed load, of whatever run."""
FILE_BYTES = 128 << 20
"""Of values, before a file of its own begins: several are loaded at once."""
_AT_ONCE = 4  # pieces of a file
_PARQUET = "TYPE = PARQUET USE_LOGICAL_TYPE = TRUE BINARY_AS_TEXT = FALSE"


@dataclass(frozen=True)
class Staged(parts.Staged):
    """Rows that wait in a transient table; their files lie in a stage of the session."""

    table: Table
    stage: str = ""  # as SQL names it
    path: str = ""  # below it: of this load and try alone, since a stage knows what was loaded


def plan(
    target: Table,
    load_id: str,
    columns: tuple[Column, ...],
    rows: int,
    number: str | None,
    keep: bool,
) -> Staged:
    """What the staging is called: each try of a load has a table, and a path, of its own."""
    name = f"{_prefix(target, load_id)}{secrets.token_hex(4).upper()}"
    table = target.beside(name)
    return Staged(
        *(table, columns, rows, number, keep),
        stage=f"@{quoted(table)}",
        path=name.removeprefix(OURS).lower(),
    )


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


def sweep(connection: Connection, target: Table, load_id: str) -> None:
    """Drop what killed loads of this target left: earlier tries of this one, and what is old.

    A try that was only thought to be dead then fails, and the one that took its place goes on.
    """
    prefix = literal(f"{OURS}{target.digest}_")
    query = f"SELECT TABLE_NAME, CREATED FROM {in_schema('TABLES', target)}"
    own, before = _prefix(target, load_id), datetime.now(timezone.utc) - LEFT
    for name, made in ask(connection, f"{query} AND STARTSWITH(TABLE_NAME, {prefix})"):
        if name.startswith(own) or made < before:
            ask(connection, f"DROP TABLE IF EXISTS {quoted(target.beside(name))}")


def copy(connection: Connection, staged: Staged, files: Files) -> float:
    """Fill the staging table; the seconds that it took."""
    started = time.monotonic()
    if not staged.rows:
        return 0.0
    ask(connection, f"CREATE OR REPLACE TEMPORARY STAGE {quoted(staged.table)}")
    with tempfile.TemporaryDirectory(prefix="factory-snowflake-") as folder:
        for file in written(staged, files, Path(folder)):
            _put(connection, staged, file)
            file.unlink()
    _copy(connection, staged)
    return time.monotonic() - started


def written(staged: Staged, files: Files, folder: Path) -> Iterator[Path]:
    """The rows, in files of a sane size: columns are named by their places."""
    batches = files.batches(staged.given, types.on_wire(staged.given), staged.number)
    with Progress("copying", rows=staged.rows) as progress:
        for place, some in enumerate(_by_size(batches)):
            path = folder / f"{place:05}.parquet"
            writer: pq.ParquetWriter | None = None
            for batch in some:
                sent = _for_parquet(batch)
                writer = writer or pq.ParquetWriter(path, sent.schema, compression="zstd")
                writer.write_batch(sent)
                progress.add(rows=batch.num_rows, bytes=batch.nbytes)
            assert writer is not None
            writer.close()
            yield path


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


def _put(connection: Connection, staged: Staged, file: Path) -> None:
    local = literal(f"file://{file}")
    (done,) = asked(
        connection,
        f"PUT {local} {staged.stage}/{staged.path} AUTO_COMPRESS = FALSE"
        f" SOURCE_COMPRESSION = NONE OVERWRITE = TRUE PARALLEL = {_AT_ONCE}",
    )
    if done["STATUS"] != "UPLOADED":
        raise TransferError(f"{file.name} was not uploaded: {done['STATUS']} {done['MESSAGE']}")


def _copy(connection: Connection, staged: Staged) -> None:
    """The staged files → the table; as many rows as the files hold, or an error."""
    given = [(column.name, column.type) for column in staged.given]
    if staged.number:
        given.append((staged.number, types.WHOLE))
    into = ", ".join(quoted(name) for name, _ in given)
    values = ", ".join(types.selected(f"c{n}", kind) for n, (_, kind) in enumerate(given))
    done = asked(
        connection,
        f"COPY INTO {quoted(staged.table)} ({into}) FROM (SELECT {values}"
        f" FROM {staged.stage}/{staged.path}/) FILE_FORMAT = ({_PARQUET})"
        " ON_ERROR = ABORT_STATEMENT",
    )
    rows = sum(int(file.get("ROWS_LOADED") or 0) for file in done)
    if rows != staged.rows:
        raise TransferError(f"COPY loaded {rows} rows, but the files hold {staged.rows}")
    log.info("copied %d files", len(done))
