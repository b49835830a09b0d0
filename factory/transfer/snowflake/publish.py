"""The publish of a load: one transaction, which only one load of a target has at a time.

Snowflake commits before and after each DDL, so tables are made, and columns added, before it. A
worker that is killed leaves its transaction, with its locks, to a session that nobody ends for
hours. So it bears the load's name, and the load's next try aborts it. One that was only thought to
be dead then finds that its transaction is another, and commits nothing.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from factory.transfer.errors import TransferError
from factory.transfer.snowflake import arrivals, ledger, modes, types
from factory.transfer.snowflake import table as tables
from factory.transfer.snowflake.modes import Mode
from factory.transfer.snowflake.names import Table, literal, quoted
from factory.transfer.snowflake.session import Connection, ask, asked
from factory.transfer.snowflake.staging import Staged
from factory.transfer.snowflake.table import Existing
from factory.transfer.warehouse import parts, schema
from factory.transfer.warehouse.arrivals import Arrivals
from factory.transfer.warehouse.load import Again
from factory.transfer.warehouse.parquet import others
from factory.transfer.warehouse.parts import Changed

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job(parts.Job):
    """What a load is to do."""

    target: Table
    mode: Mode
    digest: str = ""  # of the values, where they are added once
    cluster_by: tuple[str, ...] = ()
    arrivals: Arrivals | None = None  # the source's files, where each is loaded once

    @property
    def names(self) -> list[str]:
        """Of the load's columns."""
        return [column.name for column in self.columns]

    @property
    def transaction(self) -> str:
        """What the transaction of this load is called, whichever try of it."""
        text = f"{self.target} {self.load_id}"
        return f"FACTORY_{hashlib.sha256(text.encode()).hexdigest()[:24].upper()}"


def look(connection: Connection, job: Job) -> Existing | None:
    """The target, as it is now."""
    return tables.existing(connection, job.target, job.names)


def published_before(
    connection: Connection, job: Job, existing: Existing | None, rows: int
) -> bool:
    """Were these rows added, and are they there?

    Raises `TransferError` when nobody can tell, and when it was others that were added.
    """
    if not job.mode.once or existing is None:
        return False
    found = ledger.find(connection, job.target, job.load_id)
    if found is None or not found.rows:  # to add to nothing is no repetition
        return False
    when = f"{job.target} got the rows of this load at {found.published_at}"
    again = (
        f"To load them again: DELETE FROM {quoted(job.target.beside(ledger.NAME))} WHERE"
        f" TABLE_NAME = {literal(job.target.name)} AND LOAD_ID = {literal(job.load_id)}"
    )
    empty = _is_empty(connection, job.target)
    anew = found.made != existing.made
    if anew and (empty or ledger.was_empty(connection, job.target, existing.made)):
        log.warning("%s, and was made anew since: they are loaded again", when)
        return False
    if anew:
        said = "but was made anew since, and has rows: are they among them?"
        raise TransferError(f"{when}, {said}", again)
    if others(found.rows, found.digest or None, rows, lambda: job.digest):
        raise TransferError(f"{when}; those that it has now are not the same, and not added", again)
    if empty:
        raise TransferError(f"{when}, and is empty: were they deleted since?", again)
    return True


def _is_empty(connection: Connection, target: Table) -> bool:
    return not ask(connection, f"SELECT 1 FROM {quoted(target)} LIMIT 1")


@contextmanager
def transaction(connection: Connection, job: Job) -> Iterator[None]:
    """All of a publish, or nothing; others who publish into the target wait."""
    _end_others(connection, job.transaction)
    # A statement that comes after the transaction was aborted begins another, and commits nothing.
    ask(connection, "ALTER SESSION SET AUTOCOMMIT = FALSE")
    try:
        ask(connection, f"BEGIN TRANSACTION NAME {job.transaction}")
        own = ask(connection, "SELECT CURRENT_TRANSACTION()")
        ledger.hold(connection, job.target, job.load_id)
        yield
        if ask(connection, "SELECT CURRENT_TRANSACTION()") != own:
            raise TransferError(
                "another try of this load has ended this one, and nothing of it is published",
                "Look for a task that runs twice",
            )
        ask(connection, "COMMIT")
    finally:
        with suppress(Exception):  # the session is gone, and takes its transaction with it
            ask(connection, "ROLLBACK")
            ask(connection, "ALTER SESSION SET AUTOCOMMIT = TRUE")


def _end_others(connection: Connection, name: str) -> None:
    """Abort what an earlier try of this load has left open."""
    for found in asked(connection, "SHOW TRANSACTIONS"):
        if str(found["NAME"]) == name:
            log.warning("a try of this load was killed while it published: what it did is undone")
            ask(connection, f"SELECT SYSTEM$ABORT_TRANSACTION({int(found['ID'])})")


def write(connection: Connection, job: Job, staged: Staged) -> Changed:
    """The staged rows → the target. Raises `Again`: an earlier try has published them."""
    existing = look(connection, job)
    if existing is None:
        raise TransferError(f"{job.target} was dropped while it was loaded", "Repeat the load")
    # Locked first, then looked at: it may have been altered since.
    schema.fit(job.target, existing, staged.given, job.policy, types)
    modes.verify(job.mode, existing)
    if published_before(connection, job, existing, staged.rows):
        raise Again
    if _is_empty(connection, job.target):
        ledger.note_empty(connection, job.target, existing.made)
    return modes.write(connection, job.mode, job.target, existing, staged)


def record(
    connection: Connection,
    job: Job,
    existing: Existing | None,
    staged: Staged,
    previous: int | None,
) -> None:
    """Note the load, in its transaction."""
    note_files(connection, job)
    made = existing.made if existing else ""
    entry = ledger.Entry(staged.rows, previous, made, job.digest, "")
    ledger.record(connection, job.target, job.load_id, job.mode.name, entry)
    if staged.checked:
        ledger.record_checks(connection, job.target, job.load_id, staged.checked)


def note_files(connection: Connection, job: Job) -> None:
    """Note which files are in with this load, in its transaction."""
    if job.arrivals is not None:
        arrivals.record(connection, job.target, job.load_id, job.arrivals)
