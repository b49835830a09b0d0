"""Parquet files → a PostgreSQL table, by write, audit, publish."""

import logging
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import fsspec

from factory.transfer.errors import TransferError
from factory.transfer.postgres import checks as audits
from factory.transfer.postgres import columns as cols
from factory.transfer.postgres import indexes as idx
from factory.transfer.postgres import ledger, modes, parquet, schema, session
from factory.transfer.postgres import publish as publishing
from factory.transfer.postgres import table as tables
from factory.transfer.postgres.checks import Result, Subject
from factory.transfer.postgres.modes import Changed, Staged
from factory.transfer.postgres.parquet import Files
from factory.transfer.postgres.publish import Job
from factory.transfer.postgres.session import Limits
from factory.transfer.postgres.staging import copy, staging
from factory.transfer.postgres.table import Connection, Existing

log = logging.getLogger(__name__)

Checks = Sequence[Mapping[str, object]]


@dataclass(frozen=True)
class Loaded:
    """What a load did. Rows: `read` = `quarantined` + `dropped` + `rows`."""

    table: str
    mode: str
    published: bool  # false: this load was published before
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


def load(
    uri: str,
    fs: fsspec.AbstractFileSystem,
    paths: Sequence[str],
    *,
    table: str,
    write: Mapping[str, object],
    checks: Checks = (),
    load_id: str,
    primary_key: Sequence[str] = (),
    indexes: Sequence[Sequence[str]] = (),
    on_schema_change: str = "fail",
    interval: tuple[datetime, datetime] | None = None,
    as_of: datetime | None = None,
    lock_timeout: float = 600.0,
    statement_timeout: float = 3600.0,
) -> Loaded:
    """Load the files into `table`; the same `load_id` again leaves the same rows.

    `write` is `{mode: append}`, `{mode: replace}`, `{mode: merge, key: […]}` or `{mode: partition,
    column: …}`, whose rows are those of `interval`. `as_of` is what a check of freshness compares
    with (None: now). Time-outs are in seconds, 0 for none. Raises `ChecksFailed`, `SchemaChanged`,
    `BadRow`, `BadOption`, `TransferError`; the target's rows are then as they were, and no staging
    table is left.
    """
    started = time.monotonic()
    files = parquet.read(fs, paths)
    columns = cols.columns(files.schema)
    names = [column.name for column in columns]
    job = Job(
        target=tables.parse(table),
        load_id=load_id,
        mode=modes.parse(write, modes.Given(columns, interval)),
        columns=tuple(columns),
        indexes=idx.wanted(primary_key, indexes, names),
        policy=schema.policy(on_schema_change),
        limits=Limits(lock_timeout, statement_timeout),
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
        if publishing.published_before(connection, job, existing):
            return _Outcome()
        columns = _staged_columns(connection, job, existing)
        staged = Staged(
            tables.staging(job.target, job.load_id),
            columns,
            files.rows,
            logged=job.mode.whole or (existing is None and not job.mode.numbered),
            number=_free_name(columns) if job.mode.numbered else None,
        )
        previous = None
        if existing is not None:
            previous = ledger.previous_rows(connection, job.target, job.load_id)
        subject = _subject(job, staged, as_of, previous)
        with staging(uri, connection, job.target, staged):
            audits.verify(connection, subject, checks)
            copying = copy(uri, staged, files, job.limits)
            return _checked(connection, job, staged, subject, checks, copying)


def _checked(
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
    rows, results = audits.audit(connection, subject, checks, job.mode.guard(staged))
    if rows != staged.rows - dropped:
        raise TransferError(f"{rows + dropped} rows arrived, but the files hold {staged.rows}")
    staged = replace(staged, rows=rows)
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
    connection: Connection, job: Job, existing: Existing | None
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
    return schema.like(existing, fit.loaded) if job.mode.whole else fit.loaded


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
        "published" if loaded.published else "had published before",
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
