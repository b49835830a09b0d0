"""How rows are written: the statements of each mode, in one transaction with the ledger."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Protocol

from factory.definitions import writes
from factory.transfer.bigquery.columns import bare
from factory.transfer.bigquery.jobs import Jobs
from factory.transfer.bigquery.table import Existing, Table, literal, quoted
from factory.transfer.warehouse import interval, merging, parts
from factory.transfer.warehouse.interval import Interval
from factory.transfer.warehouse.parts import Changed, Column, Given
from factory.transfer.warehouse.rows import Guard, raw

log = logging.getLogger(__name__)

SEVERAL = "factory: a merge key names several rows of the target"


@dataclass(frozen=True)
class Staged(parts.Staged):
    """Rows that wait to be published."""

    table: Table
    made_at: int = 0  # of the staging table, which names the jobs of this try


@dataclass(frozen=True)
class Counts:
    """What a publish saw: rows of the target before and after, those that a merge changed."""

    before: int
    after: int
    changed: int = 0


class Mode(parts.Mode, Protocol):
    """One way to write."""

    def verify(self, target: Existing) -> None:
        """Before any row is moved: does the target suit? Raises `BadOption`."""

    @property
    def removes(self) -> bool:
        """Whether `tidy` may remove rows."""

    def tidy(self, jobs: Jobs, staged: Staged) -> None:
        """Remove staged rows that are not to be published. Raises `BadRow`."""

    def guard(self, staged: Staged) -> Guard[Jobs] | None:
        """What the audit must refuse before anything is published."""

    def statements(self, target: Table, existing: Existing, staged: Staged) -> Sequence[str]:
        """What is done to the target."""

    def changed(self, counts: Counts, rows: int) -> Changed:
        """What that did."""

    def refuse(self, jobs: Jobs, target: Table, staged: Staged, existing: Existing) -> None:
        """Raise `TransferError`: the statements have said that they can't."""


def values(staged: Staged, existing: Existing) -> dict[str, str]:
    """Column → its staged value, as the target has it."""
    return {column.name: _value(column, existing) for column in staged.given}


def _value(column: Column, existing: Existing) -> str:
    if column.empty:
        return f"CAST(NULL AS {existing.columns.get(column.name, column.type)})"
    value = f"s.{quoted(column.name)}"
    return f"PARSE_JSON({value}, wide_number_mode=>'exact')" if column.sent else value


def insert(target: Table, existing: Existing, staged: Staged) -> str:
    """Every staged row."""
    found = values(staged, existing)
    names = ", ".join(map(quoted, found))
    chosen = ", ".join(found.values())
    return f"INSERT INTO {target.sql} ({names}) SELECT {chosen} FROM {staged.table.sql} AS s"


class Plain:
    """What most modes are, and do nothing about."""

    key: tuple[str, ...] = ()
    whole: bool = False
    numbered: bool = False
    once: bool = False
    removes: bool = False

    def verify(self, target: Existing) -> None:
        """Any table will do."""

    def tidy(self, jobs: Jobs, staged: Staged) -> None:
        """Every row is written."""

    def guard(self, staged: Staged) -> Guard[Jobs] | None:
        """Any rows will do."""
        return None

    def refuse(self, jobs: Jobs, target: Table, staged: Staged, existing: Existing) -> None:
        """They have said nothing."""


@dataclass(frozen=True)
class Append(Plain):
    """Add the rows."""

    name: str = "append"
    once: bool = True

    def statements(self, target: Table, existing: Existing, staged: Staged) -> Sequence[str]:
        """An INSERT, which holds up no other."""
        return [insert(target, existing, staged)]

    def changed(self, counts: Counts, rows: int) -> Changed:
        """All are new."""
        return Changed(rows)


@dataclass(frozen=True)
class Replace(Plain):
    """The rows become the whole table.

    By TRUNCATE, which costs nothing: a copy of the staging table, or a query that overwrites,
    would take its columns' descriptions, its policy tags and its partitions along.
    """

    name: str = "replace"
    whole: bool = True

    def statements(self, target: Table, existing: Existing, staged: Staged) -> Sequence[str]:
        """Empty it, and fill it."""
        return [f"TRUNCATE TABLE {target.sql}", insert(target, existing, staged)]

    def changed(self, counts: Counts, rows: int) -> Changed:
        """What was there is gone."""
        return Changed(rows, deleted=counts.before)


@dataclass(frozen=True)
class Partition(Plain):
    """The rows become those of one interval."""

    column: str
    kind: str | None  # the staged column's type; None when it holds nulls only
    interval: Interval
    outside: str = "fail"
    name: str = "partition"

    def verify(self, target: Existing) -> None:
        """The target has the column, and it is a time."""
        self.bounds(interval.require(self.column, target.columns))

    def bounds(self, kind: str) -> tuple[str, str]:
        found: tuple[date, date]
        word = bare(kind)
        if word == "TIMESTAMP":
            found = (self.interval.start, self.interval.end)
        elif word == "DATETIME":
            found = self.interval.utc
        elif word == "DATE":
            found = self.interval.days(self.column)
        else:
            raise interval.no_time(self.column, kind)
        start, end = (f"{word} {literal(moment.isoformat())}" for moment in found)
        return start, end

    @property
    def removes(self) -> bool:  # type: ignore[override]
        """What is outside, if so asked."""
        return self.outside == "drop"

    def tidy(self, jobs: Jobs, staged: Staged) -> None:
        """Remove what is outside the interval, if so asked; so is a null."""
        if self.removes:
            jobs.query(f"DELETE FROM {staged.table.sql} WHERE {self._is_outside()}")

    def _is_outside(self) -> str:
        if self.kind is None:
            return "true"
        name, (start, end) = quoted(self.column), self.bounds(self.kind)
        return f"{name} IS NULL OR {name} < {start} OR {name} >= {end}"

    def guard(self, staged: Staged) -> Guard[Jobs] | None:
        """No row is outside."""
        if self.outside == "drop":
            return None
        return Guard(raw(f"COUNTIF({self._is_outside()}) > 0"), partial(self._refuse, staged))

    def _refuse(self, staged: Staged, jobs: Jobs) -> None:
        """Raise `BadRow` when there are rows outside."""
        query = f"SELECT COUNT(*), CAST(MIN({quoted(self.column)}) AS STRING)"
        ((count, example),) = jobs.asked(
            f"{query} FROM {staged.table.sql} WHERE {self._is_outside()}"
        )
        if count:
            raise interval.outside(self.column, count, staged.rows, self.interval, example)

    def statements(self, target: Table, existing: Existing, staged: Staged) -> Sequence[str]:
        """Delete the interval's rows and insert the load's."""
        start, end = self.bounds(existing.columns[self.column])
        name = quoted(self.column)
        inside = f"{name} >= {start} AND {name} < {end}"
        delete = f"DELETE FROM {target.sql} WHERE {_and(inside, existing.every())}"
        return [delete, insert(target, existing, staged)]

    def changed(self, counts: Counts, rows: int) -> Changed:
        """What was in the interval is gone."""
        return Changed(rows, deleted=counts.before + rows - counts.after)


@dataclass(frozen=True)
class Merge(Plain):
    """Update the rows of these keys that have changed, add the others."""

    key: tuple[str, ...]
    duplicates: str = "fail"
    name: str = "merge"

    @property
    def numbered(self) -> bool:  # type: ignore[override]
        """To know which row is the last."""
        return self.duplicates == "last"

    @property
    def removes(self) -> bool:  # type: ignore[override]
        """All of a key's rows but the last, if so asked."""
        return self.duplicates == "last"

    def verify(self, target: Existing) -> None:
        """The target has the key."""
        merging.require(self.key, target.columns)

    def tidy(self, jobs: Jobs, staged: Staged) -> None:
        """A merge key names one row: it has no nulls and no duplicates."""
        self._refuse_nulls(jobs, staged)
        keys = ", ".join(map(quoted, self.key))
        if self.duplicates == "fail":
            self._refuse_duplicates(jobs, staged, keys)
            return
        assert staged.number is not None
        number, table = quoted(staged.number), staged.table.sql
        last = f"SELECT MAX({number}) FROM {table} GROUP BY {keys}"
        jobs.query(f"DELETE FROM {table} WHERE {number} NOT IN ({last})")

    def _refuse_nulls(self, jobs: Jobs, staged: Staged) -> None:
        missing = " OR ".join(f"{quoted(name)} IS NULL" for name in self.key)
        query = f"SELECT COUNT(*), COUNTIF({missing}) FROM {staged.table.sql}"
        ((rows, nulls),) = jobs.asked(query)
        if nulls:
            raise merging.nulls(nulls, rows, self.key)

    def _refuse_duplicates(self, jobs: Jobs, staged: Staged, keys: str) -> None:
        found = jobs.asked(
            f"SELECT COUNT(*) OVER (), {keys} FROM {staged.table.sql} GROUP BY {keys}"
            " HAVING COUNT(*) > 1 LIMIT 1"
        )
        if found:
            count, *example = found[0]
            raise merging.twice(count, merging.shown(self.key, example))

    def statements(self, target: Table, existing: Existing, staged: Staged) -> Sequence[str]:
        """MERGE, once it is known that a key names one row of the target, too."""
        given = values(staged, existing)
        same = self._same(given, existing)
        met = f"FROM {staged.table.sql} AS s JOIN {target.sql} AS t ON {same}"
        key = ", ".join(f"{given[name]} AS k{number}" for number, name in enumerate(self.key))
        counts = (
            "TO_JSON_STRING(STRUCT(COUNT(*) AS pairs, "
            f"COUNT(DISTINCT TO_JSON_STRING(STRUCT({key}))) AS names, "
            f"COUNTIF({self._differ(given, existing, staged)}) AS changed))"
        )
        return [
            f"SET factory_met = (SELECT {counts} {met})",
            f"IF {_met('pairs')} <> {_met('names')} THEN SELECT ERROR({literal(SEVERAL)}); END IF",
            f"SET factory_changed = {_met('changed')}",
            self._merge(target, existing, staged, given),
        ]

    def _same(self, given: Mapping[str, str], existing: Existing) -> str:
        same = (f"t.{quoted(name)} = {given[name]}" for name in self.key)
        return _and(*same, existing.every("t"))

    def _differ(self, given: Mapping[str, str], existing: Existing, staged: Staged) -> str:
        compared = [c for c in staged.given if c.name not in self.key and not c.lineage]
        kinds = {c.name: existing.columns.get(c.name, c.type) for c in compared}  # one may be new
        return _any(_differs(name, given[name], kind) for name, kind in kinds.items())

    def _merge(
        self, target: Table, existing: Existing, staged: Staged, given: Mapping[str, str]
    ) -> str:
        names = ", ".join(map(quoted, given))
        set_ = ", ".join(
            f"{quoted(name)} = {value}" for name, value in given.items() if name not in self.key
        )
        differ = self._differ(given, existing, staged)
        update = f" WHEN MATCHED AND ({differ}) THEN UPDATE SET {set_}" if set_ else ""
        return (
            f"MERGE INTO {target.sql} AS t USING {staged.table.sql} AS s"
            f" ON {self._same(given, existing)}{update}"
            f" WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({', '.join(given.values())})"
        )

    def changed(self, counts: Counts, rows: int) -> Changed:
        """What is new, and what has changed."""
        return Changed(counts.after - counts.before, updated=counts.changed)

    def refuse(self, jobs: Jobs, target: Table, staged: Staged, existing: Existing) -> None:
        """One row would overwrite several."""
        given = values(staged, existing)
        keys = ", ".join(given[name] for name in self.key)
        found = jobs.asked(
            f"SELECT COUNT(*), {keys} FROM {staged.table.sql} AS s JOIN {target.sql} AS t"
            f" ON {self._same(given, existing)} GROUP BY {keys} HAVING COUNT(*) > 1 LIMIT 1"
        )
        count, *example = found[0] if found else (2, *["?"] * len(self.key))
        raise merging.several(target, count, merging.shown(self.key, example))


def _and(*conditions: str) -> str:
    return " AND ".join(condition for condition in conditions if condition)


def _met(name: str) -> str:
    return f"CAST(JSON_VALUE(factory_met, '$.{name}') AS INT64)"


def _any(conditions: Iterable[str]) -> str:
    return " OR ".join(conditions) or "false"


def _differs(name: str, value: str, kind: str) -> str:
    """Some types have no `IS DISTINCT FROM`."""
    mine = f"t.{quoted(name)}"
    if "<" in kind or kind in ("JSON", "GEOGRAPHY"):
        return f"TO_JSON_STRING({mine}) IS DISTINCT FROM TO_JSON_STRING({value})"
    return f"{mine} IS DISTINCT FROM {value}"


def of(write: writes.Write, given: Given) -> Mode:
    """The mode that this asks for. Raises `BadOption` when the load's columns do not suit it."""
    if isinstance(write, writes.Merge):
        return _merge_of(write, given)
    if isinstance(write, writes.Partition):
        return _partition_of(write, given)
    return Append() if isinstance(write, writes.Append) else Replace()


def _merge_of(write: writes.Merge, given: Given) -> Mode:
    merging.require(write.key, [column.name for column in given.columns])
    return Merge(tuple(write.key), write.duplicates)


def _partition_of(write: writes.Partition, given: Given) -> Mode:
    column, found = interval.of(write, given)
    kind = None if column.empty else column.type
    mode = Partition(column.name, kind, found, write.outside)
    if kind is not None:
        mode.bounds(kind)
    return mode


__all__ = ["SEVERAL", "Counts", "Mode", "Staged", "insert", "of"]
