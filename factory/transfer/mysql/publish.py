"""Staged rows → the target: in one transaction, or by a name that is exchanged.

RENAME TABLE is whole or not at all, but commits by itself, so that the ledger can't be of the same
transaction. The table that comes in therefore bears its load in its comment. Whoever looks at a
target with such a comment brings the ledger up to it before anything else: `settle`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pymysql

from factory.definitions.checks.parts import many
from factory.transfer.errors import BadRow, TransferError
from factory.transfer.mysql import arrivals, ledger, rights, staging, writing
from factory.transfer.mysql import table as tables
from factory.transfer.mysql.modes import Mode, Staged
from factory.transfer.mysql.session import Connection, ask, code_of, name
from factory.transfer.mysql.table import Existing
from factory.transfer.mysql.types import NO_NULLS
from factory.transfer.mysql.writing import run
from factory.transfer.warehouse import kept, parts, schema
from factory.transfer.warehouse.arrivals import Arrivals
from factory.transfer.warehouse.load import Again
from factory.transfer.warehouse.parquet import others
from factory.transfer.warehouse.parts import Changed, Column, Limits, Table
from factory.transfer.warehouse.schema import Types

log = logging.getLogger(__name__)

_EXISTS, _GONE, _DENIED = 1050, 1146, 1142
_REFERRED = (1217, 1451, 3730)
_ACTIONS = ("CASCADE", "SET NULL", "SET DEFAULT")


@dataclass(frozen=True)
class Job(parts.Job):
    """What a load is to do."""

    mode: Mode
    limits: Limits
    primary_key: tuple[str, ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    digest: Callable[[], str] | None = None  # of the files' values, where the mode adds them once
    arrivals: Arrivals | None = None  # the source's files, where each is loaded once


def holding(target: Table) -> str:
    """What is held while one publishes into the target."""
    return f"publish {target}"


def existing(connection: Connection, job: Job) -> Existing | None:
    """Look the target up, and settle what a killed load left to be noted."""
    found = tables.existing(connection, job.target)
    if found is None or tables.mark_of(found.comment) is None:
        return found
    with writing.locked(connection, holding(job.target), job.limits.lock):
        settle(connection, job.target)
    return tables.existing(connection, job.target)


def settle(connection: Connection, target: Table) -> None:
    """Bring the ledger up to what the target's comment says, then take that away."""
    found = tables.existing(connection, target)
    said = tables.mark_of(found.comment) if found else None
    if not said:
        return
    comment = said.pop("comment")
    ledger.ensure(connection, target)
    with writing.transaction(connection):
        arrivals.forget(connection, target, but=said["load_id"])
        ledger.record(connection, target, said)
    tables.set_comment(connection, target, comment)
    ledger.note_made(connection, target, said["load_id"])


def published_before(
    connection: Connection, job: Job, existing: Existing | None, rows: int
) -> bool:
    """Were these rows added, and are they not gone for certain?

    Raises `TransferError` when nobody can tell, and when it was others that were added.
    """
    if not job.mode.once or existing is None:
        return False
    found = ledger.find(connection, job.target, job.load_id)
    if found is None or not found.rows:  # to add to nothing is no repetition
        return False
    when = f"{job.target} got the rows of this load at {found.when}"
    its = ledger.its(job.target, job.load_id)
    again = f"To load them again: DELETE FROM {tables.sql(ledger.of(job.target))} WHERE {its}"
    empty = tables.is_empty(connection, job.target)
    if empty and existing.made != found.made:
        log.warning("%s, and was emptied or made anew since: they are loaded again", when)
        return False
    if others(found.rows, found.digest, rows, job.digest):
        raise TransferError(
            f"{when}: {many(found.rows)}; those that it has now, {many(rows)}, are not the same, "
            "and are not added",
            f"Delete those of then where these are to take their place. {again}",
        )
    if empty:
        raise TransferError(
            f"{when}, and is empty: by TRUNCATE, or were they deleted one by one?", again
        )
    return True


@contextmanager
def publishing(connection: Connection, job: Job) -> Iterator[None]:
    """The publish of this load alone: others wait for it."""
    with writing.locked(connection, holding(job.target), job.limits.lock):
        ensure(connection, job)
        yield


def ensure(connection: Connection, job: Job) -> None:
    """Make what loads are noted in, where it is missing."""
    ledger.ensure(connection, job.target)
    if job.arrivals is not None:
        arrivals.ensure(connection, job.target)


def look(connection: Connection, job: Job) -> Existing | None:
    """The target, as it is now; what an empty table says of earlier loads is noted."""
    found = existing(connection, job)
    noted = job.mode.once or job.arrivals is not None
    if found is not None and noted and tables.is_empty(connection, job.target):
        ledger.forget_emptied(connection, job.target, found.made)
    return found


@contextmanager
def transaction(connection: Connection, job: Job) -> Iterator[None]:
    """All of a publish, or nothing."""
    _refuse_unless_locked(connection, job)
    with writing.transaction(connection):
        yield
    settle(connection, job.target)


def _refuse_unless_locked(connection: Connection, job: Job) -> None:
    if not writing.holds(connection, holding(job.target)):
        raise TransferError(
            "the session has lost its locks: a proxy gave it another one, or something called "
            "RELEASE_ALL_LOCKS()"
        )


def refuse_target(connection: Connection, job: Job, existing: Existing) -> None:
    """Find what hinders the publish, whatever the rows are. Raises `TransferError`."""
    target = job.target
    query = "SELECT TRANSACTIONS FROM information_schema.ENGINES WHERE ENGINE = "
    if ask(connection, query + writing.value(existing.engine)) != [("YES",)]:
        raise TransferError(
            f"{target} is a table of the engine {existing.engine or 'none'}, which has no "
            "transactions: half a load would stay",
            f"ALTER TABLE {tables.sql(target)} ENGINE=InnoDB",
        )
    job.mode.verify(existing)
    _refuse_lost_references(connection, job)
    _refuse_unseen_references(connection, job)


def _refuse_lost_references(connection: Connection, job: Job) -> None:
    if not job.mode.deletes:
        return
    for key, other, deletes, _, own in tables.references(connection, job.target):
        if deletes in _ACTIONS and not (own and job.mode.whole):
            raise TransferError(
                f"a {job.mode.name} deletes rows of {job.target}, and {other} would lose or change "
                f"those that refer to them (foreign key {key!r}, ON DELETE {deletes})",
                "Load by `merge`, or make the foreign key ON DELETE NO ACTION",
            )


def _refuse_unseen_references(connection: Connection, job: Job) -> None:
    """What the account does not see, nobody can tell to be none."""
    if job.mode.deletes and not rights.sees_references(connection, job.target):
        raise TransferError(
            f"a {job.mode.name} deletes rows of {job.target}, and the account does not see the "
            "foreign keys of all databases: one that is ON DELETE CASCADE or SET NULL would take "
            "rows there along",
            f"GRANT REFERENCES ON *.* TO {rights.account(connection)}: it shows definitions, and "
            "no rows. Or load by `merge` or `append`",
        )


def swaps(connection: Connection, job: Job, existing: Existing, staged: Staged) -> bool:
    """May the staging table take the target's place, and nothing but rows be lost?"""
    if staged.like is None or [*existing.columns] != [each.name for each in staged.columns]:
        return False
    same = tables.definition(connection, job.target) == tables.definition(connection, staged.table)
    fits = _mark(job, staged, existing.comment, None) is not None
    return same and fits and may_move(connection, job.target)


def may_move(connection: Connection, target: Table) -> bool:
    """Whether nothing but its rows would go with the table, as far as can be proved."""
    if tables.hangs_on(connection, target):
        return False
    triggers = rights.sees_triggers(connection, target)
    if not triggers or not rights.sees_references(connection, target):
        missing = f"TRIGGER on {target}" if not triggers else "REFERENCES on *.*"
        log.info(
            "the rows of %s are deleted and inserted: without the right %s nobody can tell what "
            "an exchange of the table would take along",
            *(target, missing),
        )
        return False
    return True


def _said(job: Job, staged: Staged, previous: int | None) -> dict[str, object]:
    return {
        "load_id": job.load_id,
        "mode": job.mode.name,
        "rows": staged.rows,
        "previous_rows": previous,
        "digest": job.digest() if job.digest is not None else None,
        "checks": staged.checked,
    }


def _mark(job: Job, staged: Staged, comment: str, previous: int | None) -> str | None:
    """The comment of the table that comes in; of the checks it says as much as it has room for."""
    said = {"comment": comment, **_said(job, staged, previous)}
    short = kept.brief(staged.checked) if staged.checked else ""
    marks = (tables.marked({**said, "checks": checks}) for checks in (staged.checked, short, ""))
    return next((mark for mark in marks if mark is not None), None)


def write(
    connection: Connection,
    job: Job,
    existing: Existing | None,
    staged: Staged,
    types: Types,
    *,
    swaps: bool,
    previous: int | None,
) -> Changed:
    """The staged rows → the target, within the caller's transaction. Raises `Again`."""
    if existing is None and staged.joined:
        raise TransferError(f"{job.target} was dropped while it was loaded", "Repeat the load")
    if existing is not None and not swaps:
        if not staged.joined:  # another load has made it meanwhile
            job.mode.ready(connection, replace(staged, joined=True))
            connection.begin()  # (a statement that alters a table ends a transaction)
        return _written(connection, job, staged, types)
    note_files(connection, job, first=True)
    comment = existing.comment if existing else ""
    mark = _mark(job, staged, comment, previous)
    if mark is None:
        raise TransferError(f"the name of the load is too long for MySQL: {job.load_id[:80]}…")
    counter = tables.counter(connection, job.target) if swaps else ""
    tables.set_comment(connection, staged.table, mark, counter)
    _rename(connection, job, staged, swaps=swaps)
    if swaps:
        _drop_old(connection, job, staged)
    connection.begin()  # what came before is committed: the ledger follows
    return Changed(staged.rows)


def _rename(connection: Connection, job: Job, staged: Staged, *, swaps: bool) -> None:
    own, target = tables.sql(staged.table), tables.sql(job.target)
    away = f"{target} TO {tables.sql(staging.old(staged.table))}, " if swaps else ""
    try:
        run(connection, f"RENAME TABLE {away}{own} TO {target}")
    except pymysql.Error as error:
        if code_of(error) in ((_GONE, _DENIED) if swaps else (_EXISTS,)):
            raise Again from None
        raise


def _drop_old(connection: Connection, job: Job, staged: Staged) -> None:
    """Drop what was the target; where a foreign key came to refer to it, it is the target again."""
    old = staging.old(staged.table)
    try:
        tables.drop(connection, old)
    except pymysql.Error as error:
        if code_of(error) not in _REFERRED:
            raise
        own, target = tables.sql(staged.table), tables.sql(job.target)
        run(connection, f"RENAME TABLE {target} TO {own}, {tables.sql(old)} TO {target}")
        raise Again from None


def _written(connection: Connection, job: Job, staged: Staged, types: Types) -> Changed:
    """Hold first, then look: what was seen before may have been altered since."""
    ask(connection, f"SELECT 1 FROM {tables.sql(job.target)} LIMIT 0")
    found = tables.existing(connection, job.target)
    assert found is not None  # nobody can drop it now
    schema.fit(job.target, found, staged.given, job.policy, types)
    _refuse_altered(job, found, staged)
    refuse_target(connection, job, found)
    if job.mode.whole:
        arrivals.forget(connection, job.target)
    note_files(connection, job)
    return job.mode.write(connection, job.target, staged)


def _refuse_altered(job: Job, found: Existing, staged: Staged) -> None:
    """A column of another type than rows were staged in would round, or cut, without a word."""
    for column in staged.given:
        kind = found.columns.get(column.name, column.type)
        before = staged.texts.get(column.name)  # None of one that is new
        altered = before is not None and found.texts.get(column.name) != before
        if not column.guessed and (kind != column.type or altered):
            raise TransferError(
                f"the columns of {job.target} were altered while its rows were loaded",
                "Repeat the load",
            )


def record(connection: Connection, job: Job, staged: Staged, previous: int | None) -> None:
    """Note the load, within the caller's transaction."""
    ledger.record(connection, job.target, _said(job, staged, previous))


def note_files(connection: Connection, job: Job, *, first: bool = False) -> None:
    """Note which files are in with this load, within the caller's transaction."""
    if job.arrivals is not None:
        arrivals.record(connection, job.target, job.load_id, job.arrivals, first=first)


def grow(connection: Connection, target: Table, columns: list[Column]) -> None:
    """Add columns. (Each such statement commits, and a column that came stays.)"""
    for column in columns:
        field = tables.field_sql(column, {})
        run(connection, f"ALTER TABLE {tables.sql(target)} ADD COLUMN {field}")
        log.info("added the column %s (%s) to %s", column.name, column.type, target)


def retype(connection: Connection, target: Table, columns: list[Column]) -> None:
    """Give columns that hold nothing but nulls their type."""
    for column in columns:
        own, at = name(column.name), tables.sql(target)
        if ask(connection, f"SELECT 1 FROM {at} WHERE {own} IS NOT NULL LIMIT 1"):
            continue
        run(connection, f"ALTER TABLE {at} MODIFY {tables.field_sql(column, {})}")
        log.warning(
            "the column %s of %s held no value, and has the first value's type now: %s",
            *(column.name, target, column.type),
        )


def refuse_nulls(target: Table, staged: Staged, connection: Connection) -> None:
    """Raise `BadRow` for a null in a column that takes none."""
    for column in staged.filled:
        query = f"SELECT count(*) FROM {tables.sql(staged.table)} WHERE {name(column)} IS NULL"
        ((count,),) = ask(connection, query)
        if count:
            raise BadRow(
                f"{column!r} is null in {many(count)}, and the column of {target} takes none",
                NO_NULLS,
            )
