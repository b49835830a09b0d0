"""Stage → audit → publish → ledger: the order of a load, whatever the warehouse.

Rows go into a table of their own, are counted and checked there, and are published in one
transaction that also notes the load. What a warehouse does in each step is its `Session`'s.
"""

from __future__ import annotations

import logging
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol, TypeVar

from factory.account import say
from factory.amounts import counted, size, spent
from factory.definitions.checks import Check, RowCount
from factory.definitions.warehouses import Capabilities
from factory.transfer.counts import each
from factory.transfer.errors import ChecksFailed, TransferError
from factory.transfer.progress import Progress
from factory.transfer.warehouse import audit as audits
from factory.transfer.warehouse import kept, schema
from factory.transfer.warehouse.audit import Result, verdicts
from factory.transfer.warehouse.columns import refuse_too_many
from factory.transfer.warehouse.parquet import Files
from factory.transfer.warehouse.parts import (
    Changed,
    Column,
    Existing,
    Job,
    Noted,
    Staged,
)
from factory.transfer.warehouse.rows import Guard, Rows, Subject
from factory.transfer.warehouse.schema import Types

log = logging.getLogger(__name__)

Checks = Sequence[Check]
E = TypeVar("E", bound=Existing)
T = TypeVar("T", bound=Staged)


class Session(Protocol[E, T]):
    """One load's session with a warehouse. Its errors are `TransferError`s, or the warehouse's."""

    @property
    def can(self) -> Capabilities:
        """What the warehouse can."""

    @property
    def types(self) -> Types:
        """What it says of its types."""

    def existing(self) -> E | None:
        """Look the target up. Raises `TransferError` when it is not a table."""

    def published_before(self, existing: E | None, rows: int) -> bool:
        """Were these rows added by this load before? Raises `TransferError`: nobody can tell."""

    def noted(self, existing: E) -> Noted | None:
        """What the ledger says of this load; None: nothing of a try before."""

    def turned(self, existing: E | None, columns: Sequence[Column]) -> tuple[Column, ...]:
        """The load's columns, those in the target's types whose values these take unchanged.

        A value that would change is refused when it is copied.
        """

    def retype(self, columns: Sequence[Column]) -> None:
        """Give columns of the target that hold nothing yet their types, in a transaction."""

    def previous_rows(self) -> int | None:
        """How many rows the load before this one published; None when there was none."""

    def refuse_target(self, existing: E) -> None:
        """Find what will hinder the publish whatever the rows are. Raises `TransferError`."""

    def plan(self, existing: E | None, columns: tuple[Column, ...], rows: int, keep: bool) -> T:
        """How rows of these columns are staged; refuse what writing them would do to others."""

    def staging(self, staged: T) -> AbstractContextManager[None]:
        """Make the staging table, and drop it at the end, however that comes."""

    def taken_up(self, existing: E | None, staged: T) -> Changed | None:
        """What the publish of a try before has done, waited for where it runs on; None: none did.

        Only where a publish ends whatever becomes of who began it.
        """

    def copy(self, staged: T) -> float:
        """Fill the staging table; the seconds that it took."""

    def apart(self, subject: Subject, checks: Checks) -> AbstractContextManager[Rows[Any]]:
        """The staged rows, seen through a session in which a person's SQL does no harm."""

    def tidy(self, staged: T) -> int:
        """Remove staged rows that are not to be published: how many? Raises `BadRow`."""

    def guard(self, staged: T) -> Guard[Any] | None:
        """What the audit must refuse before anything is published."""

    def ready(self, staged: T) -> None:
        """The checks have passed: what takes long is done before others are made to wait."""

    def publishing(self) -> AbstractContextManager[None]:
        """Who publishes into this table waits for others who do; there is a ledger."""

    def look(self) -> E | None:
        """Look the target up again, and note what it says of earlier loads."""

    def swaps(self, existing: E, staged: T) -> bool:
        """May the staging table take the target's place, and nothing but rows be lost?"""

    def grow(self, columns: Sequence[Column]) -> None:
        """Add columns to the target, in a transaction of its own."""

    def transaction(self) -> AbstractContextManager[None]:
        """All of it, or nothing; the target is locked, whatever triggers do to other locks."""

    def write(self, existing: E | None, staged: T, *, swaps: bool) -> Changed:
        """The staged rows → the target, in this transaction. Raises `Again`."""

    def record(self, existing: E | None, staged: T, previous: int | None) -> None:
        """The load → the ledger, in this transaction."""


class Again(Exception):
    """The target is not what it was when its publish began: once more, in a way that suits all."""


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
class Outcome:
    """What came of a load."""

    dropped: int = 0
    changed: Changed | None = None
    checks: tuple[Result, ...] = ()
    instead: str = "nothing to do: this load had published them before"


def run(
    session: Session[E, T], job: Job, files: Files, checks: Checks, as_of: datetime | None
) -> Outcome:
    """Load the files. The target's rows are as they were when it raises."""
    existing = session.existing()
    if existing is not None and session.published_before(existing, files.rows):
        return _repeated(session, existing, checks, files.rows)
    existing = _with_types(existing, job.columns)
    columns = _staged_columns(session, job, existing, files)
    keep = existing is not None or _tells_a_table(files, columns)
    if existing is None and keep and (guessed := [c.name for c in columns if c.guessed]):
        log.warning(
            "nothing tells the types of %s: in the new table %s they are texts%s. Declare them "
            "under `columns` of the format",
            *(guessed, job.target, " until their first value" if session.can.retypes else ""),
        )
    staged = session.plan(existing, columns, files.rows, keep)
    if not keep:  # what else could be asked of no rows of no type?
        checks = [check for check in checks if isinstance(check, RowCount)]
    previous = None if existing is None else session.previous_rows()
    names = [column.name for column in staged.given]
    subject = Subject(staged.table, names, job.key, as_of, previous)
    with session.staging(staged), _telling_earlier(session, existing):
        if (taken := session.taken_up(existing, staged)) is not None:
            return _taken_up(session, staged, subject, checks, taken)
        with session.apart(subject, checks) as rows:
            audits.verify(rows, checks)
        copying = session.copy(staged)
        return _checked(session, job, staged, subject, checks, copying)


@contextmanager
def _telling_earlier(session: Session[E, T], existing: E | None) -> Iterator[None]:
    """Where a check fails, say what a try before has published."""
    try:
        yield
    except ChecksFailed as error:
        noted = None if existing is None else session.noted(existing)
        if noted and noted.here:
            error.earlier = noted.told
        raise


def _repeated(session: Session[E, T], existing: E, checks: Checks, rows: int) -> Outcome:
    """Nothing is left to do. What was not asked then is not asked: the rows stand among others."""
    with _telling_earlier(session, existing):
        results = kept.known(checks, session.noted(existing)).results()
        audits.tell(rows, results)
    return Outcome(checks=results)


def _taken_up(
    session: Session[E, T], staged: T, subject: Subject, checks: Checks, changed: Changed
) -> Outcome:
    """Tell what a try before found and did; what it did not ask, the staged rows are asked."""
    log.info("a try before this one has checked these rows, and published them")
    existing = session.look()
    noted = None if existing is None else session.noted(existing)
    rows = noted.rows if noted else staged.rows
    known = kept.known(checks, noted)
    late: Sequence[Result] = ()
    if left := known.left:
        with session.apart(subject, left) as seen:
            late = audits.found(seen, left)[1]
    results = known.results(late)
    with _telling_earlier(session, existing):  # (the table may be there since a moment)
        audits.tell(rows, results)
    return Outcome(staged.rows - rows, changed, results)


def _with_types(existing: E | None, columns: Sequence[Column]) -> E | None:
    """The target as it is to be: its columns without a value have the load's types."""
    if existing is None or not (late := _late(existing, columns)):
        return existing
    types = {**existing.columns, **{column.name: column.type for column in late}}
    return replace(existing, columns=types)


def _late(existing: Existing, columns: Sequence[Column]) -> list[Column]:
    """Columns whose first value is in this load."""
    if not existing.owned:
        return []
    return [column for column in columns if column.name in existing.untyped and not column.empty]


def _tells_a_table(files: Files, columns: Sequence[Column]) -> bool:
    """Would a table that is made of these rows, or of none, take those of the next load?

    In a file of no rows, a column that our conversion could give no type may have any; of another
    program's file, the types are what it says.
    """
    guessed = [column.guessed for column in columns]
    return files.rows > 0 or not any(guessed) or not (all(guessed) or files.counts.noted)


def _staged_columns(
    session: Session[E, T], job: Job, existing: E | None, files: Files
) -> tuple[Column, ...]:
    """Find out what will hinder the publish before any row is moved; it looks again."""
    types = session.types
    columns = session.turned(existing, job.columns)
    if existing is not None:
        schema.refuse_strangers(job.target, existing, columns, files.nulls)
    fit = schema.fit(job.target, existing, columns, job.policy, types)
    if existing is None:
        return fit.loaded
    session.refuse_target(existing)
    if fit.ignored:
        log.warning("%s does not have the columns %s: ignored", job.target, list(fit.ignored))
    refuse_too_many(len(existing.columns) + len(fit.new), session.can)
    if job.mode.whole:
        return schema.like(existing, fit.loaded, types)
    return fit.loaded if files.rows else schema.typed(existing, fit.loaded, types)


def _checked(
    session: Session[E, T],
    job: Job,
    staged: T,
    subject: Subject,
    checks: Checks,
    copying: float,
) -> Outcome:
    """Audit the staged rows and publish them."""
    copied = time.monotonic()
    dropped = session.tidy(staged)
    results = _audited(session, staged, subject, checks, dropped)
    checked = kept.written(checks, results)
    staged = replace(staged, rows=staged.rows - dropped, checked=checked)
    if not staged.keep:
        guessed = [column.name for column in staged.columns if column.guessed]
        log.warning(
            "there is no row, no table %s, and nothing tells the types of %s: none is made. "
            "Declare them under `columns` of the format, and an empty one will be",
            *(job.target, guessed),
        )
        return Outcome(dropped, None, results, "no table made, nothing published")
    with Progress("building indexes"):
        session.ready(staged)
    audited = time.monotonic()
    with Progress("publishing"):
        changed = publish(session, job, staged, subject.previous_rows)
    log.info(
        "seconds: copy %.2f, checks and indexes %.2f, publish %.2f",
        copying,
        audited - copied,
        time.monotonic() - audited,
    )
    return Outcome(dropped, changed, results)


def _audited(
    session: Session[E, T], staged: T, subject: Subject, checks: Checks, dropped: int
) -> tuple[Result, ...]:
    """What the checks found."""
    with Progress("checking the rows"), session.apart(subject, checks) as seen:
        rows, results = audits.audit(seen, checks, session.guard(staged))
    if rows != staged.rows - dropped:
        raise TransferError(f"{rows + dropped} rows arrived, but the files hold {staged.rows}")
    return tuple(results)


def publish(session: Session[E, T], job: Job, staged: T, previous: int | None) -> Changed | None:
    """One transaction; None when this load was published before, and nothing was done."""
    with session.publishing():
        try:
            return _published(session, job, staged, previous, again=False)
        except Again:
            with _not_again(job):
                return _published(session, job, staged, previous, again=True)


@contextmanager
def _not_again(job: Job) -> Iterator[None]:
    try:
        yield
    except Again:
        raise TransferError(
            f"{job.target} was changed twice while this load published", "Repeat the load"
        ) from None


def _published(
    session: Session[E, T], job: Job, staged: T, previous: int | None, *, again: bool
) -> Changed | None:
    existing = session.look()
    if session.published_before(existing, staged.rows):
        return None
    if existing is not None and (late := _late(existing, staged.given)):
        session.retype(late)
        existing = session.look()
    swaps = False
    if existing is not None:
        fit = schema.fit(job.target, existing, staged.given, job.policy, session.types)
        may_swap = session.can.swaps and job.mode.whole and not again
        swaps = may_swap and session.swaps(existing, staged)
        if fit.new and not swaps:
            session.grow(fit.new)
    with session.transaction():
        changed = session.write(existing, staged, swaps=swaps)
        session.record(existing, staged, previous)
    return changed


def told(job: Job, files: Files, done: Outcome, seconds: float) -> Loaded:
    """The accounts of a load, for people and for the log."""
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
    log.info("%s of Parquet, peak memory %s", size(loaded.bytes), size(loaded.peak_memory))
    for line in each(files.sources):
        say("%s", line)
    say("%s", account(loaded, done.instead))
    return loaded


def account(loaded: Loaded, instead: str) -> str:
    """What became of the rows, in a line; `instead` is said where nothing has changed."""
    came = f"{counted(loaded.read, 'row')} read" if loaded.read else "no row read"
    parts = [f"{loaded.table}: {came}"]
    if loaded.quarantined:
        parts.append(f"{loaded.quarantined:,} set aside")
    if loaded.dropped:
        parts.append(f"{loaded.dropped:,} dropped")
    if loaded.changed is None:
        parts.append(instead)
    else:
        changes = _changes(loaded.changed)
        parts.append(f"{loaded.rows:,} published by {loaded.mode} ({changes})")
    return ", ".join([*parts, *verdicts(loaded.checks), spent(loaded.seconds)])


def _changes(changed: Changed) -> str:
    did = [(changed.inserted, "inserted"), (changed.updated, "updated")]
    parts = [f"{rows:,} {word}" for rows, word in (*did, (changed.deleted, "deleted")) if rows]
    return ", ".join(parts) or "nothing changed"


def _peak_memory() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
