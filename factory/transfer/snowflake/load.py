"""Parquet files → a Snowflake table, in the order of all warehouses."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from factory.definitions.tables import LOCK_SECONDS, ON_SCHEMA_CHANGE, STATEMENT_SECONDS, policy
from factory.definitions.warehouses import SNOWFLAKE, Capabilities
from factory.definitions.writes import Write
from factory.stores.model import Place, Store
from factory.transfer.errors import BadOption, unknown
from factory.transfer.snowflake import arrivals as files_of
from factory.transfer.snowflake import ledger, modes, names, publish, session, stages, types
from factory.transfer.snowflake import staging as stagings
from factory.transfer.snowflake import table as tables
from factory.transfer.snowflake.publish import Job
from factory.transfer.snowflake.rows import Rows
from factory.transfer.snowflake.session import Account, Connection, Limits
from factory.transfer.snowflake.stages import Stage
from factory.transfer.snowflake.staging import Staged
from factory.transfer.snowflake.table import Existing
from factory.transfer.warehouse import parquet, schema
from factory.transfer.warehouse.arrivals import Arrivals
from factory.transfer.warehouse.audit import prepare
from factory.transfer.warehouse.load import Checks, Loaded, run, told
from factory.transfer.warehouse.parquet import Files
from factory.transfer.warehouse.parts import Changed, Column, Given, Noted, free_name
from factory.transfer.warehouse.rows import Subject
from factory.transfer.warehouse.schema import Types

log = logging.getLogger(__name__)


def load(
    account: Account,
    store: Store,
    paths: Sequence[str],
    *,
    table: str,
    write: Write,
    checks: Checks = (),
    load_id: str,
    cluster_by: Sequence[str] = (),
    arrivals: Arrivals | None = None,
    via: tuple[str, Place] | None = None,
    on_schema_change: str = ON_SCHEMA_CHANGE,
    interval: tuple[datetime, datetime] | None = None,
    as_of: datetime | None = None,
    lock_timeout: float = LOCK_SECONDS,
    statement_timeout: float = STATEMENT_SECONDS,
) -> Loaded:
    """Load the files into `table`; the same `load_id` again leaves the same rows.

    The rows of a `partition` are those of `interval`, unless it says its own. `arrivals` are the
    source's files, each of which is loaded once. `via` names a stage over a bucket, and a folder
    there that files go through; else they go through a stage of the load's own. `as_of` is what a
    check of freshness compares with (None: now). Time-outs are in seconds, 0 for none. Raises
    `ChecksFailed`, `SchemaChanged`, `BadRow`, `BadOption`, `TransferError`; the target's rows are
    then as they were.
    """
    started = time.monotonic()
    files = parquet.read(store, paths)
    columns = types.columns(files.schema, empty=not files.rows, nulls=files.nulls)
    given = [column.name for column in columns]
    names.refuse_alike(given)
    target = names.table(table, account.database, account.schema or SNOWFLAKE.default_schema)
    _refuse(target)
    for name in cluster_by:
        if name not in given:
            raise unknown("column in cluster_by", name, given)
    mode = modes.of(write, Given(columns, interval))
    job = Job(
        target=target,
        load_id=load_id,
        mode=mode,
        columns=tuple(columns),
        policy=policy(on_schema_change),
        key=mode.key,
        digest=files.digest(columns) if mode.once else "",
        cluster_by=tuple(cluster_by),
        arrivals=arrivals,
    )
    prepare(checks, given)
    limits = Limits(lock_timeout, statement_timeout)
    with session.told(str(target), limits), session.connected(account, limits) as connection:
        stage = _stage(connection, target, via, account.name)
        own = Session(account, limits, connection, job, files, stage)
        done = run(own, job, files, checks, as_of)
    return told(job, files, done, time.monotonic() - started)


def _stage(
    connection: Connection, target: names.Table, via: tuple[str, Place] | None, account: str
) -> Stage:
    if via is None:
        return stages.Own()
    name, folder = via
    stage = names.table(name, target.database, target.schema)
    return stages.external(connection, stage, folder, account)


def _refuse(target: names.Table) -> None:
    if not target.database:
        raise BadOption(
            f"{target} is in no database",
            "Write `database.schema.table`, or give the connection's extra a `database`",
        )
    if ledger.is_ours(target.name):
        raise BadOption(f"{target} is a table of our own, and can't be loaded into")


@dataclass(frozen=True)
class Session:
    """One load's session with Snowflake; see `warehouse.load.Session`."""

    account: Account
    limits: Limits
    connection: Connection
    job: Job
    files: Files
    stage: Stage
    can: Capabilities = SNOWFLAKE
    types: Types = types

    def existing(self) -> Existing | None:
        """The target as it is; beside it there is a ledger, and nothing that killed loads left."""
        tables.ensure_schema(self.connection, self.job.target)
        ledger.ensure(self.connection, self.job.target)
        _ = self._keeps_checks  # (asked before the publish's transaction)
        if self.job.arrivals is not None:
            files_of.ensure(self.connection, self.job.target)
        stagings.sweep(self.connection, self.job.target, self.job.load_id, self.stage)
        return publish.look(self.connection, self.job)

    def published_before(self, existing: Existing | None, rows: int) -> bool:
        """Ask the ledger."""
        found = publish.published_before(self.connection, self.job, existing, rows)
        if found and self.job.arrivals is not None:  # that load may not have noted them
            with publish.transaction(self.connection, self.job):
                publish.note_files(self.connection, self.job)
        return found

    def noted(self, existing: Existing) -> Noted | None:
        """Ask the ledger."""
        target, load_id = self.job.target, self.job.load_id
        found = ledger.find(self.connection, target, load_id)
        if found is None:
            return None
        checks = ledger.checks(self.connection, target, load_id) if self._keeps_checks else ""
        return Noted(found.rows, found.published_at, checks, found.made == existing.made)

    def turned(self, existing: Existing | None, columns: Sequence[Column]) -> tuple[Column, ...]:
        """See `types`."""
        turned = types.turned({} if existing is None else existing.columns, columns)
        # of rows that are not published, nulls are no matter
        return turned if self.job.mode.removes else schema.needed(existing, turned)

    def retype(self, columns: Sequence[Column]) -> None:
        """No column waits for its type."""

    def previous_rows(self) -> int | None:
        """Ask the ledger."""
        return ledger.previous_rows(self.connection, self.job.target, self.job.load_id)

    def refuse_target(self, existing: Existing) -> None:
        """Columns that the mode needs."""
        modes.verify(self.job.mode, existing)

    def plan(
        self, existing: Existing | None, columns: tuple[Column, ...], rows: int, keep: bool
    ) -> Staged:
        """A table beside the target."""
        numbered = self.job.mode.numbered
        number = free_name(columns, "_factory_row") if numbered else None
        return stagings.plan(self.job.target, self.job.load_id, columns, rows, number, keep)

    def staging(self, staged: Staged) -> AbstractContextManager[None]:
        """See `staging`."""
        return stagings.staging(self.connection, staged)

    def taken_up(self, existing: Existing | None, staged: Staged) -> None:
        """A publish ends with the session of who began it."""

    def copy(self, staged: Staged) -> float:
        """By files, and one COPY."""
        return stagings.copy(self.connection, staged, self.files, self.stage)

    @contextmanager
    def apart(self, subject: Subject, checks: Checks) -> Iterator[Rows]:
        """A session for a person's SQL, which may set what it likes there."""
        if not checks:
            yield Rows(self.connection, subject)
            return
        with session.connected(self.account, self.limits) as another:
            yield Rows(another, subject)

    def tidy(self, staged: Staged) -> int:
        """What the mode leaves out."""
        return modes.tidy(self.connection, self.job.mode, staged)

    def guard(self, staged: Staged) -> None:
        """`tidy` has refused what is to be refused."""

    def ready(self, staged: Staged) -> None:
        """Make a target that is not there: in its transaction nothing can be made."""
        if publish.look(self.connection, self.job) is None:
            given, cluster = staged.given, self.job.cluster_by
            tables.create(self.connection, self.job.target, given, cluster)

    @contextmanager
    def publishing(self) -> Iterator[None]:
        """It is the transaction in which others wait."""
        yield

    def look(self) -> Existing | None:
        """See `publish`."""
        return publish.look(self.connection, self.job)

    def swaps(self, existing: Existing, staged: Staged) -> bool:
        """Never: grants, and who else reads the table, stay as they are."""
        return False

    def grow(self, columns: Sequence[Column]) -> None:
        """Add columns."""
        tables.grow(self.connection, self.job.target, columns)

    def transaction(self) -> AbstractContextManager[None]:
        """See `publish`."""
        return publish.transaction(self.connection, self.job)

    def write(self, existing: Existing | None, staged: Staged, *, swaps: bool) -> Changed:
        """See `publish`."""
        return publish.write(self.connection, self.job, staged)

    def record(self, existing: Existing | None, staged: Staged, previous: int | None) -> None:
        """See `ledger`."""
        checked = staged.checked if self._keeps_checks else ""
        publish.record(
            self.connection, self.job, existing, replace(staged, checked=checked), previous
        )

    @cached_property
    def _keeps_checks(self) -> bool:
        return ledger.keeps_checks(self.connection, self.job.target)
