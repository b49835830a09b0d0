"""Staged rows → the target, in one transaction."""

from dataclasses import dataclass

from factory.transfer.postgres import indexes as idx
from factory.transfer.postgres import ledger, schema, swap
from factory.transfer.postgres import table as tables
from factory.transfer.postgres.columns import Column
from factory.transfer.postgres.indexes import Index
from factory.transfer.postgres.modes import Changed, Mode, Staged
from factory.transfer.postgres.modes.parts import insert
from factory.transfer.postgres.session import Limits
from factory.transfer.postgres.table import Connection, Existing, Table


@dataclass(frozen=True)
class Job:
    """What a load is to do."""

    target: Table
    load_id: str
    mode: Mode
    columns: tuple[Column, ...]
    indexes: tuple[Index, ...]
    policy: str  # of on_schema_change
    limits: Limits


class _Another(Exception):
    """Something was hung on the target while its lock was waited for."""


def published_before(connection: Connection, job: Job, existing: Existing | None) -> bool:
    """Were these rows added, and is the table that they went to still there?"""
    return (
        job.mode.once and existing is not None and ledger.has(connection, job.target, job.load_id)
    )


def publish(
    connection: Connection, job: Job, staged: Staged, previous: int | None
) -> Changed | None:
    """One transaction; None when this load was published before, and nothing was done."""
    ledger.ensure(connection, job.target)
    with tables.locked(connection, f"factory publish {job.target}"):
        try:
            return _publish(connection, job, staged, previous, may_swap=True)
        except _Another:
            return _publish(connection, job, staged, previous, may_swap=False)


def _publish(
    connection: Connection, job: Job, staged: Staged, previous: int | None, *, may_swap: bool
) -> Changed | None:
    target = job.target
    existing = tables.existing(connection, target)
    if published_before(connection, job, existing):
        return None
    swaps = False
    if existing is not None:
        fit = schema.fit(target, existing, staged.given, job.policy)
        swaps = may_swap and job.mode.whole and _may_swap(connection, job, existing, staged)
        if fit.new and not swaps:
            schema.grow(connection, target, fit.new, job.limits.lock)
            existing = tables.existing(connection, target) or existing
    with connection.transaction():
        if existing is None:
            ledger.forget(connection, target)
            changed = _create(connection, job, staged)
        elif swaps:
            tables.exclusively(connection, target, job.limits.lock)
            if not _may_swap(connection, job, existing, staged):
                raise _Another
            ledger.forget(connection, target)
            swap.replace(connection, staged, target, job.indexes)
            changed = Changed(staged.rows)
        else:
            if job.mode.whole:
                ledger.forget(connection, target)
            changed = job.mode.write(connection, target, existing, staged)
        name = job.mode.name
        ledger.record(connection, target, job.load_id, name, staged.rows, previous)
    return changed


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
