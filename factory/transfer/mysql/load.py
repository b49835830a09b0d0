"""Parquet files → a MySQL table, by write, audit, publish."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial

from factory.definitions import writes
from factory.definitions.tables import LOCK_SECONDS, ON_SCHEMA_CHANGE, STATEMENT_SECONDS, policy
from factory.definitions.warehouses import MYSQL, Capabilities
from factory.stores.model import Store
from factory.transfer.errors import BadOption, unknown
from factory.transfer.mysql import (
    keys,
    ledger,
    merge,
    modes,
    publish,
    session,
    staging,
    types,
    unsuited,
    writing,
)
from factory.transfer.mysql import table as tables
from factory.transfer.mysql.modes import Mode, Staged
from factory.transfer.mysql.publish import Job
from factory.transfer.mysql.rows import Rows
from factory.transfer.mysql.session import Address, Connection, name
from factory.transfer.mysql.table import Existing
from factory.transfer.mysql.writing import run
from factory.transfer.warehouse import parquet
from factory.transfer.warehouse.arrivals import Arrivals
from factory.transfer.warehouse.audit import prepare
from factory.transfer.warehouse.load import Checks, Loaded, told
from factory.transfer.warehouse.load import run as run_load
from factory.transfer.warehouse.parquet import Files
from factory.transfer.warehouse.parts import (
    Changed,
    Column,
    Given,
    Limits,
    Noted,
    Table,
    free_name,
    staging_name,
)
from factory.transfer.warehouse.rows import Guard, Subject, raw, together
from factory.transfer.warehouse.schema import Types

_OURS = re.compile("_factory_(loads|files|[0-9a-f]{8}_[0-9a-f]{16}(_old)?)")


def load(
    address: Address,
    store: Store,
    paths: Sequence[str],
    *,
    table: str,
    write: writes.Write,
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

    As `postgres.load.load`; texts of a `primary_key` are short in a table that is made: see `keys`.
    Raises `ChecksFailed`, `SchemaChanged`, `BadRow`, `BadOption`, `TransferError`; the target's
    rows are then as they were, and no staging table is left.
    """
    started = time.monotonic()
    files = parquet.read(store, paths)
    columns = types.columns(files.schema, empty=not files.rows, nulls=files.nulls)
    names = [column.name for column in columns]
    for each in (*primary_key, *(column for index in indexes for column in index)):
        if each not in names:
            raise unknown("column of a key or an index", each, names)
    target = tables.of_connection(table, address.database)
    if _OURS.fullmatch(target.name):
        raise BadOption(f"{target} is a table of our own, and can't be loaded into")
    mode = mode_of(write, Given(columns, interval))
    if mode.once:  # what is copied is summed as it is read
        files = replace(files, sums={})
    job = Job(
        target=target,
        load_id=load_id,
        mode=mode,
        columns=tuple(columns),
        policy=policy(on_schema_change),
        key=mode.key or tuple(primary_key),
        limits=Limits(lock_timeout, statement_timeout),
        primary_key=tuple(primary_key),
        indexes=tuple(map(tuple, indexes)),
        digest=cache(partial(files.digest, columns)) if mode.once else None,
        arrivals=arrivals,
    )
    prepare(checks, names)
    with (
        writing.translated(target, job.limits),
        writing.opened(address, job.limits) as connection,
    ):
        done = run_load(Session(address, connection, job, files), job, files, checks, as_of)
    return told(job, files, done, time.monotonic() - started)


def mode_of(write: writes.Write, given: Given) -> Mode:
    """The mode that this asks for. Raises `BadOption` when the load's columns do not suit it."""
    if isinstance(write, writes.Merge):
        return merge.of(write, given)
    if isinstance(write, writes.Partition):
        return modes.partition(write, given)
    return modes.Append() if isinstance(write, writes.Append) else modes.Replace()


@dataclass(frozen=True)
class Session:
    """One load's session with MySQL; see `warehouse.load.Session`."""

    address: Address
    connection: Connection
    job: Job
    files: Files
    can: Capabilities = MYSQL
    types: Types = types

    def existing(self) -> Existing | None:
        """The target as it is."""
        return publish.existing(self.connection, self.job)

    def turned(self, existing: Existing | None, columns: Sequence[Column]) -> tuple[Column, ...]:
        """In the target's types, as far as they fit."""
        if existing is None:
            return tuple(self._keyed(columns))
        return types.turned(existing, columns)

    def _keyed(self, columns: Sequence[Column]) -> Iterator[Column]:
        key = [column.type for column in columns if column.name in self.job.primary_key]
        for column in columns:
            keyed = column.name in self.job.primary_key
            yield replace(column, type=keys.bounded(column.type, key)) if keyed else column

    def retype(self, columns: Sequence[Column]) -> None:
        """Alter columns."""
        publish.retype(self.connection, self.job.target, list(columns))

    def published_before(self, existing: Existing | None, rows: int) -> bool:
        """Ask the ledger; of a load that ended as it was published, the staging table goes."""
        before = publish.published_before(self.connection, self.job, existing, rows)
        if before and self.job.arrivals is not None:  # that load may not have noted them
            # another load may be choosing its files: it waits
            publishing = publish.publishing(self.connection, self.job)
            with publishing, writing.transaction(self.connection):
                publish.note_files(self.connection, self.job)
        if before:
            staging.sweep(self.connection, self.job.target)
        return before

    def noted(self, existing: Existing) -> Noted | None:
        """Ask the ledger."""
        found = ledger.find(self.connection, self.job.target, self.job.load_id)
        if found is None:
            return None
        return Noted(found.rows, found.when, found.checks or "", found.made == existing.made)

    def previous_rows(self) -> int | None:
        """Ask the ledger."""
        return ledger.previous_rows(self.connection, self.job.target, self.job.load_id)

    def refuse_target(self, existing: Existing) -> None:
        """An engine without transactions, what others would lose, columns that the mode needs."""
        publish.refuse_target(self.connection, self.job, existing)

    def plan(
        self, existing: Existing | None, columns: tuple[Column, ...], rows: int, keep: bool
    ) -> Staged:
        """A table beside the target; made like it, where it may take its place."""
        job = self.job
        own = [*existing.columns] if existing else []
        like = job.mode.whole and own == [column.name for column in columns]
        needs_key = self._needs_key(existing)
        like = like and publish.may_move(self.connection, job.target)
        like = like and not (
            needs_key and "PRIMARY" not in tables.uniques(self.connection, job.target)
        )
        numbered = job.mode.numbered or (needs_key and not like)
        return Staged(
            Table(job.target.schema, staging_name(job.target, job.load_id)),
            columns,
            rows,
            number=free_name(columns, "_factory_row") if numbered else None,
            keep=keep,
            texts=types.texts(existing, columns),
            filled=self._filled(existing, columns),
            like=job.target if like else None,
            joined=existing is not None,
        )

    def _needs_key(self, existing: Existing | None) -> bool:
        """Must each table have a primary key? Then the number of a row is that of the staged."""
        needed = tables.need_key(self.connection)
        if needed and existing is None and not self.job.primary_key:
            raise BadOption(
                f"the server takes no table without a primary key, and {self.job.target} is to be "
                "made",
                "Name one: `primary_key` of the target",
            )
        return needed

    def _filled(self, existing: Existing | None, columns: tuple[Column, ...]) -> tuple[str, ...]:
        filled = existing.filled if existing else frozenset(self.job.primary_key)
        return tuple(column.name for column in columns if column.given and column.name in filled)

    @contextmanager
    def staging(self, staged: Staged) -> Iterator[None]:
        """See `staging`."""
        tables.ensure_database(self.connection, self.job.target)
        limits = self.job.limits
        with staging.staging(self.address, self.connection, self.job.target, staged, limits):
            yield

    def taken_up(self, existing: Existing | None, staged: Staged) -> None:
        """A publish ends with the session of who began it."""

    def copy(self, staged: Staged) -> float:
        """By one LOAD DATA LOCAL, if the server takes it."""
        with self._unsuited(staged):
            return staging.copy(self.connection, self.job.target, staged, self.files)

    def _unsuited(self, staged: Staged) -> AbstractContextManager[None]:
        return unsuited.told(self.connection, self.job, staged, self.files)

    @contextmanager
    def apart(self, subject: Subject, checks: Checks) -> Iterator[Rows]:
        """A session that can only read."""
        if not checks:
            yield Rows(self.connection, subject)
            return
        self.connection.ping(reconnect=False)  # a server that is gone is missed by who had it
        with session.opened(self.address, self.job.limits.statement) as another:
            yield Rows(another, subject)

    def tidy(self, staged: Staged) -> int:
        """What the mode leaves out."""
        return self.job.mode.tidy(self.connection, staged)

    def guard(self, staged: Staged) -> Guard[Connection] | None:
        """What the mode refuses, and nulls where the target takes none."""
        return together(self.job.mode.guard(self.connection, staged), self._nulls(staged))

    def _nulls(self, staged: Staged) -> Guard[Connection] | None:
        if not staged.filled:
            return None
        doubt = " OR ".join(f"max({name(column)} IS NULL)" for column in staged.filled)
        refuse = partial(publish.refuse_nulls, self.job.target, staged)
        return Guard(raw(f"coalesce({doubt}, false)"), refuse)

    def ready(self, staged: Staged) -> None:
        """Build the keys of a table that becomes the target; have the digest."""
        if self.job.digest is not None:
            self.job.digest()
        self.job.mode.ready(self.connection, staged)
        if not staged.joined and (added := [*self._altered(staged)]):
            with self._unsuited(staged):
                run(self.connection, f"ALTER TABLE {tables.sql(staged.table)} {', '.join(added)}")

    def _altered(self, staged: Staged) -> Iterator[str]:
        if staged.number:
            yield f"DROP COLUMN {name(staged.number)}"
        kinds = {column.name: column.type for column in staged.columns}
        if self.job.primary_key:
            yield f"ADD PRIMARY KEY ({tables.names(self.job.primary_key)})"
        for index in self.job.indexes:
            yield f"ADD INDEX ({keys.indexed(index, kinds)})"

    def publishing(self) -> AbstractContextManager[None]:
        """Under a lock of the server."""
        return publish.publishing(self.connection, self.job)

    def look(self) -> Existing | None:
        """See `publish`."""
        return publish.look(self.connection, self.job)

    def swaps(self, existing: Existing, staged: Staged) -> bool:
        """See `publish`."""
        return publish.swaps(self.connection, self.job, existing, staged)

    def grow(self, columns: Sequence[Column]) -> None:
        """Add columns."""
        publish.grow(self.connection, self.job.target, list(columns))

    def transaction(self) -> AbstractContextManager[None]:
        """See `publish`."""
        return publish.transaction(self.connection, self.job)

    def write(self, existing: Existing | None, staged: Staged, *, swaps: bool) -> Changed:
        """See `publish`."""
        with self._unsuited(staged):
            return publish.write(
                *(self.connection, self.job, existing, staged, types),
                swaps=swaps,
                previous=self.previous_rows(),
            )

    def record(self, existing: Existing | None, staged: Staged, previous: int | None) -> None:
        """See `ledger`."""
        publish.record(self.connection, self.job, staged, previous)
