"""Excel: a sheet of a workbook, in a stream, as the cells say what they are.

Cells become texts of which type they are known to be; then columns are converted as those of a CSV.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from factory.definitions.formats import Xlsx
from factory.definitions.formats.xlsx import Area, area, column_letters, nulls
from factory.definitions.warehouses import Holds
from factory.stores.model import Store
from factory.transfer import agreement, names, spelling
from factory.transfer.bad_rows import BadRows
from factory.transfer.convert import convert
from factory.transfer.errors import BadOption, BadRow, unknown
from factory.transfer.formats import Reader
from factory.transfer.formats.csv.unfit import SHOWN, Column, value
from factory.transfer.formats.xlsx import cells as kinds
from factory.transfer.formats.xlsx import sheet as sheets
from factory.transfer.formats.xlsx.cells import Book, Texts, texts
from factory.transfer.formats.xlsx.sheet import Block, blocks, merges, shown
from factory.transfer.formats.xlsx.strings import strings
from factory.transfer.formats.xlsx.styles import kinds as kinds_of
from factory.transfer.formats.xlsx.workbook import Sheet, Workbook, opened
from factory.transfer.holds import refuse_names, unheld
from factory.transfer.spelling import Spelling, to_iso
from factory.transfer.target import Target
from factory.transfer.types import arrow_type

SAMPLED_BLOCKS = 2
SAMPLED_FILES = 16


@dataclass(frozen=True)
class Head:
    """What a file's first rows say."""

    row: int  # of the header; 0: there is none
    columns: tuple[int, ...]  # those with a name, by their numbers
    names: list[str]
    seen: Mapping[int, Seen]  # values of the first rows


@dataclass(frozen=True)
class Seen:
    """Values of a column."""

    kinds: frozenset[int]
    texts: pa.StringArray


@dataclass(frozen=True)
class Table:
    """How the blocks of a sheet become batches."""

    given: Xlsx
    area: Area
    how: Spelling
    columns: tuple[Column, ...]  # `index` is that of the header's names
    holds: Holds

    @property
    def schema(self) -> pa.Schema:
        """The batches' names and types."""
        return pa.schema([_field(column) for column in self.columns])


def _field(column: Column) -> pa.Field:
    field = pa.field(column.name, column.type)
    as_is = pa.types.is_date(column.type) or pa.types.is_integer(column.type)
    return agreement.as_written(field) if column.inferred and as_is else field


def open(
    fs: Store,
    sources: Sequence[str],
    given: Xlsx,
    bad: BadRows,
    target: Target,
) -> Reader:
    """See `formats.open`."""
    wanted = area(given)
    if wanted is None:
        raise BadOption(f"{given.range!r} is no range of cells", "Write B3:F, A:H or B3:F200")
    if not given.header and not given.columns:
        raise BadOption("a sheet without a header needs `columns`", "Declare them in order")
    wanted = msgspec.structs.replace(wanted, first_row=wanted.first_row + given.skip_rows)
    how = spelling.spelling(given)
    table = Table(given, wanted, how, (), target.holds)
    heads = [_head(fs, source, table) for source in sources]
    for source, head in zip(sources, heads, strict=True):
        if head.names != heads[0].names:
            said = f"has the columns {head.names}, but {sources[0]} has {heads[0].names}"
            raise BadRow(f"{source} {said}")
    table = replace(table, columns=_columns(given, how, heads, sources[0], target))
    by_source = dict(zip(sources, heads, strict=True))
    return Reader(table.schema, lambda source: _batches(fs, source, by_source[source], table, bad))


def _columns(
    given: Xlsx, how: Spelling, heads: Sequence[Head], source: str, target: Target
) -> tuple[Column, ...]:
    """The columns that are wanted, with their types."""
    header = heads[0].names
    as_is = given if given.header else msgspec.structs.replace(given, names="as_is")
    chosen = names.chosen(header, as_is, source)
    refuse_names(header, chosen, target.holds, source)
    declared = {name: arrow_type(word) for name, word in given.columns.items()}
    there = [name for _, name in chosen]
    for name in declared:
        if given.header and name not in there and not given.select:
            raise unknown(f"column in 'columns', {source} has no", name, there)
    columns = []
    for index, name in chosen:
        kind = declared.get(name if given.header else header[index])
        known = kind is None and name in target.known
        seen = [head.seen[index] for head in heads[:SAMPLED_FILES]]
        found = target.known[name].type if known else kind or _type(seen, how)
        if pa.types.is_nested(found):  # a list stands in a cell as the target writes it
            found = pa.string()
        columns.append(Column(index, name, found, kind is None and not known, known))
    return tuple(columns)


def _type(seen: Sequence[Seen], how: Spelling) -> pa.DataType:
    """What all cells are; text when they are of several kinds."""
    found = frozenset[int]().union(*(one.kinds for one in seen))
    sample = pa.concat_arrays([one.texts for one in seen]).drop_null()
    if not found:
        return pa.null()
    for own, types in _TYPES:
        if found <= own:
            for type in types:
                if convert(sample, type, how, inferred=True).bad is None:
                    return type
            if pa.timestamp("us") in types:
                return pa.timestamp("us")
    return pa.string()


_TYPES = (
    ({kinds.NUMBER}, (pa.int64(), pa.float64())),
    ({kinds.BOOLEAN}, (pa.bool_(),)),
    ({kinds.TIME}, (pa.time64("us"),)),
    ({kinds.DATE, kinds.STAMP}, (pa.date32(), pa.timestamp("us"))),
    ({kinds.DATE, kinds.STAMP, kinds.ISO}, (pa.date32(), pa.timestamp("us"))),
)


@dataclass(frozen=True)
class _File:
    """A sheet that is open."""

    workbook: Workbook
    sheet: Sheet
    book: Book
    kinds: Sequence[int]

    def blocks(self, area: Area, shared: Sequence[Area] = ()) -> Iterator[Block]:
        """Its rows, and the refusal of none."""
        return blocks(self.workbook, self.sheet, sheets.Reader(area, self.kinds, shared))


@contextmanager
def _opened(fs: Store, source: str, given: Xlsx) -> Iterator[_File]:
    with opened(fs, source) as workbook:
        sheet = _sheet(workbook, given.sheet)
        with strings(workbook) as found:
            book = Book(found, workbook.from_1904, nulls(given))
            yield _File(workbook, sheet, book, kinds_of(workbook))


def _sheet(workbook: Workbook, wanted: str | int | None) -> Sheet:
    """The sheet of a name or number, else the only one that holds something."""
    known = {sheet.name: sheet for sheet in workbook.sheets}
    if isinstance(wanted, int):
        if wanted > len(known):
            hint = f'Its name is a text: `sheet: "{wanted}"`' if str(wanted) in known else None
            raise BadRow(f"{workbook.source} has {len(known)} sheets, and no sheet {wanted}", hint)
        return workbook.sheets[wanted - 1]
    if wanted is not None:
        if wanted not in known:
            raise unknown(f"sheet, {workbook.source} has no", wanted, known)
        return known[wanted]
    there = [sheet for sheet in workbook.sheets if sheet.shown]
    if len(there) > 1:
        there = [sheet for sheet in there if not _is_empty(workbook, sheet)] or there[:1]
    if len(there) == 1:
        return there[0]
    said = f"has several sheets: {', '.join(s.name for s in there)}" if there else "shows no sheet"
    raise BadRow(f"{workbook.source} {said}", f"Say which (`sheet: {next(iter(known), 1)}`)")


def _is_empty(workbook: Workbook, sheet: Sheet) -> bool:
    return next(blocks(workbook, sheet, sheets.Reader(Area(), ())), None) is None


def _head(fs: Store, source: str, table: Table) -> Head:
    """Names, and the values of the first rows. Raises `BadRow` when there is no header."""
    with _opened(fs, source, table.given) as file:
        first = list(islice(file.blocks(table.area), SAMPLED_BLOCKS))
        if table.given.header:
            row, found = _header(file, first, source)
        else:
            start, declared = table.area.first_column, table.given.columns
            row, found = 0, dict(enumerate(declared, start))
        seen = {
            index: _seen([block.after(row) for block in first], column, file.book)
            for index, column in enumerate(found)
        }
    return Head(row, tuple(found), list(found.values()), seen)


def _header(file: _File, first: Sequence[Block], source: str) -> tuple[int, dict[int, str]]:
    """The first row that holds something: its number, and the names by column."""
    for block in first:
        read = {
            column: texts(cells, len(block.rows), file.book)
            for column, cells in sorted(block.columns.items())
        }
        for at, row in enumerate(block.rows):
            for column, one in read.items():
                if at in one.faults:
                    cell = file.sheet.cell(column_letters(column), row)
                    raise BadRow(
                        f"{source}:{row}: {cell}: the name of a column {one.faults[at][0]}"
                    )
            names = {column: one.values[at].as_py() for column, one in read.items()}
            names = {column: name for column, name in names.items() if name is not None}
            if names:
                return row, names
    raise BadRow(f"{source}: the sheet {file.sheet.name} is empty", "Expected at least a header")


def _seen(first: Sequence[Block], column: int, book: Book) -> Seen:
    read = [
        texts(block.columns[column], len(block.rows), book)
        for block in first
        if column in block.columns
    ]
    found = frozenset[int]().union(*(one.kinds for one in read))
    return Seen(
        found, pa.concat_arrays([one.values for one in read] or [pa.array([], pa.string())])
    )


def _batches(
    fs: Store, source: str, head: Head, table: Table, bad: BadRows
) -> Iterator[pa.RecordBatch]:
    with _opened(fs, source, table.given) as file:
        shared: list[Area] = []
        if table.given.merged == "fill":
            found = merges(file.workbook, file.sheet)
            shared = [merge for merge in found if merge.first_row > head.row]
        reader = sheets.Reader(table.area, file.kinds, shared)
        for block in blocks(file.workbook, file.sheet, reader):
            rows = block.after(head.row)
            if rows.rows:
                batch = Rows(file, head, table, rows).batch(source, bad)
                if batch.num_rows:
                    yield batch
        if table.given.merged == "fail":
            _refuse_merged(reader.merged, file, head, table, source)


def _refuse_merged(
    merged: Sequence[Area], file: _File, head: Head, table: Table, source: str
) -> None:
    """Merged cells among the rows, and the columns that have a name."""
    for merge in merged:
        columns = range(merge.first_column, merge.last_column + 1)
        last = min(merge.last_row, table.area.last_row)
        if last > max(head.row, table.area.first_row - 1) and set(columns) & set(head.columns):
            letters = column_letters(merge.first_column)
            cells = f"{file.sheet.cell(letters, merge.first_row)}:{shown(merge).partition(':')[2]}"
            raise BadRow(
                f"{source}: {cells} are merged: only the first has the value",
                "Give it to each (`merged: fill`), or leave the others empty (`merged: first`)",
            )


class Rows:
    """The rows of a block."""

    def __init__(self, file: _File, head: Head, table: Table, block: Block) -> None:
        self._file, self._head, self._table, self._block = file, head, table, block

    def batch(self, source: str, bad: BadRows) -> pa.RecordBatch:
        """Those that fit; the others go to `bad`."""
        columns = self._table.columns
        read = [self._texts(self._head.columns[column.index], column.type) for column in columns]
        how = replace(self._table.how, formats=())
        values, problems = [], dict[int, tuple[str, str | None]]()
        for column, one in zip(columns, read, strict=True):
            words = _fitting(one, column.type)
            done = convert(words, column.type, column.how(how), inferred=column.inferred)
            values.append(done.values)
            masks = (done.bad, unheld(done.values, self._table.holds))
            for at, (reason, hint) in one.faults.items():
                problems.setdefault(at, self._at(column, at, f"{column.name!r} {reason}", hint))
            for mask in masks:
                for at in pc.indices_nonzero(mask).to_pylist() if mask is not None else ():
                    text = one.values[at].as_py()
                    reason, hint = value(text, column, self._table.how, self._table.holds)
                    problems.setdefault(at, self._at(column, at, reason, hint))
        self._refuse_nameless(problems)
        left = self._left(read, problems)
        for at in sorted(problems):
            reason, hint = problems[at]
            bad.add(source, self._block.rows[at], reason, self._shown(at), hint)
        found = pa.RecordBatch.from_arrays(values, schema=self._table.schema)
        return found if left is None else found.filter(left)

    def _texts(self, column: int, type: pa.DataType | None = None) -> Texts:
        cells = self._block.columns.get(column)
        if cells is None:
            return Texts(pa.nulls(len(self._block.rows), pa.string()), frozenset(), {})
        formats = self._table.how.formats
        temporal = type is not None and pa.types.is_temporal(type)
        spell = (
            (lambda found: pc.coalesce(to_iso(found, formats), found))
            if temporal and formats
            else None
        )
        return texts(cells, len(self._block.rows), self._file.book, spell)

    def _at(self, column: Column, at: int, reason: str, hint: str | None) -> tuple[str, str | None]:
        letters = column_letters(self._head.columns[column.index])
        return f"{self._file.sheet.cell(letters, self._block.rows[at])}: {reason}", hint

    def _refuse_nameless(self, problems: dict[int, tuple[str, str | None]]) -> None:
        """Values in columns without a name, which would be lost."""
        if self._table.given.select:
            return
        for column in self._block.columns.keys() - set(self._head.columns):
            one = self._texts(column)
            for at in {*pc.indices_nonzero(pc.is_valid(one.values)).to_pylist(), *one.faults}:
                shown = repr(one.values[at].as_py() or "an error")[:SHOWN]
                letters = column_letters(column)
                cell = self._file.sheet.cell(letters, self._block.rows[at])
                hint = "Name it in the header, or read only some columns (`range`, `select`)"
                reason = f"{cell}: {shown} stands in a column without a name"
                problems.setdefault(at, (reason, hint))

    def _left(
        self, read: Sequence[Texts], problems: Mapping[int, object]
    ) -> pa.BooleanArray | None:
        """Which rows are taken: not bad ones, nor those without any value; None: all."""
        count = len(self._block.rows)
        empty = [True] * count
        for one in read:
            if not one.values.null_count:
                empty = [False] * count
                break
        else:
            every = [*read, *(self._texts(c) for c in set(self._head.columns) - self._used())]
            valid = pa.repeat(False, count)
            for one in every:
                valid = pc.or_(valid, pc.is_valid(one.values))
            empty = pc.invert(valid).to_pylist()
        if not problems and not any(empty):
            return None
        return pa.array([at not in problems and not empty[at] for at in range(count)], pa.bool_())

    def _used(self) -> set[int]:
        return {self._head.columns[column.index] for column in self._table.columns}

    def _shown(self, at: int) -> str:
        """A row for the quarantine: its cells as texts."""
        found = []
        for column, cells in sorted(self._block.columns.items()):
            one = texts(cells, len(self._block.rows), self._file.book)
            shown = cells.written(at) if at in one.faults else one.values[at].as_py()
            if shown is not None:
                found.append(f"{column_letters(column)}={shown}")
        return "; ".join(found)


def _fitting(one: Texts, type: pa.DataType) -> pa.StringArray:
    """Dates at midnight in a column of moments, and moments at midnight in one of dates."""
    found = one.values
    if pa.types.is_timestamp(type) and one.kinds & {kinds.DATE, kinds.ISO}:
        is_date = pc.equal(pc.binary_length(found), len("2024-01-01"))
        return pc.if_else(is_date, pc.binary_join_element_wise(found, "00:00:00", " "), found)
    if pa.types.is_date(type) and one.kinds & {kinds.STAMP, kinds.ISO}:
        return pc.replace_substring_regex(found, r" 00:00:00$", "")
    return found


__all__ = ["open"]
