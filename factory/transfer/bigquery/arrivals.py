"""Which files are in a table, kept beside the ledger and written in the same transaction.

A file is in as long as the load that brought it in is: what the ledger says of loads of a table
that was replaced, or made anew, or that a person forgets, holds for their files, too. Notes are
only added. BigQuery lets two transactions add at one moment, and neither sees the other's rows; so
each first changes the one row of a table of the target's own, which only one at a time may do: the
other fails, and its job is begun anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from factory.stores.model import Place
from factory.transfer.bigquery import ledger, staging
from factory.transfer.bigquery import table as tables
from factory.transfer.bigquery.jobs import Jobs
from factory.transfer.bigquery.modes import Staged
from factory.transfer.bigquery.table import OURS, Existing, Table, literal
from factory.transfer.errors import TransferError
from factory.transfer.warehouse.arrivals import (
    Arrivals,
    Known,
    by_step,
    refuse_taken,
    some_names,
)
from factory.transfer.warehouse.parts import Column

NAME = f"{OURS}files"
TAKEN = "factory: a file was loaded since it was chosen"
_NOTED = {
    "table_name": "STRING",
    "step": "STRING",
    "uri": "STRING",
    "size": "INT64",
    "version": "STRING",
    "load_id": "STRING",
    "noted_at": "TIMESTAMP",
}
_DESCRIPTION = "The files that are in the tables of this dataset. Without it, one may come twice."
_LISTED = tuple(
    Column(name, kind, wire)
    for name, kind, wire in (
        ("uri", "STRING", pa.string()),
        ("size", "INT64", pa.int64()),
        ("version", "STRING", pa.string()),
        ("before", "STRING", pa.string()),
    )
)


def lock_of(target: Table) -> Table:
    """The table that who notes files of the target changes first."""
    return target.beside(f"{OURS}lock_{staging.digest(target.name)}")


def ensure(jobs: Jobs, target: Table) -> None:
    """Make the table of files of the target's dataset, and the lock, where they are missing."""
    fields = [tables.field_of(name, kind) for name, kind in _NOTED.items()]
    more = {"clustering": {"fields": ["table_name"]}, "description": _DESCRIPTION}
    tables.make(jobs.api, target.beside(NAME), fields, more)
    tables.make(jobs.api, lock_of(target), [tables.field_of("held_by", "STRING")], {})


@dataclass(frozen=True)
class Noting:
    """The files of one load, which become a table: 100,000 would be too long for a statement."""

    target: Table
    load_id: str
    given: Arrivals

    @property
    def digest(self) -> str:
        """Of the files."""
        return staging.digest(self.given.step, *self.given.files)

    @property
    def table(self) -> Table:
        """Where they are listed."""
        return self.target.beside(staging.name(self.target, self.load_id, self.digest))

    def fill(self, jobs: Jobs, via: Place) -> None:
        """List them there, by a load job. Raises `TransferError`, `Running`."""
        made_at = staging.made(jobs, self.table, _LISTED, None)
        listed = Staged(self.table, _LISTED, len(self.given.files), made_at=made_at)
        job = f"factory_{staging.digest(str(self.table), made_at)}_files"
        staging.fill(jobs, via, listed, job, self._batches)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        files = self.given.files
        arrays = [
            pa.array([getattr(file, column.name) for file in files], column.wire)
            for column in _LISTED
        ]
        yield pa.RecordBatch.from_arrays(arrays, [column.name for column in _LISTED])

    def first(self) -> str:
        """The statement that comes before the transaction: the lock has its row."""
        lock = lock_of(self.target).sql
        empty = f"NOT EXISTS (SELECT 1 FROM {lock})"
        return (
            f"INSERT INTO {lock} (held_by) SELECT held_by FROM (SELECT '' AS held_by) WHERE {empty}"
        )

    def statements(self, existing: Existing) -> Sequence[str]:
        """Those of the transaction: one at a time, none of these files is in, now they are."""
        lock, listed, load = lock_of(self.target).sql, self.table.sql, literal(self.load_id)
        taken = (
            f"SELECT COUNT(*) FROM {listed} AS l JOIN ({_in(self.target, existing)}) AS f"
            f" ON f.uri = l.uri WHERE f.step = {literal(self.given.step)}"
            f" AND f.load_id <> {load} AND (l.before IS NULL OR f.load_id <> l.before)"
        )
        whose = f"{literal(self.target.name)}, {literal(self.given.step)}"
        return [
            f"UPDATE {lock} SET held_by = {load} WHERE true",
            f"IF ({taken}) > 0 THEN SELECT ERROR({literal(TAKEN)}); END IF",
            f"INSERT INTO {self.target.beside(NAME).sql} ({', '.join(_NOTED)})"
            f" SELECT {whose}, uri, size, version, {load}, CURRENT_TIMESTAMP() FROM {listed}",
        ]

    def alone(self, existing: Existing) -> str:
        """The script that notes them, and does nothing else."""
        statements = self.statements(existing)
        return ";\n".join(
            [self.first(), "BEGIN TRANSACTION", *statements, "COMMIT TRANSACTION", "SELECT 1;"]
        )

    def are_noted(self, jobs: Jobs, existing: Existing) -> bool:
        """Whether this load has noted these files, and no others."""
        known = _known(jobs, self.target, existing).get(self.given.step, {})
        own = {(uri, at.version) for uri, at in known.items() if at.load_id == self.load_id}
        return own == {(file.uri, file.version) for file in self.given.files}

    def refuse(self, jobs: Jobs, existing: Existing) -> None:
        """Raise `TransferError`: the statements have said that a file is in."""
        known = _known(jobs, self.target, existing)
        refuse_taken(known.get(self.given.step, {}), self.given, self.load_id)


def forget(jobs: Jobs, target: Table) -> None:
    """The table is gone, with all that was loaded into it."""
    if tables.look(jobs.api, target.beside(NAME)) is not None:
        jobs.query(f"DELETE FROM {_noted(target)}")


def files_in(jobs: Jobs, target: Table) -> Mapping[str, Mapping[str, Known]]:
    """Step → address → what is in. Raises `TransferError` when nobody can tell."""
    existing = tables.existing(jobs.api, target)
    if existing is None or tables.look(jobs.api, target.beside(NAME)) is None:
        return {}
    if not ledger.is_there(jobs.api, target):
        return {}
    _refuse_doubt(jobs, target, existing)
    return _known(jobs, target, existing)


def _known(jobs: Jobs, target: Table, existing: Existing) -> Mapping[str, Mapping[str, Known]]:
    return by_step(jobs.asked(_in(target, existing)))


def _in(target: Table, existing: Existing) -> str:
    """The query of the files that are in: the last note of a load says what it has brought in."""
    loads = f"SELECT load_id {ledger.standing(target)} AND made_at = {existing.made_at}"
    noted = (
        "SELECT step, uri, version, load_id, noted_at,"
        f" MAX(noted_at) OVER (PARTITION BY step, load_id) AS last_at FROM {_noted(target)}"
        f" AND load_id IN ({loads})"
    )
    latest = "ROW_NUMBER() OVER (PARTITION BY step, uri ORDER BY noted_at DESC) = 1"
    return (
        f"SELECT step, uri, version, load_id FROM ({noted}) WHERE noted_at = last_at"
        f" QUALIFY {latest}"
    )


def _noted(target: Table) -> str:
    """What follows a FROM: the files of the target."""
    return f"{target.beside(NAME).sql} WHERE table_name = {literal(target.name)}"


def _refuse_doubt(jobs: Jobs, target: Table, existing: Existing) -> None:
    """A table that is empty, or was made anew, has lost its files; but which of the two is it?"""
    standing = ledger.standing(target)
    brought = f"load_id IN (SELECT load_id FROM {_noted(target)})"
    found = jobs.asked(
        f"SELECT load_id, made_at = {existing.made_at}, SUM(`rows`) {standing} AND {brought}"
        " GROUP BY 1, 2"
    )
    own = {load_id for load_id, is_own, rows in found if is_own and rows}
    others = {load_id for load_id, is_own, _ in found if not is_own} - own
    if not (own or others):
        return
    empty = ledger.is_empty(jobs, target, existing)
    if empty and own:
        raise _doubt(target, own, "and is empty: were they deleted since?")
    if not empty and others:
        raise _doubt(target, others, "but was made anew since, and has rows: are they among them?")


def _doubt(target: Table, loads: set[str], why: str) -> TransferError:
    names = sorted(loads)
    ids = ", ".join(map(literal, names))
    where = f"table_name = {literal(target.name)} AND load_id IN ({ids})"
    forget = f"DELETE FROM {target.beside(ledger.NAME).sql} WHERE {where}"
    return TransferError(
        f"{target} got files by {some_names(names)}, {why}", f"To load them again: {forget}"
    )
