"""Parquet files → a SQLite table, in the order of all warehouses."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import pyarrow as pa
from sqlglot import exp

from factory.definitions.tables import policy
from factory.definitions.warehouses import Capabilities
from factory.definitions.writes import Write, key
from factory.fields import word_of
from factory.stores.model import Store
from factory.transfer.errors import TransferError
from factory.transfer.warehouse import columns, parquet
from factory.transfer.warehouse.audit import prepare
from factory.transfer.warehouse.load import Checks, Loaded, run, told
from factory.transfer.warehouse.parquet import Files
from factory.transfer.warehouse.parts import (
    Changed,
    Column,
    Existing,
    Job,
    Noted,
    Staged,
    Table,
    refuse_mode,
)
from factory.transfer.warehouse.rows import Subject
from factory.transfer.warehouse.schema import Types

from .rows import CAN, Rows
from .warehouse import WAREHOUSE, connected

LEDGER = "_factory_loads"


def mapped(field: pa.Field) -> tuple[str, pa.DataType]:
    """A field's type, and what its values are handed over as."""
    kind, t = field.type, pa.types
    for fits, name, wire in (
        (t.is_integer, "INTEGER", pa.int64()),
        (t.is_floating, "REAL", pa.float64()),
        (t.is_date, "DATE", pa.string()),
        (t.is_timestamp, "TIMESTAMP", pa.string()),
        (t.is_string, "TEXT", pa.string()),
        (t.is_null, "TEXT", pa.string()),
    ):
        if fits(kind):
            return name, wire
    raise TransferError(f"column {field.name!r} has the type {kind}, which can't be loaded")


class Kinds:
    """SQLite's types."""

    def fits(self, staged: str, target: str) -> bool:
        """Only its own."""
        return staged == target

    def nulls_of(self, kind: str) -> pa.DataType:
        """Nulls are nulls."""
        return pa.string()

    def reason(self, target: str) -> str:
        """None has one."""
        return ""


@dataclass(frozen=True)
class Mode:
    """`append` or `replace`."""

    name: str
    whole: bool
    once: bool
    key: tuple[str, ...] = ()
    numbered: bool = False


def load(
    address: str,
    fs: Store,
    paths: Sequence[str],
    *,
    table: str,
    write: Write,
    checks: Checks = (),
    load_id: str,
    on_schema_change: str = "fail",
) -> Loaded:
    """Load the files into `table`; the same `load_id` again leaves the same rows."""
    started = time.monotonic()
    refuse_mode(CAN, write)
    files = parquet.read(fs, paths)
    found = columns.columns(files.schema, CAN, mapped, empty=not files.rows)
    mode = Mode(word_of(write), whole=word_of(write) == "replace", once=word_of(write) == "append")
    target = WAREHOUSE.table(table)
    job = Job(target, load_id, mode, tuple(found), policy(on_schema_change), tuple(key(write)))
    prepare(checks, [column.name for column in found])
    with connected(address) as connection:
        session = Session(address, connection, job, files)
        done = run(session, job, files, checks, None)
    return told(job, files, done, time.monotonic() - started)


@dataclass(frozen=True)
class Session:
    """One load's session; see `warehouse.load.Session`."""

    address: str
    connection: sqlite3.Connection
    job: Job
    files: Files
    can: Capabilities = CAN
    types: Types = Kinds()  # noqa: RUF009

    def _run(self, text: str, *names: str | Table | Column) -> sqlite3.Cursor:
        """`{}` stands for a name."""
        return self.connection.execute(text.format(*map(_quoted, names)))

    def existing(self) -> Existing | None:
        """Ask the catalog."""
        query = 'SELECT name, type, "notnull", dflt_value FROM pragma_table_info(?)'
        rows = self.connection.execute(query, (self.job.target.name,)).fetchall()
        filled = frozenset(name for name, _, _, default in rows if default is not None)
        required = frozenset(name for name, _, needed, _ in rows if needed) - filled
        types = {name: kind for name, kind, *_ in rows}
        return Existing(types, filled, frozenset(), required, True) if rows else None

    def published_before(self, existing: Existing | None, rows: int) -> bool:
        """Ask the ledger."""
        return self.job.mode.once and existing is not None and self.noted(existing) is not None

    def noted(self, existing: Existing) -> Noted | None:
        """Ask the ledger."""
        found = self._entry_of("load_id = ?", self.job.load_id)
        return Noted(*found) if found else None

    def turned(self, existing: Existing | None, columns: Sequence[Column]) -> tuple[Column, ...]:
        """Nothing is turned."""
        return tuple(columns)

    def retype(self, columns: Sequence[Column]) -> None:
        """No column waits for its type."""

    def previous_rows(self) -> int | None:
        """Ask the ledger."""
        found = self._entry_of("load_id <> ?", self.job.load_id)
        return found[0] if found else None

    def _entry_of(self, which: str, load_id: str) -> tuple[int, str, str] | None:
        if not self._run("SELECT 1 FROM pragma_table_info('_factory_loads')").fetchone():
            return None
        query = f"SELECT rows, at, checks FROM {LEDGER} WHERE table_name = ? AND {which}"
        names = (self.job.target.name, load_id)
        found: tuple[int, str, str] | None
        found = self.connection.execute(f"{query} ORDER BY rowid DESC", names).fetchone()
        return found

    def refuse_target(self, existing: Existing) -> None:
        """Any table will do."""

    def plan(
        self, existing: Existing | None, columns: tuple[Column, ...], rows: int, keep: bool
    ) -> Staged:
        """A table beside the target."""
        digest = hashlib.sha256(f"{self.job.target} {self.job.load_id}".encode()).hexdigest()
        return Staged(Table("main", f"_factory_{digest[:16]}"), columns, rows, keep=keep)

    @contextmanager
    def staging(self, staged: Staged) -> Iterator[None]:
        """What a killed load left is dropped first."""
        self._run("DROP TABLE IF EXISTS {}", staged.table)
        self._create(staged.table, staged.columns)
        try:
            yield
        finally:
            self._run("DROP TABLE IF EXISTS {}", staged.table)

    def _create(self, table: Table, columns: Sequence[Column]) -> None:
        fields = ", ".join(f"{{}} {column.type}" for column in columns)
        self._run(f"CREATE TABLE {{}} ({fields})", table, *columns)

    def taken_up(self, existing: Existing | None, staged: Staged) -> None:
        """A publish ends with the session of who began it."""

    def copy(self, staged: Staged) -> float:
        """Row by row."""
        started = time.monotonic()
        places = ", ".join("?" for _ in staged.given)
        names = ", ".join("{}" for _ in staged.given)
        insert = f"INSERT INTO {{}} ({names}) VALUES ({places})"
        self._run("BEGIN")
        for batch in self.files.batches(staged.given, lambda batch, schema: batch.cast(schema)):
            rows = zip(*(column.to_pylist() for column in batch.columns), strict=True)
            query = insert.format(_quoted(staged.table), *map(_quoted, staged.given))
            self.connection.executemany(query, rows)
        self._run("COMMIT")
        return time.monotonic() - started

    @contextmanager
    def apart(self, subject: Subject, checks: Checks) -> Iterator[Rows]:
        """Another session."""
        with connected(self.address) as another:
            yield Rows(another, subject)

    def tidy(self, staged: Staged) -> int:
        """Every row is written."""
        return 0

    def guard(self, staged: Staged) -> None:
        """Any rows will do."""

    def ready(self, staged: Staged) -> None:
        """There are no indexes."""

    @contextmanager
    def publishing(self) -> Iterator[None]:
        """One transaction for all: SQLite locks its whole file."""
        entry = "table_name TEXT, load_id TEXT, rows INT, at TEXT, checks TEXT"
        self._run(f"CREATE TABLE IF NOT EXISTS {LEDGER} ({entry})")
        self._run("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._run("ROLLBACK")
            raise
        self._run("COMMIT")

    def look(self) -> Existing | None:
        """As it is now."""
        return self.existing()

    def swaps(self, existing: Existing, staged: Staged) -> bool:
        """Never."""
        return False

    def grow(self, columns: Sequence[Column]) -> None:
        """Add columns."""
        for column in columns:
            self._run(f"ALTER TABLE {{}} ADD COLUMN {{}} {column.type}", self.job.target, column)

    def transaction(self) -> AbstractContextManager[None]:
        """See `publishing`."""
        return nullcontext()

    def write(self, existing: Existing | None, staged: Staged, *, swaps: bool) -> Changed:
        """Insert; a `replace` deletes what was there."""
        target, deleted = self.job.target, 0
        if existing is None:
            self._create(target, staged.given)
        elif self.job.mode.whole:
            deleted = self._run("DELETE FROM {}", target).rowcount
        names = ", ".join("{}" for _ in staged.given)
        insert = f"INSERT INTO {{}} ({names}) SELECT {names} FROM {{}}"
        given = staged.given
        done = self._run(insert, target, *given, *given, staged.table)
        return Changed(done.rowcount, deleted=deleted)

    def record(self, existing: Existing | None, staged: Staged, previous: int | None) -> None:
        """A load of this id is known from now on."""
        entry = (self.job.target.name, self.job.load_id, staged.rows, staged.checked)
        insert = f"INSERT INTO {LEDGER} SELECT ?, ?, ?, datetime(), ?"
        self.connection.execute(insert, entry)


def _quoted(name: str | Table | Column) -> str:
    if isinstance(name, Table):
        return exp.table_(name.name, db=name.schema, quoted=True).sql(dialect=CAN.dialect)
    text = name.name if isinstance(name, Column) else name
    return exp.to_identifier(text, quoted=True).sql(dialect=CAN.dialect)
