"""Staged rows → the target, in one transaction."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from psycopg import sql

from factory.definitions.checks.parts import many
from factory.transfer.errors import TransferError
from factory.transfer.postgres import (
    accounts,
    arrivals,
    columns,
    ledger,
    lengths,
    pages,
    swap,
)
from factory.transfer.postgres import indexes as idx
from factory.transfer.postgres import table as tables
from factory.transfer.postgres.indexes import Index
from factory.transfer.postgres.modes import Changed, Mode, Staged
from factory.transfer.postgres.modes.parts import insert
from factory.transfer.postgres.table import Connection, Existing, Table
from factory.transfer.warehouse import parts, schema
from factory.transfer.warehouse.arrivals import Arrivals
from factory.transfer.warehouse.load import Again
from factory.transfer.warehouse.parquet import others
from factory.transfer.warehouse.parts import Limits

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job(parts.Job):
    """What a load is to do."""

    target: Table
    mode: Mode
    indexes: tuple[Index, ...]
    limits: Limits
    digest: Callable[[], str] | None = None  # of the files' values, where they are added once
    arrivals: Arrivals | None = None  # the source's files, where each is loaded once


def published_before(
    connection: Connection, job: Job, existing: Existing | None, rows: int
) -> bool:
    """Were these rows added, and are they not gone for certain?

    Raises `TransferError` when nobody can tell, and when it was others that were added.
    """
    if not job.mode.once or existing is None:
        return False
    found = ledger.find(connection, job.target, existing.oid, job.load_id)
    if found is None or not found.rows:  # to add to nothing is no repetition
        return False
    when = f"{found.table} got the rows of this load at {found.when}"
    again = (
        f"To load them again: DELETE FROM {ledger.name(found.table)}"
        f" WHERE table_name = {_literal(found.table.name)} AND load_id = {_literal(job.load_id)}"
    )
    seen = pages.look(connection, existing)
    if pages.emptied(connection, job.target, existing, seen) and not seen.nodes & (
        found.nodes or set()
    ):
        there = ledger.kept_elsewhere(connection, found.nodes or ())
        if there is not None and found.oid == existing.oid:
            raise TransferError(f"{when}: they are in {there}, which is no part of it now", again)
        if not seen.fresh:
            raise TransferError(
                f"{when}, and is empty: by TRUNCATE, or were they deleted one by one?", again
            )
        log.warning("%s, and was emptied or made anew since: they are loaded again", when)
        return False
    gone = bool(found.nodes) and seen.none and not seen.nodes & (found.nodes or set())
    if gone and not pages.may_read(connection, existing):
        raise TransferError(f"{when}, but has other files now, and may not be read", again)
    if found.oid not in (None, existing.oid):
        raise TransferError(
            f"{when}, but was emptied or made anew since, and has rows: are they among them?", again
        )
    if (
        found.xmin
        and not (found.nodes or set()) <= seen.nodes
        and pages.may_read(connection, existing)
    ):
        here = pages.rows_of(connection, job.target, existing, found.xmin)
        if here < found.rows:
            raise TransferError(
                f"{when}: {many(found.rows)}. Its files were emptied or written anew since, and "
                f"{here} of these are known to be there: are the others?",
                again,
            )
    if others(found.rows, found.digest, rows, job.digest):
        raise TransferError(
            f"{when}: {many(found.rows)}; those that it has now, {many(rows)}, are not the same, "
            "and are not added",
            f"Delete those of then where these are to take their place. {again}",
        )
    if pages.may_read(connection, existing) and tables.is_empty(connection, job.target):
        log.warning("%s; they were deleted since, and are not loaded again. %s", when, again)
    return True


def _literal(text: str) -> str:
    return sql.Literal(text).as_string()


@contextmanager
def publishing(connection: Connection, job: Job) -> Iterator[None]:
    """The publish of this load alone: others wait for it."""
    ensure(connection, job)
    with ExitStack() as locks:
        # A load into a table and one into its partition wait for each other, two partitions do not.
        for table in tables.above(connection, job.target):
            locks.enter_context(tables.locked(connection, _publishing(table), shared=True))
        locks.enter_context(tables.locked(connection, _publishing(job.target)))
        yield


def ensure(connection: Connection, job: Job) -> None:
    """Make what loads are noted in, where it is missing."""
    ledger.ensure(connection, job.target)
    if job.arrivals is not None:
        arrivals.ensure(connection, job.target)


def _publishing(target: Table) -> str:
    return f"factory publish {target}"


def look(connection: Connection, job: Job) -> Existing | None:
    """The target, as it is now; what it says of earlier loads is noted."""
    existing = tables.existing(connection, job.target)
    if existing is not None and (job.mode.once or job.arrivals is not None):
        _tell_of_earlier(connection, job.target, existing)
    return existing


def swaps(connection: Connection, job: Job, existing: Existing, staged: Staged) -> bool:
    """May the staging table take the target's place? Then who would see it empty has a moment."""
    if not _may_swap(connection, job, existing, staged):
        return False
    swap.wait_for_older(connection, staged, job.limits.lock)
    return True


@contextmanager
def transaction(connection: Connection, job: Job) -> Iterator[None]:
    """All of a publish, or nothing."""
    target = job.target
    with connection.transaction():
        # The same lock as the session's, which a trigger could give up, or a pooler lend to others.
        tables.refuse_unless_locked(connection, _publishing(target))
        for table in tables.above(connection, target):
            tables.lock(connection, _publishing(table), shared=True)
        tables.lock(connection, _publishing(target))
        yield


def write(
    connection: Connection, job: Job, existing: Existing | None, staged: Staged, *, swaps: bool
) -> Changed:
    """The staged rows → the target, within the caller's transaction. Raises `Again`."""
    if existing is not None:
        return _swapped(connection, job, staged) if swaps else _written(connection, job, staged)
    changed = _create(connection, job, staged)
    made = tables.existing(connection, job.target)
    assert made is not None
    ledger.set_aside(connection, job.target, made.oid, ())
    return changed


def record(
    connection: Connection,
    job: Job,
    existing: Existing | None,
    staged: Staged,
    previous: int | None,
) -> None:
    """Note the load, within the caller's transaction."""
    target, name, xmin = job.target, job.mode.name, None
    note_files(connection, job)
    if existing is None and job.mode.once:
        xmin = pages.written_by(connection, target)
    digest = job.digest() if job.digest is not None else None
    noted = (staged.rows, previous, digest, staged.checked)
    ledger.record(connection, target, job.load_id, name, *noted, xmin)


def note_files(connection: Connection, job: Job) -> None:
    """Note which files are in with this load, within the caller's transaction."""
    if job.arrivals is not None:
        arrivals.record(connection, job.target, job.load_id, job.arrivals)


def _tell_of_earlier(connection: Connection, target: Table, existing: Existing) -> None:
    """Note what an empty table says of earlier loads, also when this one fails.

    When its rows are there, the table does not say it any more.
    """
    seen = pages.look(connection, existing)
    if pages.emptied(connection, target, existing, seen):
        tell = ledger.set_aside if seen.fresh else ledger.doubt
        tell(connection, target, existing.oid, seen.nodes)


def _swapped(connection: Connection, job: Job, staged: Staged) -> Changed:
    # Who reads the staging table must not hold up those who read the target.
    tables.exclusively(connection, staged.table, job.limits.lock)
    tables.exclusively(connection, job.target, job.limits.lock)
    existing = tables.existing(connection, job.target)
    lost = existing is None or not _may_swap(connection, job, existing, staged)
    if lost or swap.older(connection, staged):
        raise Again
    ledger.forget(connection, job.target)
    swap.replace(connection, staged, job.target, job.indexes)
    return Changed(staged.rows)


def _written(connection: Connection, job: Job, staged: Staged) -> Changed:
    """Lock first, then look: what was seen before may have been altered since."""
    target = job.target
    tables.hold(connection, target)
    existing = tables.existing(connection, target)
    assert existing is not None  # nobody can drop it now
    schema.fit(target, existing, staged.given, job.policy, columns)
    lengths.refuse_another(target, existing, staged)
    accounts.refuse(connection, target, existing, job.mode, staged)
    if job.mode.whole:
        ledger.forget(connection, target)
    return accounts.written(connection, target, existing, job.mode, staged)


def _may_swap(connection: Connection, job: Job, existing: Existing, staged: Staged) -> bool:
    return swap.possible(connection, job.target, existing, staged, job.indexes)


def _create(connection: Connection, job: Job, staged: Staged) -> Changed:
    if staged.logged:
        swap.adopt(connection, staged, job.target, job.indexes)
        return Changed(staged.rows)
    tables.create(connection, job.target, staged.given)
    changed = Changed(insert(connection, job.target, None, staged))
    idx.build(connection, job.target, job.indexes)
    idx.settle(connection, job.target, job.target, job.indexes)
    return changed
