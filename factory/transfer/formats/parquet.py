"""Parquet. Types are the file's own, where `columns` does not say another.

Timestamps and times of other units become those of microseconds, each exact or refused. pyarrow
cuts an INT96 to its microsecond in silence, and lets its nanoseconds wrap: both readings together
tell whether one was cut, whatever its year.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from factory.definitions.formats import Parquet, columns
from factory.definitions.warehouses import Holds
from factory.stores.model import Store
from factory.transfer import first_bytes, names, row_groups
from factory.transfer.bad_rows import BadRows
from factory.transfer.errors import BadRow
from factory.transfer.formats import Reader
from factory.transfer.holds import first_day, integers, is_dated, refuse_names, unheld
from factory.transfer.target import Target
from factory.transfer.values import agreement, options
from factory.transfer.values.cast import can, cast, either
from factory.transfer.values.convert import Converted
from factory.transfer.values.spelling import PLAIN, Spelling, of_columns, spelling
from factory.transfer.values.types import arrow_type, type_word

ROWS = 64 * 1024


@dataclass(frozen=True)
class _Column:
    """A column of the table, and where a file has it."""

    field: pa.Field
    own: str | None  # None: the file lacks it
    how: Spelling | None  # of what is declared
    int96: bool


def open(
    fs: Store,
    sources: Sequence[str],
    given: Parquet,
    bad: BadRows,
    target: Target,
) -> Reader:
    """See `formats.open`."""
    found = {source: _footer(fs, source) for source in sources}
    if not given.select:
        _refuse_ranges(found)
    own = {source: footer.schema.names for source, footer in found.items()}
    agreed = names.agreed(own, given, given.columns)
    declared = _declared(given, agreed)
    schemas = {}
    for source, footer in found.items():
        refuse_names(footer.schema.names, _chosen(agreed, source), target.holds, source)
        schemas[source] = _schema(footer, agreed, source)
        for field in schemas[source]:
            _refuse_types(source, field, declared)
    schema = _agreed(schemas, found, agreed, declared)

    def batches(source: str) -> Iterator[pa.RecordBatch]:
        wanted = _wanted(found[source], agreed, source, schema, declared)
        return _batches(fs, source, wanted, bad, target.holds)

    return Reader(schema, batches)


@dataclass(frozen=True)
class _Footer:
    schema: pa.Schema
    int96: frozenset[str]
    empty: frozenset[str]  # columns that hold nothing but nulls
    ranges: tuple[str, ...]  # columns that stand in pandas' notes alone


def _footer(fs: Store, source: str) -> _Footer:
    with fs.open(source) as file, _opened(file, source) as parquet:
        leaves = (parquet.schema.column(n) for n in range(len(parquet.schema)))
        int96 = frozenset(leaf.path for leaf in leaves if leaf.physical_type == "INT96")
        schema = parquet.schema_arrow.remove_metadata()
        ranges = _ranges(parquet)
        return _Footer(schema, int96, agreement.empty_columns(parquet), ranges)


def _ranges(parquet: pq.ParquetFile) -> tuple[str, ...]:
    """Named indexes of pandas whose values are evenly spaced: it notes how, and writes none.

    A note of another number of rows is of another table, as pandas has it, too.
    """
    rows = parquet.metadata.num_rows
    try:
        notes = parquet.schema_arrow.pandas_metadata or {}
        return tuple(
            one["name"]
            for one in notes.get("index_columns", ())
            if isinstance(one, dict) and one.get("name")
            if len(range(one["start"], one["stop"], one["step"])) == rows > 0
        )
    except (AttributeError, KeyError, TypeError, ValueError):  # notes that pandas can't read
        return ()


def _refuse_ranges(footers: Mapping[str, _Footer]) -> None:
    """A column that its writer sees, and that would be lost."""
    for source, footer in footers.items():
        for name in footer.ranges:
            if name not in footer.schema.names:
                raise BadRow(
                    f"{source}: pandas has noted its index {name!r}, and not written its values",
                    "Write it as a column: `df.reset_index().to_parquet(…)`; if it is not "
                    "wanted, `select` the others",
                )


def _chosen(agreed: names.Agreed, source: str) -> list[tuple[int, str]]:
    places = zip(agreed.places[source], agreed.names, strict=True)
    return [(index, name) for index, name in places if index is not None]


def _schema(footer: _Footer, agreed: names.Agreed, source: str) -> pa.Schema:
    """The wanted columns of a file by their final names; what it lacks is null."""
    fields = [
        pa.field(name, pa.null()) if index is None else footer.schema.field(index).with_name(name)
        for index, name in zip(agreed.places[source], agreed.names, strict=True)
    ]
    return pa.schema([field.remove_metadata() for field in fields])


@dataclass(frozen=True)
class _Declared:
    kinds: Mapping[str, pa.DataType]
    hows: Mapping[str, Spelling]


def _declared(given: Parquet, agreed: names.Agreed) -> _Declared:
    """What `columns` says, by the final names."""
    hows = of_columns(given.columns, spelling(given))
    return _Declared(
        {name: arrow_type(columns.word(given.columns[w])) for name, w in agreed.declared.items()},
        {name: hows[word] for name, word in agreed.declared.items()},
    )


def _agreed(
    schemas: Mapping[str, pa.Schema],
    footers: Mapping[str, _Footer],
    agreed: names.Agreed,
    declared: _Declared,
) -> pa.Schema:
    """One type for each column: the declared one, or one that all files agree on."""
    empty = {}
    for source, footer in footers.items():
        own = footer.schema.names
        full = {n for index, n in _chosen(agreed, source) if own[index] not in footer.empty}
        empty[source] = frozenset(agreed.names) - full
    typed = {
        source: pa.schema(
            [field.with_type(declared.kinds.get(field.name, _unit(field.type))) for field in schema]
        )
        for source, schema in schemas.items()
    }
    return agreement.agreed(typed, empty)


def _unit(kind: pa.DataType) -> pa.DataType:
    """Times of microseconds, as the words for types mean them; values instead of dictionaries."""
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    return pa.time64("us") if pa.types.is_time(kind) else agreement.decoded(kind)


def _refuse_types(source: str, field: pa.Field, declared: _Declared) -> None:
    """What no column of a table is a value of; a list of plain values may be an array."""
    kind, t = field.type, pa.types
    if field.name in declared.kinds:
        wanted, how = declared.kinds[field.name], declared.hows[field.name]
        if not can(kind, wanted, how):
            said = f"{source}: the column {field.name!r} is {type_word(kind)}, which is never "
            raise BadRow(said + type_word(wanted), _way_out(kind, wanted, field.name))
        return
    kind = kind.value_type if t.is_list(kind) or t.is_large_list(kind) else kind
    if t.is_nested(kind) or t.is_duration(kind) or t.is_interval(kind):
        raise BadRow(
            f"{source}: column {field.name!r} has the type {field.type}, which can't be loaded",
            "Write it as text or as several columns, or leave it out: `select` names the others",
        )


def _way_out(kind: pa.DataType, wanted: pa.DataType, name: str) -> str:
    """What else may be declared."""
    if pa.types.is_timestamp(wanted) and pa.types.is_timestamp(kind):
        if wanted.tz:
            zone = "{type: timestamptz, timezone: Europe/Berlin}"
            return f"Say in which zone it is: `columns: {{{name}: {zone}}}`"
        return f"It has a zone: `columns: {{{name}: timestamptz}}`"
    if pa.types.is_timestamp(wanted) and pa.types.is_integer(kind):
        return f"Say what it counts: `columns: {{{name}: {{type: {type_word(wanted)}, unit: ms}}}}`"
    return "Declare another type, or none"


def _wanted(
    footer: _Footer, agreed: names.Agreed, source: str, schema: pa.Schema, declared: _Declared
) -> list[_Column]:
    found = []
    for index, field in zip(agreed.places[source], schema, strict=True):
        own = None if index is None else footer.schema.names[index]
        how = declared.hows.get(field.name)
        found.append(_Column(field, own, how, own in footer.int96))
    return found


def _batches(
    fs: Store, source: str, wanted: Sequence[_Column], bad: BadRows, holds: Holds
) -> Iterator[pa.RecordBatch]:
    own = [column.own for column in wanted if column.own is not None]
    exact = [
        column for column in wanted if column.int96 and not (column.how and column.how.truncate)
    ]
    row = 1
    none: AbstractContextManager[Iterator[pa.RecordBatch]] = nullcontext(iter(()))
    again = _read(fs, source, [column.own or "" for column in exact], "ns") if exact else none
    with _read(fs, source, own, "us") as batches, again as more:
        uncut = _Uncut(more)
        for batch in batches:
            cells = [_cells(batch, column, source) for column in wanted]
            if exact:
                cells = _with_cut(cells, uncut.take(batch.num_rows))
            kept = _kept(cells, batch.num_rows, _At(source, row), bad)
            _check_range(kept, source, holds)
            yield kept
            row += batch.num_rows


@contextmanager
def _read(
    fs: Store, source: str, own: Sequence[str], int96: str
) -> Iterator[Iterator[pa.RecordBatch]]:
    with fs.open(source) as file, _opened(file, source, int96) as parquet:
        batches = row_groups.batches(parquet, ROWS, own)
        yield iter(lambda: _next(batches, source), None)


def _next(batches: Iterator[pa.RecordBatch], source: str) -> pa.RecordBatch | None:
    try:
        return next(batches, None)
    except (pa.ArrowException, OSError) as error:
        raise BadRow(f"{source} is damaged: {error}") from error


@dataclass(frozen=True)
class _Cells:
    """A column of a batch: as the file has it, and as the table does."""

    column: _Column
    written: pa.Array | None
    done: Converted
    rest: pa.Array | None = None  # the nanoseconds that an INT96 has beside its microseconds


def _cells(batch: pa.RecordBatch, column: _Column, source: str) -> _Cells:
    if column.own is None:
        return _Cells(column, None, Converted(pa.nulls(batch.num_rows, column.field.type)))
    written = _own(batch, column)
    if column.how is None and not pa.types.is_temporal(written.type):
        return _Cells(column, written, Converted(agreement.cast(written, column.field, source)))
    return _Cells(column, written, cast(written, column.field.type, column.how or PLAIN))


def _own(batch: pa.RecordBatch, column: _Column) -> pa.Array:
    # `a` also brings `a.b`: pyarrow takes it for a part of `a`.
    return batch.column(batch.schema.get_field_index(column.own))


class _Uncut:
    """Batches of as many rows as asked for."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._kept: list[pa.RecordBatch] = []

    def take(self, rows: int) -> pa.RecordBatch:
        """The next rows."""
        while sum(batch.num_rows for batch in self._kept) < rows:
            self._kept.append(next(self._batches))
        table = pa.Table.from_batches(self._kept)
        self._kept = table.slice(rows).to_batches()
        (taken,) = table.slice(0, rows).combine_chunks().to_batches()
        return taken


def _with_cut(cells: Sequence[_Cells], nanos: pa.RecordBatch) -> list[_Cells]:
    """What was cut is bad. Both readings wrap alike in years that nanoseconds can't hold."""
    found = []
    for one in cells:
        if one.column.own in nanos.schema.names:
            assert one.written is not None
            micros = pc.multiply(one.written.cast(pa.int64()), 1000)
            rest = pc.subtract(_own(nanos, one.column).cast(pa.int64()), micros)
            done = either(one.done, pc.not_equal(rest, 0))
            one = replace(one, done=done, rest=rest)
        found.append(one)
    return found


@dataclass(frozen=True)
class _At:
    source: str
    row: int  # of the batch's first; the file's first is 1


def _kept(cells: Sequence[_Cells], rows: int, at: _At, bad: BadRows) -> pa.RecordBatch:
    """The good rows."""
    schema = pa.schema([one.column.field for one in cells])
    batch = pa.RecordBatch.from_arrays([one.done.values for one in cells], schema=schema)
    first: dict[int, _Cells] = {}
    for one in cells:
        for index in (
            pc.indices_nonzero(one.done.bad).to_pylist() if one.done.bad is not None else ()
        ):
            first.setdefault(index, one)
    if not first:
        return batch
    for index, one in sorted(first.items()):
        reason, hint = _why(one, index)
        place = f"row {at.row + index}, column {one.column.field.name!r}"
        row = {cell.column.own: _text(cell, index) for cell in cells if cell.written is not None}
        written = json.dumps(row, ensure_ascii=False)
        bad.add(at.source, None, f"{place}: {reason}", written, hint)
    return batch.filter(pa.array([index not in first for index in range(rows)], pa.bool_()))


def _why(cells: _Cells, index: int) -> tuple[str, str]:
    kind, name = cells.column.field.type, cells.column.field.name
    if pa.types.is_timestamp(kind) and kind.tz:
        kind = pa.timestamp("us", "UTC")
    text = _text(cells, index) or ""
    reason, hint = options.why(text, kind, cells.column.how or PLAIN, name) or (
        f"would be changed by the type {type_word(kind)}",
        f"Declare another, for example `columns: {{{name}: text}}`",
    )
    return f"{text} {reason}", hint


def _text(cells: _Cells, index: int) -> str | None:
    assert cells.written is not None
    value = cells.written.slice(index, 1)
    if cells.rest is not None and value.null_count == 0:
        return f"{value.cast(pa.string())[0]}{cells.rest[index].as_py():03d}"
    try:
        text: str | None = value.cast(pa.string())[0].as_py()
    except pa.ArrowException:  # a list, bytes that are no text
        return str(value[0])
    return text


def _check_range(batch: pa.RecordBatch, source: str, holds: Holds) -> None:
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        # Texts are looked at where they are loaded.
        if is_dated(column.type) and unheld(column, holds) is not None:
            least = pc.min(column.view(integers(column.type))).as_py()
            raise BadRow(
                f"{source}: column {name!r} holds a {type_word(column.type)} before "
                f"{first_day(holds)} ({least})",
                f"{holds.name} has none; is it a mark for a missing value?",
            )


@contextmanager
def _opened(file: IO[bytes], source: str, int96: str = "us") -> Iterator[pq.ParquetFile]:
    try:
        # pre-buffered, the bytes of the whole file would stay in memory
        parquet = pq.ParquetFile(file, pre_buffer=False, coerce_int96_timestamp_unit=int96)
    except (pa.ArrowException, OSError) as error:
        file.seek(0)
        first_bytes.refuse(file.read(first_bytes.LOOKED_AT), source, "parquet")
        raise BadRow(f"{source} is not a Parquet file: {error}") from error
    with parquet:
        yield parquet
