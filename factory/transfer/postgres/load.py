"""Parquet files → a PostgreSQL table, by write, audit, publish."""

import logging
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial

from factory.definitions.tables import LOCK_SECONDS, ON_SCHEMA_CHANGE, STATEMENT_SECONDS, policy
from factory.definitions.warehouses import POSTGRES, Capabilities
from factory.definitions.writes import Write
from factory.stores.model import Store
from factory.transfer.errors import BadOption
from factory.transfer.postgres import (
    accounts,
    enums,
    forms,
    ledger,
    lengths,
    modes,
    session,
    swap,
    turns,
)
from factory.transfer.postgres import columns as cols
from factory.transfer.postgres import indexes as idx
from factory.transfer.postgres import publish as publishing
from factory.transfer.postgres import table as tables
from factory.transfer.postgres.arrivals import NAME as FILES
from factory.transfer.postgres.modes import Changed, Staged
from factory.transfer.postgres.publish import Job
from factory.transfer.postgres.rows import Rows
from factory.transfer.postgres.staging import copy, staging, sweep
from factory.transfer.postgres.table import Connection, Existing
from factory.transfer.warehouse import parquet
from factory.transfer.warehouse.arrivals import Arrivals
from factory.transfer.warehouse.audit import prepare
from factory.transfer.warehouse.load import Checks, Loaded, run, told
from factory.transfer.warehouse.parquet import Files
from factory.transfer.warehouse.parts import Column, Limits, Noted, free_name
from factory.transfer.warehouse.rows import Guard, Subject, together
from factory.transfer.warehouse.schema import Types

log = logging.getLogger(__name__)


def load(
    uri: str,
    store: Store,
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
    arrivals: Arrivals | None = None,
    as_of: datetime | None = None,
    lock_timeout: float = LOCK_SECONDS,
    statement_timeout: float = STATEMENT_SECONDS,
) -> Loaded:
    """Load the files into `table`; the same `load_id` again leaves the same rows.

    The rows of a `partition` are those of `interval`, unless it says its own. `arrivals` are the
    source's files where each is loaded once: noted with the rows. `as_of` is what a check of
    freshness compares with (None: now). Time-outs are in seconds, 0 for none. Raises
    `ChecksFailed`, `SchemaChanged`, `BadRow`, `BadOption`, `TransferError`; the target's rows are
    then as they were, and no staging table is left.
    """
    started = time.monotonic()
    files = parquet.read(store, paths)
    columns = cols.columns(files.schema, empty=not files.rows, nulls=files.nulls)
    names = [column.name for column in columns]
    target = tables.parse(table)
    if target.name in (ledger.NAME, FILES) or re.match(tables.STAGING, target.name):
        raise BadOption(f"{target} is a table of our own, and can't be loaded into")
    mode = modes.of(write, modes.Given(columns, interval))
    if mode.once:
        files = replace(files, sums={})
    wanted = idx.wanted(primary_key, indexes, names)
    job = Job(
        target=target,
        load_id=load_id,
        mode=mode,
        columns=tuple(columns),
        policy=policy(on_schema_change),
        key=mode.key or next((index.columns for index in wanted if index.primary), ()),
        indexes=wanted,
        limits=Limits(lock_timeout, statement_timeout),
        digest=cache(partial(files.digest, columns)) if mode.once else None,
        arrivals=arrivals,
    )
    prepare(checks, names)
    with session.translated(job.target, job.limits), _connected(uri, job) as connection:
        done = run(Session(uri, connection, job, files), job, files, checks, as_of)
    return told(job, files, done, time.monotonic() - started)


@contextmanager
def _connected(uri: str, job: Job) -> Iterator[Connection]:
    with session.connected(uri, job.limits) as connection:
        if not job.mode.once:
            session.see_every_row(connection)
        yield connection


@dataclass(frozen=True)
class Session:
    """One load's session with PostgreSQL; see `warehouse.load.Session`."""

    uri: str
    connection: Connection
    job: Job
    files: Files
    can: Capabilities = POSTGRES
    types: Types = cols

    def existing(self) -> Existing | None:
        """The target as it is."""
        return tables.existing(self.connection, self.job.target)

    def turned(self, existing: Existing | None, columns: Sequence[Column]) -> tuple[Column, ...]:
        """See `turns`; what is of a PostgreSQL, too, is not turned where it need not be."""
        found = enums.found(self.connection, self.files.schema, existing, columns)
        version = self.connection.info.server_version
        return forms.at_once(turns.turned(existing, found), version)

    def retype(self, columns: Sequence[Column]) -> None:
        """Alter columns, as their owner."""
        tables.retype(self.connection, self.job.target, columns, self.job.limits.lock)

    def published_before(self, existing: Existing | None, rows: int) -> bool:
        """Ask the ledger, and the table's files; what a try that was killed has left goes."""
        found = publishing.published_before(self.connection, self.job, existing, rows)
        if found and self.job.arrivals is not None:  # that load may not have noted them
            publishing.ensure(self.connection, self.job)
            with self.connection.transaction():
                publishing.note_files(self.connection, self.job)
        if found:
            sweep(self.connection, self.job.target)
        return found

    def noted(self, existing: Existing) -> Noted | None:
        """Ask the ledger."""
        found = ledger.find(self.connection, self.job.target, existing.oid, self.job.load_id)
        if found is None:
            return None
        return Noted(found.rows, found.when, found.checks or "", found.oid == existing.oid)

    def previous_rows(self) -> int | None:
        """Ask the ledger."""
        return ledger.previous_rows(self.connection, self.job.target, self.job.load_id)

    def refuse_target(self, existing: Existing) -> None:
        """Rights that the role has not, and columns that the mode needs."""
        target, mode = self.job.target, self.job.mode
        session.refuse_without_rights(self.connection, target, existing.oid, mode.needs)
        mode.verify(existing)
        if existing.unlogged:
            log.warning("%s is unlogged: a crash of the server empties it", target)

    def plan(
        self, existing: Existing | None, columns: tuple[Column, ...], rows: int, keep: bool
    ) -> Staged:
        """An unlogged table, unless it may become the target itself."""
        job = self.job
        whole = job.mode.whole or (existing is None and not job.mode.numbered)
        staged = Staged(
            tables.staging(job.target, job.load_id),
            columns,
            rows,
            logged=whole and not swap.told(self.connection, job.target.schema),
            number=free_name(columns, "_factory_row") if job.mode.numbered else None,
            keep=keep,
            bounds=lengths.bounds(existing, columns),
            loose={} if existing is None else existing.loose,
            bases={} if existing is None else existing.bases,
        )
        if existing is not None:
            accounts.refuse(self.connection, job.target, existing, job.mode, staged)
        return staged

    def staging(self, staged: Staged) -> AbstractContextManager[None]:
        """See `staging`."""
        return staging(self.uri, self.connection, self.job.target, staged)

    def taken_up(self, existing: Existing | None, staged: Staged) -> None:
        """A publish ends with the session of who began it."""

    def copy(self, staged: Staged) -> float:
        """By one binary COPY; what has arrived as another type becomes what it is to be."""
        turns.open_up(self.connection, staged)
        seconds = copy(self.uri, staged, self.files, self.job.limits)
        turns.settle(self.connection, self.job.target, staged, self.files)
        return seconds

    @contextmanager
    def apart(self, subject: Subject, checks: Checks) -> Iterator[Rows]:
        """A session for a person's SQL, which may set what it likes there, and give up locks."""
        if not checks:
            yield Rows(self.connection, subject)
            return
        self.connection.execute("SELECT 1")  # a server that is gone is missed by who had it
        with session.connected(self.uri, self.job.limits) as another:
            yield Rows(another, subject)

    def tidy(self, staged: Staged) -> int:
        """What the mode leaves out."""
        return self.job.mode.tidy(self.connection, staged)

    def guard(self, staged: Staged) -> Guard[Connection] | None:
        """What the mode and the target's columns refuse."""
        return together(self.job.mode.guard(staged), lengths.guard(self.job.target, staged))

    def ready(self, staged: Staged) -> None:
        """Build the indexes of a table that may become the target; have the digest."""
        if self.job.digest is not None:
            self.job.digest()
        if staged.logged:
            idx.build(self.connection, staged.table, self.job.indexes)

    def publishing(self) -> AbstractContextManager[None]:
        """Under advisory locks."""
        return publishing.publishing(self.connection, self.job)

    def look(self) -> Existing | None:
        """See `publish`."""
        return publishing.look(self.connection, self.job)

    def swaps(self, existing: Existing, staged: Staged) -> bool:
        """See `publish`."""
        return publishing.swaps(self.connection, self.job, existing, staged)

    def grow(self, columns: Sequence[Column]) -> None:
        """Add columns, as their owner."""
        tables.grow(self.connection, self.job.target, columns, self.job.limits.lock)

    def transaction(self) -> AbstractContextManager[None]:
        """See `publish`."""
        return publishing.transaction(self.connection, self.job)

    def write(self, existing: Existing | None, staged: Staged, *, swaps: bool) -> Changed:
        """See `publish`."""
        return publishing.write(self.connection, self.job, existing, staged, swaps=swaps)

    def record(self, existing: Existing | None, staged: Staged, previous: int | None) -> None:
        """See `ledger`."""
        publishing.record(self.connection, self.job, existing, staged, previous)
