"""How rows are written into a target, in one transaction: each mode of `definitions.writes`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from factory.definitions import writes
from factory.fields import word_of
from factory.transfer.snowflake.names import Table, literal, quoted
from factory.transfer.snowflake.session import Connection, ask, changed
from factory.transfer.snowflake.staging import Staged
from factory.transfer.snowflake.table import Existing
from factory.transfer.snowflake.types import parts_of
from factory.transfer.warehouse import interval, merging
from factory.transfer.warehouse.interval import Bounds, Interval
from factory.transfer.warehouse.parts import Changed, Given

_JSON = ("VARIANT", "OBJECT", "ARRAY")


@dataclass(frozen=True)
class Mode:
    """A write mode, and what it was told."""

    name: str
    key: tuple[str, ...] = ()
    whole: bool = False
    once: bool = False
    numbered: bool = False
    column: str = ""  # of a partition
    interval: Interval | None = None
    drops: bool = False  # what is outside the interval

    @property
    def removes(self) -> bool:
        """Whether staged rows may be removed, and not published."""
        return self.drops or self.numbered


def of(write: writes.Write, given: Given) -> Mode:
    """The mode that this asks for. Raises `BadOption` when the load's columns do not suit it."""
    name = word_of(write)
    if isinstance(write, writes.Merge):
        merging.require(write.key, [column.name for column in given.columns])
        return Mode(name, tuple(write.key), numbered=write.duplicates == "last")
    if isinstance(write, writes.Partition):
        column, found = interval.of(write, given)
        drops = write.outside == "drop"
        mode = Mode(name, column=write.column, interval=found, drops=drops)
        if not column.empty:
            _bounds(mode, column.type)
        return mode
    return Mode(name, whole=name == "replace", once=name == "append")


def verify(mode: Mode, existing: Existing) -> None:
    """The target has the columns that the mode needs. Raises `BadOption`."""
    merging.require(mode.key, existing.columns)
    if mode.interval is not None:
        _bounds(mode, interval.require(mode.column, existing.columns))


def _bounds(mode: Mode, kind: str) -> Bounds:
    """As values that compare with a column of this type. Raises `BadOption`."""
    assert mode.interval is not None
    word, _ = parts_of(kind)
    if word in ("TIMESTAMP_TZ", "TIMESTAMP_LTZ"):
        return mode.interval.start, mode.interval.end
    if word == "TIMESTAMP_NTZ":
        return mode.interval.utc
    if word != "DATE":
        raise interval.no_time(mode.column, kind)
    return mode.interval.days(mode.column)


def tidy(connection: Connection, mode: Mode, staged: Staged) -> int:
    """Refuse keys that name no row, or remove what is not to be published: how many?"""
    if mode.key:
        return _tidy_key(connection, mode, staged)
    if mode.interval is None:
        return 0
    outside = _outside(mode, staged)
    if mode.drops:
        return int(changed(connection, f"DELETE FROM {quoted(staged.table)} WHERE {outside}")[0])
    column = quoted(mode.column)
    query = f"SELECT COUNT(*), MIN({column})::VARCHAR FROM {quoted(staged.table)} WHERE {outside}"
    ((count, example),) = ask(connection, query)
    if count:
        raise interval.outside(mode.column, count, staged.rows, mode.interval, example)
    return 0


def _outside(mode: Mode, staged: Staged) -> str:
    kinds = {column.name: column for column in staged.columns}
    if kinds[mode.column].empty:
        return "TRUE"
    name = quoted(mode.column)
    start, end = _moments(mode, kinds[mode.column].type)
    return f"{name} IS NULL OR {name} < {start} OR {name} >= {end}"


def _moments(mode: Mode, kind: str) -> tuple[str, str]:
    start, end = (_literal(bound) for bound in _bounds(mode, kind))
    return start, end


def _literal(bound: Any) -> str:
    if not isinstance(bound, datetime):
        return f"{literal(bound.isoformat())}::DATE"
    kind = "TIMESTAMP_TZ" if bound.tzinfo else "TIMESTAMP_NTZ"
    text = re.sub(r"([+-]\d\d):(\d\d)$", r" \1\2", bound.isoformat(" ", "microseconds"))
    return f"{literal(text)}::{kind}"


def _tidy_key(connection: Connection, mode: Mode, staged: Staged) -> int:
    """A merge key names one row: it has no nulls and no duplicates."""
    table = quoted(staged.table)
    key = ", ".join(map(quoted, mode.key))
    nulls = " OR ".join(f"{quoted(name)} IS NULL" for name in mode.key)
    ((count,),) = ask(connection, f"SELECT COUNT(*) FROM {table} WHERE {nulls}")
    if count:
        raise merging.nulls(count, staged.rows, mode.key)
    if staged.number is not None:
        number = quoted(staged.number)
        last = f"SELECT MAX({number}) FROM {table} GROUP BY {key}"
        return int(changed(connection, f"DELETE FROM {table} WHERE {number} NOT IN ({last})")[0])
    twice = f"SELECT COUNT(*) OVER (), {key} FROM {table} GROUP BY {key} HAVING COUNT(*) > 1"
    if found := ask(connection, f"{twice} ORDER BY {key} LIMIT 1"):
        count, *values = found[0]
        hint = "Name a key that tells the rows apart, or write `duplicates: last`"
        raise merging.twice(count, _shown(mode.key, values), hint=hint)
    return 0


def _shown(key: Sequence[str], values: Sequence[object]) -> str:
    return merging.shown(key, [str(value)[:60] for value in values])


def write(
    connection: Connection, mode: Mode, target: Table, existing: Existing, staged: Staged
) -> Changed:
    """The staged rows → the target, within the caller's transaction."""
    if mode.key:
        return _merged(connection, mode, target, existing, staged)
    deleted = 0
    if mode.whole:
        deleted = changed(connection, f"DELETE FROM {quoted(target)}")[0]
    elif mode.interval is not None:
        name = quoted(existing.names[mode.column])
        start, end = _moments(mode, existing.columns[mode.column])
        inside = f"{name} >= {start} AND {name} < {end}"
        deleted = changed(connection, f"DELETE FROM {quoted(target)} WHERE {inside}")[0]
    into = ", ".join(quoted(existing.names[column.name]) for column in staged.given)
    values = ", ".join(quoted(column.name) for column in staged.given)
    insert = f"INSERT INTO {quoted(target)} ({into}) SELECT {values} FROM {quoted(staged.table)}"
    return Changed(int(changed(connection, insert)[0]), deleted=int(deleted))


def _merged(
    connection: Connection, mode: Mode, target: Table, existing: Existing, staged: Staged
) -> Changed:
    own = existing.names
    same = " AND ".join(f"t.{quoted(own[name])} = s.{quoted(name)}" for name in mode.key)
    _refuse_several(connection, mode, target, staged, same)
    updated = [column.name for column in staged.given if column.name not in mode.key]
    differ = " OR ".join(_differ(existing, staged, updated))
    update = ", ".join(f"{quoted(own[name])} = s.{quoted(name)}" for name in updated)
    into = ", ".join(quoted(own[column.name]) for column in staged.given)
    values = ", ".join(f"s.{quoted(column.name)}" for column in staged.given)
    merge = f"MERGE INTO {quoted(target)} AS t USING {quoted(staged.table)} AS s ON {same}"
    if differ:
        merge += f" WHEN MATCHED AND ({differ}) THEN UPDATE SET {update}"
    merge += f" WHEN NOT MATCHED THEN INSERT ({into}) VALUES ({values})"
    inserted, *more = changed(connection, merge)
    return Changed(int(inserted), updated=int(more[0]) if more else 0)


def _differ(existing: Existing, staged: Staged, names: Sequence[str]) -> Iterator[str]:
    """Is a row not what is there? Where it came from is no change of it."""
    columns: Mapping[str, Any] = {column.name: column for column in staged.given}
    for name in names:
        old, new = f"t.{quoted(existing.names[name])}", f"s.{quoted(name)}"
        if columns[name].lineage:
            continue
        if parts_of(existing.columns[name])[0] in _JSON:
            old, new = f"TO_JSON({old})", f"TO_JSON({new})"
        yield f"{old} IS DISTINCT FROM {new}"


def _refuse_several(
    connection: Connection, mode: Mode, target: Table, staged: Staged, same: str
) -> None:
    """A key names one row of the target, too: else one row would overwrite several."""
    key = ", ".join(f"s.{quoted(name)}" for name in mode.key)
    query = f"SELECT {key}, COUNT(*) FROM {quoted(staged.table)} AS s JOIN {quoted(target)} AS t"
    found = ask(connection, f"{query} ON {same} GROUP BY {key} HAVING COUNT(*) > 1 LIMIT 1")
    if found:
        *values, count = found[0]
        raise merging.several(target, count, _shown(mode.key, values))
