"""Parquet files → a PostgreSQL table, by write, audit, publish."""

import logging
import re
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import fsspec

from factory.definitions.checks import Check, RowCount
from factory.definitions.tables import LOCK_SECONDS, ON_SCHEMA_CHANGE, STATEMENT_SECONDS, policy
from factory.definitions.writes import Write
from factory.transfer.errors import BadOption, TransferError
from factory.transfer.postgres import (
    accounts,
    ledger,
    lengths,
    modes,
    parquet,
    schema,
    session,
    swap,
)
from factory.transfer.postgres import columns as cols
from factory.transfer.postgres import indexes as idx
from factory.transfer.postgres import publish as publishing
from factory.transfer.postgres import table as tables
from factory.transfer.postgres.modes import Changed, Staged
from factory.transfer.postgres.parquet import Files
from factory.transfer.postgres.publish import Job
from factory.transfer.postgres.rows import Rows
from factory.transfer.postgres.session import Limits
from factory.transfer.postgres.staging import copy, staging
from factory.transfer.postgres.table import Connection, Existing
from factory.transfer.warehouse import audit as audits
from factory.transfer.warehouse.audit import Result
from factory.transfer.warehouse.rows import Subject, together

log = logging.getLogger(__name__)

Checks = Sequence[Check]


@dataclass(frozen=True)
class Loaded:
    """What a load did. Rows: `read` = `quarantined` + `dropped` + `rows`."""

    table: str
    mode: str
    published: bool  # false: this load was published before, or an empty one made no table
    read: int
    quarantined: int
    dropped: int  # outside the interval of a partition, or followed by a later row of its key
    rows: int
    bytes: int
    seconds: float
    changed: Changed | None
    checks: tuple[Result, ...]
    peak_memory: int  # of this process, in bytes


@dataclass(frozen=True)
class _Outcome:
    dropped: int = 0
    changed: Changed | None = None
    checks: tuple[Result, ...] = ()
    instead: str = "had published before"  # where nothing has changed


def load(
    uri: str,
    fs: fsspec.AbstractFileSystem,
    paths: Sequence[str],
    *,
    table: str,
    write: Write,
    checks: Checks = (),
    load_id: str,
    primary_key: Sequence[str] = (),
    indexes: Sequence[Sequence[str]] = (),
    on_schema_change: str = ON_SCHEMA_CHANGE,
    interval: tuple[datetime, datetime] | None = None,
    as_of: datetime | None = None,
    lock_timeout: float = LOCK_SECONDS,
    statement_timeout: float = STATEMENT_SECONDS,
) -> Loaded:
    """Load the files into `table`; the same `load_id` again leaves the same rows.

    The rows of a `partition` are those of `interval`, unless it says its own. `as_of` is what a
    check of freshness compares with (None: now). Time-outs are in seconds, 0 for none. Raises
    `ChecksFailed`, `SchemaChanged`, `BadRow`, `BadOption`, `TransferError`; the target's rows are
    then as they were, and no staging table is left.
    """
    started = time.monotonic()
    files = parquet.read(fs, paths)
    columns = cols.columns(files.schema, empty=not files.rows)
    names = [column.name for column in columns]
    target = tables.parse(table)
    if target.name == ledger.NAME or re.match(tables.STAGING, target.name):
        raise BadOption(f"{target} is a table of our own, and can't be loaded into")
    mode = modes.of(write, modes.Given(columns, interval))
    job = Job(
        target=target,
        load_id=load_id,
        mode=mode,
        columns=tuple(columns),
        indexes=idx.wanted(primary_key, indexes, names),
        policy=policy(on_schema_change),
        limits=Limits(lock_timeout, statement_timeout),
        digest=files.digest(columns) if mode.once else None,
    )
    audits.prepare(checks, names)
    with session.translated(job.target, job.limits):
        done = _run(uri, job, files, checks, as_of)
    return _told(job, files, done, time.monotonic() - started)


def _run(uri: str, job: Job, files: Files, checks: Checks, as_of: datetime | None) -> _Outcome:
    with session.connected(uri, job.limits) as connection:
        if not job.mode.once:
            session.see_every_row(connection)
        existing = tables.existing(connection, job.target)
        if publishing.published_before(connection, job, existing, files.rows):
            return _Outcome()
        columns = _staged_columns(connection, job, existing, files.rows)
        whole = job.mode.whole or (existing is None and not job.mode.numbered)
        staged = Staged(
            tables.staging(job.target, job.load_id),
            columns,
            files.rows,
            logged=whole and not swap.told(connection, job.target.schema),
            number=_free_name(columns) if job.mode.numbered else None,
            keep=existing is not None or _tells_a_table(files, columns),
            bounds=lengths.bounds(existing, columns),
            loose={} if existing is None else existing.loose,
        )
        if not staged.keep:  # what else could be asked of no rows of no type?
            checks = [check for check in checks if isinstance(check, RowCount)]
        if existing is not None:
            accounts.refuse(connection, job.target, existing, job.mode, staged)
        previous = None
        if existing is not None:
            previous = ledger.previous_rows(connection, job.target, job.load_id)
        subject = _subject(job, staged, as_of, previous)
        with staging(uri, connection, job.target, staged):
            with _apart(uri, connection, job, checks) as another:
                audits.verify(Rows(another, subject), checks)
            copying = copy(uri, staged, files, job.limits)
            return _checked(uri, connection, job, staged, subject, checks, copying)


def _tells_a_table(files: Files, columns: Sequence[cols.Column]) -> bool:
    """Would a table that is made of these rows, or of none, take those of the next load?

    In a file of no rows, a column that our conversion could give no type may have any; of another
    program's file, the types are what it says.
    """
    guessed = [column.guessed for column in columns]
    return files.rows > 0 or not any(guessed) or not (all(guessed) or files.counts.noted)


@contextmanager
def _apart(uri: str, connection: Connection, job: Job, checks: Checks) -> Iterator[Connection]:
    """A session for a person's SQL, which may set what it likes there, and give up locks."""
    if not checks:
        yield connection
        return
    connection.execute("SELECT 1")  # a server that is gone is missed by who had it
    with session.connected(uri, job.limits) as another:
        yield another


def _checked(
    uri: str,
    connection: Connection,
    job: Job,
    staged: Staged,
    subject: Subject,
    checks: Checks,
    copying: float,
) -> _Outcome:
    """Audit the staged rows and publish them."""
    copied = time.monotonic()
    dropped = job.mode.tidy(connection, staged)
    guard = together(job.mode.guard(staged), lengths.guard(job.target, staged))
    with _apart(uri, connection, job, checks) as another:
        rows, results = audits.audit(Rows(another, subject), checks, guard)
    if rows != staged.rows - dropped:
        raise TransferError(f"{rows + dropped} rows arrived, but the files hold {staged.rows}")
    staged = replace(staged, rows=rows)
    if not staged.keep:
        guessed = [column.name for column in staged.columns if column.guessed]
        log.warning(
            "there is no row, no table %s, and nothing tells the types of %s: none is made. "
            "Declare them under `columns` of the format, and an empty one will be",
            *(job.target, guessed),
        )
        return _Outcome(dropped, None, tuple(results), "made no table for")
    if staged.logged:
        idx.build(connection, staged.table, job.indexes)
    audited = time.monotonic()
    changed = publishing.publish(connection, job, staged, subject.previous_rows)
    log.info(
        "seconds: copy %.2f, checks and indexes %.2f, publish %.2f",
        copying,
        audited - copied,
        time.monotonic() - audited,
    )
    return _Outcome(dropped, changed, tuple(results))


def _staged_columns(
    connection: Connection, job: Job, existing: Existing | None, rows: int
) -> tuple[cols.Column, ...]:
    """Find out what will hinder the publish before any row is moved; it looks again."""
    fit = schema.fit(job.target, existing, job.columns, job.policy)
    if existing is None:
        return fit.loaded
    session.refuse_without_rights(connection, job.target, existing.oid, job.mode.needs)
    if fit.ignored:
        log.warning("%s does not have the columns %s: ignored", job.target, list(fit.ignored))
    cols.refuse_too_many(len(existing.columns) + len(fit.new))
    job.mode.verify(existing)
    if existing.unlogged:
        log.warning("%s is unlogged: a crash of the server empties it", job.target)
    if job.mode.whole:
        return schema.like(existing, fit.loaded)
    return fit.loaded if rows else schema.typed(existing, fit.loaded)


def _free_name(columns: Sequence[cols.Column]) -> str:
    taken, name = {column.name for column in columns}, "_factory_row"
    while name in taken:
        name += "_"
    return name


def _subject(job: Job, staged: Staged, as_of: datetime | None, previous: int | None) -> Subject:
    primary = next((index.columns for index in job.indexes if index.primary), ())
    names = [column.name for column in staged.given]
    key = job.mode.key or primary
    return Subject(staged.table, names, key=key, as_of=as_of, previous_rows=previous)


def _told(job: Job, files: Files, done: _Outcome, seconds: float) -> Loaded:
    loaded = Loaded(
        table=str(job.target),
        mode=job.mode.name,
        published=done.changed is not None,
        read=files.counts.read,
        quarantined=files.counts.quarantined,
        dropped=done.dropped,
        rows=files.rows - done.dropped,
        bytes=files.bytes,
        seconds=seconds,
        changed=done.changed,
        checks=done.checks,
        peak_memory=_peak_memory(),
    )
    log.info(
        "%s %s by %s: %d rows (%d read, %d quarantined, %d dropped), %s, "
        "%d bytes of Parquet in %.2f s, peak memory %d MB",
        "published" if loaded.published else done.instead,
        loaded.table,
        loaded.mode,
        loaded.rows,
        loaded.read,
        loaded.quarantined,
        loaded.dropped,
        _changes(done.changed),
        loaded.bytes,
        seconds,
        loaded.peak_memory // 2**20,
    )
    return loaded


def _changes(changed: Changed | None) -> str:
    if changed is None:
        return "nothing to do"
    return f"{changed.inserted} inserted, {changed.updated} updated, {changed.deleted} deleted"


def _peak_memory() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
