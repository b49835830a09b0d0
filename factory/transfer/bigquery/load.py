"""Parquet files → a BigQuery table, in the order of all warehouses."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime

from factory.amounts import size
from factory.definitions.tables import ON_SCHEMA_CHANGE, STATEMENT_SECONDS, policy
from factory.definitions.warehouses import BIGQUERY, Capabilities
from factory.definitions.writes import Write, key
from factory.stores.model import Place, Store
from factory.transfer.bigquery import arrivals as files_of
from factory.transfer.bigquery import columns as cols
from factory.transfer.bigquery import ledger, modes, staging
from factory.transfer.bigquery import table as tables
from factory.transfer.bigquery.api import Api
from factory.transfer.bigquery.arrivals import Noting
from factory.transfer.bigquery.errors import Refused, translated
from factory.transfer.bigquery.jobs import Done, Jobs, Limits
from factory.transfer.bigquery.modes import SEVERAL, Counts, Mode, Staged
from factory.transfer.bigquery.rows import Rows
from factory.transfer.bigquery.staging import Source
from factory.transfer.bigquery.table import OURS, Existing, Options, Table
from factory.transfer.errors import BadOption, TransferError
from factory.transfer.warehouse import parquet, parts, schema
from factory.transfer.warehouse.arrivals import Arrivals
from factory.transfer.warehouse.audit import prepare
from factory.transfer.warehouse.load import Again, Checks, Loaded, run, told
from factory.transfer.warehouse.parts import Changed, Column, Given, Noted, free_name, refuse_mode
from factory.transfer.warehouse.rows import Guard, Subject
from factory.transfer.warehouse.schema import Types

log = logging.getLogger(__name__)

NO_OPTIONS = Options()
REPLACED_MOST = 9  # tries of one load that others have replaced


@dataclass(frozen=True)
class Job(parts.Job):
    """What a load is to do."""

    target: Table
    mode: Mode
    digest: str  # of the values
    options: Options
    noting: Noting | None = None  # the source's files, where each is loaded once


@dataclass(frozen=True)
class Cost:
    """What a load's jobs were billed, in bytes, and what they used, in milliseconds of slots."""

    billed: int
    slot_ms: int


def load(
    api: Api,
    store: Store,
    paths: Sequence[str],
    *,
    via: Place,
    table: str,
    write: Write,
    checks: Checks = (),
    load_id: str,
    options: Options = NO_OPTIONS,
    arrivals: Arrivals | None = None,
    on_schema_change: str = ON_SCHEMA_CHANGE,
    interval: tuple[datetime, datetime] | None = None,
    as_of: datetime | None = None,
    statement_timeout: float = STATEMENT_SECONDS,
    maximum_bytes_billed: int | None = None,
    patience: float | None = None,
    awaited: str = "",
    session: type[Session] | None = None,
) -> tuple[Loaded, Cost]:
    """Load the files into `table`; the same `load_id` again leaves the same rows.

    Rows go through files in the folder `via`, on Cloud Storage. The rows of a `partition` are those
    of `interval`, unless it says its own. `arrivals` are the source's files, each of which is
    loaded once. `statement_timeout` is in seconds, of each job, 0 for none. After `patience`
    seconds the load job, or that of the publish, is left to run on, by `Running`: the same load
    again finds it, and is told its id as `awaited` once it has ended. `session` is that of a table
    of another kind. Raises `ChecksFailed`,
    `SchemaChanged`, `BadRow`, `BadOption`, `TransferError`; the rows are then as they were.
    """
    started = time.monotonic()
    refuse_mode(BIGQUERY, write)
    staging.require_store(via)
    files = parquet.read(store, paths)
    found = cols.columns(files.schema, empty=not files.rows, nulls=files.nulls)
    target = tables.parse(table)
    if target.name.startswith(OURS):
        raise BadOption(f"{target} is a table of our own, and can't be loaded into")
    mode = modes.of(write, Given(found, interval))
    content = files.digest(found)
    job = Job(
        *(target, load_id, mode, tuple(found), policy(on_schema_change), tuple(key(write))),
        digest=content,
        options=options,
        noting=None if arrivals is None else Noting(target, load_id, arrivals),
    )
    prepare(checks, [column.name for column in found])
    with translated(target):
        jobs = Jobs(
            *(api, tables.location(api, target)),
            limits=Limits(statement_timeout, maximum_bytes_billed, patience, awaited),
        )
        own = (session or Session)(jobs, job, Source(files, via))
        done = run(own, job, files, checks, as_of)
    cost = Cost(jobs.billed, jobs.slot_ms)
    log.info("BigQuery: %s billed, %d ms of slots", size(cost.billed), cost.slot_ms)
    return told(job, files, done, time.monotonic() - started), cost


@dataclass(frozen=True)
class Session:
    """One load's session; see `warehouse.load.Session`."""

    jobs: Jobs
    job: Job
    source: Source
    can: Capabilities = BIGQUERY
    types: Types = cols.Types()  # noqa: RUF009

    @property
    def _staging(self) -> Table:
        """Named by the load and its rows: another try of them takes it up."""
        job = self.job
        return job.target.beside(staging.name(job.target, job.load_id, job.digest))

    def _job(self, staged: Staged, step: str, *more: object) -> str:
        """The id of a job: of this load, these rows, this staging table, this step, and `more`."""
        of = (self.job.target, self.job.load_id, staged.table, staged.made_at, *more)
        made = " ".join(map(str, of))
        return f"factory_{staging.digest(made)}_{step}"

    def existing(self) -> Existing | None:
        """Ask for the table."""
        names = [column.name for column in self.job.columns]
        found = tables.existing(self.jobs.api, self.job.target, names)
        if found is None or self.job.policy != "add_columns":
            return found
        return replace(found, required=frozenset(), relaxed=found.required)

    def published_before(self, existing: Existing | None, rows: int) -> bool:
        """Ask the ledger. What a killed try has left goes away.

        Not so while what this load has staged is there: the load goes on to find that publish, and
        tells of it as if it had never been left.
        """
        if not self.job.mode.once or existing is None:
            return False
        found = ledger.find(self.jobs, self.job.target, existing, self.job.load_id)
        if found is None or not found.rows:  # to add to nothing is no repetition
            return False
        if found.made_at != existing.made_at:
            if self._is_empty(existing):
                return False
            raise self._anew(found)
        if found.rows != rows or found.digest != self.job.digest:
            raise self._others(found)
        if self._is_empty(existing):
            raise self._gone(found)
        if self._was_left(existing):
            return False
        self._note_files(existing)
        for left in self._tables:
            tables.drop(self.jobs.api, left)
        return True

    def noted(self, existing: Existing) -> Noted | None:
        """Ask the ledger."""
        found = self._entry(existing)
        return Noted(found.rows, found.when, found.checks or "") if found else None

    @property
    def _tables(self) -> Sequence[Table]:
        """All that a load makes, and drops."""
        noting = self.job.noting
        return [self._staging, *([noting.table] if noting else [])]

    def _was_left(self, existing: Existing) -> bool:
        """Whether a try before this one has left a publish of what is still staged."""
        facts = tables.look(self.jobs.api, self._staging)
        if facts is None:
            return False
        staged = Staged(self._staging, (), 0, made_at=int(facts["creationTime"]))
        return self.jobs.peek(self._publish(existing, staged)) is not None

    def _note_files(self, existing: Existing) -> None:
        """The load that was published before may not have noted them."""
        jobs, noting = self.jobs, self.job.noting
        if noting is None:
            return
        files_of.ensure(jobs, self.job.target)
        if noting.are_noted(jobs, existing):
            return
        with staging.staging(jobs, noting.table):
            noting.fill(jobs, self.source.via)
            try:
                jobs.query(noting.alone(existing))
            except Refused as error:
                self._refuse_taken(error, existing)
                raise

    def _refuse_taken(self, error: Refused, existing: Existing) -> None:
        if self.job.noting and files_of.TAKEN in error.said:
            self.job.noting.refuse(self.jobs, existing)

    def _is_empty(self, existing: Existing) -> bool:
        return ledger.is_empty(self.jobs, self.job.target, existing)

    def _others(self, found: ledger.Entry) -> TransferError:
        return TransferError(
            f"{self.job.target} got {found.rows} other rows by this load at {found.when}: those of "
            "now would be added to them",
            f"To load them as well: {self._forgetting}",
        )

    def _anew(self, found: ledger.Entry) -> TransferError:
        return TransferError(
            f"{self.job.target} got the rows of this load at {found.when}, but was made anew since,"
            " and has rows: are they among them?",
            f"To load them again: {self._forgetting}",
        )

    def _gone(self, found: ledger.Entry) -> TransferError:
        return TransferError(
            f"{self.job.target} got the rows of this load at {found.when}, and is empty: were they "
            "deleted since?",
            f"To load them again: {self._forgetting}",
        )

    @property
    def _forgetting(self) -> str:
        """What lets the ledger forget this load."""
        name, load_id = map(tables.literal, (self.job.target.name, self.job.load_id))
        where = f"table_name = {name} AND load_id = {load_id}"
        return f"DELETE FROM {self.job.target.beside(ledger.NAME).sql} WHERE {where}"

    def turned(self, existing: Existing | None, columns: Sequence[Column]) -> tuple[Column, ...]:
        """See `columns`."""
        turned = cols.turned(existing, columns)
        # of rows that are not published, nulls are no matter
        return turned if self.job.mode.removes else schema.needed(existing, turned)

    def retype(self, columns: Sequence[Column]) -> None:
        """No column waits for its type."""

    def previous_rows(self) -> int | None:
        """Ask the ledger."""
        return ledger.previous_rows(self.jobs, self.job.target, self.job.load_id)

    def refuse_target(self, existing: Existing) -> None:
        """Columns that the mode needs."""
        self.job.mode.verify(existing)

    def plan(
        self, existing: Existing | None, columns: tuple[Column, ...], rows: int, keep: bool
    ) -> Staged:
        """A table beside the target, which vanishes by itself when nobody drops it."""
        numbered = self.job.mode.numbered
        number = free_name(columns, "_factory_row") if numbered else None
        staged = Staged(self._staging, columns, rows, number=number, keep=keep)
        made_at = staging.made(self.jobs, staged.table, staged.given, number)
        return replace(staged, made_at=made_at)

    def taken_up(self, existing: Existing | None, staged: Staged) -> Changed | None:
        """Its job, at its end, unless its rows were replaced since: they are published anew."""
        if existing is None:
            return None
        for name in self._publishes(existing, staged):
            done = self.jobs.find(name, leave=True, refuse=False)
            if done is None:
                return None
            entry = self._entry(existing)
            if (
                entry
                and entry.digest == self._content(staged)
                and self._did(done, existing, staged)
            ):
                return self._changed(done, entry.rows)
        return None

    def _did(self, done: Done, existing: Existing, staged: Staged) -> bool:
        """Whether a publish of a try before did what this is to do.

        The pipeline may say another mode, or key, by now. What is added once is there by any.
        """
        text = str(done.facts.get("configuration", {}).get("query", {}).get("query", ""))
        statements = self.job.mode.statements(self.job.target, existing, staged)
        return self.job.mode.once or all(statement in text for statement in statements)

    def _changed(self, done: Done, rows: int) -> Changed:
        ((before, after, changed),) = self.jobs.rows(done)[1]
        return self.job.mode.changed(Counts(before, after, changed), rows)

    def _content(self, staged: Staged) -> str:
        """What the ledger keeps of the rows, to know them by."""
        return self.job.digest

    def staging(self, staged: Staged) -> AbstractContextManager[None]:
        """See `staging`."""
        return staging.staging(self.jobs, *self._tables)

    def copy(self, staged: Staged) -> float:
        """By Cloud Storage, and a load job."""
        started = time.monotonic()
        self.source.copy(self.jobs, staged, self._job(staged, "load"))
        if self.job.noting:
            self.job.noting.fill(self.jobs, self.source.via)
        return time.monotonic() - started

    @contextmanager
    def apart(self, subject: Subject, checks: Checks) -> Iterator[Rows]:
        """Each query is a job of its own."""
        yield Rows(self.jobs, subject)

    def tidy(self, staged: Staged) -> int:
        """What the mode leaves out, now or in a try before this one."""
        self.job.mode.tidy(self.jobs, staged)
        if not self.job.mode.removes:
            return 0
        ((left,),) = self.jobs.asked(f"SELECT COUNT(*) FROM {staged.table.sql}")
        return staged.rows - int(left)

    def guard(self, staged: Staged) -> Guard[Jobs] | None:
        """What the mode refuses."""
        return self.job.mode.guard(staged)

    def ready(self, staged: Staged) -> None:
        """There are no indexes."""

    @contextmanager
    def publishing(self) -> Iterator[None]:
        """BigQuery lets one of two that change the same rows fail: its job is begun anew."""
        ledger.ensure(self.jobs.api, self.job.target)
        if self.job.noting:
            files_of.ensure(self.jobs, self.job.target)
        yield

    def look(self) -> Existing | None:
        """As it is now."""
        return self.existing()

    def swaps(self, existing: Existing, staged: Staged) -> bool:
        """Never: the table would lose what it has beyond rows."""
        return False

    def grow(self, columns: Sequence[Column]) -> None:
        """Add columns, which take nulls."""
        tables.grow(self.jobs.api, self.job.target, columns)

    def transaction(self) -> AbstractContextManager[None]:
        """One job has all of it."""
        return nullcontext()

    def write(self, existing: Existing | None, staged: Staged, *, swaps: bool) -> Changed:
        """The rows, and the ledger's: one transaction, one job, which runs once."""
        target, mode = self.job.target, self.job.mode
        existing = existing or self._made(staged)
        self._relax(existing, staged)
        noted, files = self._noted(existing, staged), self.job.noting
        stays = [self.job.options.published(target, time.time())] if existing.unpublished else []
        text = script(
            *(target, existing, staged, mode, noted),
            stays=stays,
            first=[files.first()] if files else (),
            held=files.statements(existing) if files else (),
        )
        try:
            done = self._published(text, existing, staged)
        except Refused as error:
            self._refuse_taken(error, existing)
            if SEVERAL in error.said:
                mode.refuse(self.jobs, target, staged, existing)
            if existing.unpublished:
                self._unmade(existing)
            raise
        return self._changed(done, staged.rows)

    def _published(self, text: str, existing: Existing, staged: Staged) -> Done:
        """Its job, or that of a try before this one, unless its rows are known to be gone since."""
        for name in self._publishes(existing, staged):
            done = self.jobs.query(text, name, leave=True)
            if not done.found:
                return done
            if self._stands(existing, staged) and self._did(done, existing, staged):
                return done
            log.info("what the job %s published is not there any more, or not so", done.job_id)
        raise Again

    def _stands(self, existing: Existing, staged: Staged) -> bool:
        """Whether the ledger has these rows."""
        found = self._entry(existing)
        mine = (staged.rows, self.job.digest)
        return found is not None and (found.rows, found.digest) == mine

    def _entry(self, existing: Existing) -> ledger.Entry | None:
        """What the ledger has of this load in this very table."""
        found = ledger.find(self.jobs, self.job.target, existing, self.job.load_id)
        return found if found and found.made_at == existing.made_at else None

    def _publishes(self, existing: Existing, staged: Staged) -> Iterator[str]:
        """The ids of its job, and of those that follow it where others have replaced its rows."""
        name = self._publish(existing, staged)
        yield name
        yield from (f"{name}_again{number}" for number in range(1, REPLACED_MOST))

    def _publish(self, existing: Existing, staged: Staged) -> str:
        """The id of its job: a target that is made anew has nothing of an earlier publish."""
        noting = self.job.noting
        return self._job(staged, "publish", existing.made_at, *([noting.digest] if noting else []))

    def _relax(self, existing: Existing, staged: Staged) -> None:
        """Columns that were never null may be, from this load on, where it lacks them."""
        given = {column.name for column in staged.given}
        if lacking := existing.relaxed - given:
            tables.relax(self.jobs.api, self.job.target, lacking)

    def _made(self, staged: Staged) -> Existing:
        """The target, empty: it stays once the load is published."""
        options = self.job.options
        fields = [
            tables.field_of(column.name, column.type, options.descriptions.get(column.name, ""))
            for column in staged.given
        ]
        tables.make(self.jobs.api, self.job.target, fields, options.unpublished(time.time()))
        found = self.existing()
        if found is None:
            raise TransferError(f"{self.job.target} was dropped while it was loaded")
        return found

    def _unmade(self, existing: Existing) -> None:
        """The table that was made for this publish vanishes, unless another has published into it.

        What it is like is asked first, and whether it has rows then: it is left if it has changed.
        """
        facts = tables.look(self.jobs.api, self.job.target)
        if facts is not None and self._is_empty(existing):
            tables.unpublish(self.jobs.api, self.job.target, facts)

    def _noted(self, existing: Existing, staged: Staged) -> Sequence[str]:
        """The load, and which of those before are gone."""
        job = self.job
        checks = ledger.to_keep(self.jobs.api, job.target, staged.checked)
        noted = (job.load_id, job.mode.name, staged.rows, job.digest, checks)
        gone = [ledger.replaced(job.target)] if job.mode.whole else []
        return [*gone, ledger.record(job.target, existing, *noted)]

    def record(self, existing: Existing | None, staged: Staged, previous: int | None) -> None:
        """See `write`."""


def script(
    target: Table,
    existing: Existing,
    staged: Staged,
    mode: Mode,
    noted: Sequence[str],
    *,
    stays: Sequence[str] = (),
    first: Sequence[str] = (),
    held: Sequence[str] = (),
) -> str:
    """All of a publish, after what comes `first`; what fails undoes the statements before it.

    `held` are those in the transaction that no other load may pass. A table that is made `stays`:
    said before, so that no rows are published that vanish, and once more, for another load into it
    that has failed may have said that it vanishes.
    """
    every = existing.every()
    anew = ledger.made_anew(target, existing)
    count = f"(SELECT COUNT(*) FROM {target.sql}{f' WHERE {every}' if every else ''})"
    return ";\n".join(
        [
            "DECLARE factory_before, factory_after, factory_changed INT64 DEFAULT 0",
            "DECLARE factory_met STRING",
            *stays,
            *first,
            "BEGIN TRANSACTION",
            *held,
            f"SET factory_before = {count}",
            f"IF factory_before = 0 THEN {anew}; END IF",
            *mode.statements(target, existing, staged),
            f"SET factory_after = {count}",
            *noted,
            "COMMIT TRANSACTION",
            *stays,
            "SELECT factory_before, factory_after, factory_changed;",
        ]
    )
