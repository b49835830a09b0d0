"""Excel: a sheet of a workbook, in a stream, as the cells say what they are.

Cells become texts of which type they are known to be; then columns are converted as those of a CSV.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgspec
import pyarrow as pa

from factory.definitions.formats import Xlsx
from factory.definitions.formats.xlsx import Area, area, column_letters
from factory.stores.model import Store
from factory.transfer import names, spelling
from factory.transfer.bad_rows import BadRows
from factory.transfer.convert import convert
from factory.transfer.errors import BadOption, BadRow, unknown
from factory.transfer.formats import Reader
from factory.transfer.formats.csv.unfit import Column
from factory.transfer.formats.xlsx import cells as kinds
from factory.transfer.formats.xlsx import sheet as sheets
from factory.transfer.formats.xlsx.file import File, opened
from factory.transfer.formats.xlsx.head import Head, Seen, head
from factory.transfer.formats.xlsx.rows import Rows, Table
from factory.transfer.formats.xlsx.sheet import blocks, merges, shown
from factory.transfer.holds import refuse_names
from factory.transfer.spelling import Spelling
from factory.transfer.target import Target
from factory.transfer.types import arrow_type

SAMPLED_FILES = 16


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
    heads = [head(fs, source, given, wanted) for source in sources]
    for source, one in zip(sources, heads, strict=True):
        if one.names != heads[0].names:
            said = f"has the columns {one.names}, but {sources[0]} has {heads[0].names}"
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
        seen = [one.seen[index] for one in heads[:SAMPLED_FILES]]
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


def _batches(
    fs: Store, source: str, first: Head, table: Table, bad: BadRows
) -> Iterator[pa.RecordBatch]:
    with opened(fs, source, table.given) as file:
        shared: list[Area] = []
        if table.given.merged == "fill":
            found = merges(file.workbook, file.sheet)
            shared = [merge for merge in found if merge.first_row > first.row]
        reader = sheets.Reader(table.area, file.kinds, shared)
        for block in blocks(file.workbook, file.sheet, reader):
            rows = block.after(first.row)
            if rows.rows:
                batch = Rows(file, first, table, rows).batch(source, bad)
                if batch.num_rows:
                    yield batch
        if table.given.merged == "fail":
            _refuse_merged(reader.merged, file, first, table, source)


def _refuse_merged(
    merged: Sequence[Area], file: File, first: Head, table: Table, source: str
) -> None:
    """Merged cells among the rows, and the columns that have a name."""
    for merge in merged:
        columns = range(merge.first_column, merge.last_column + 1)
        last = min(merge.last_row, table.area.last_row)
        if last > max(first.row, table.area.first_row - 1) and set(columns) & set(first.columns):
            letters = column_letters(merge.first_column)
            cells = f"{file.sheet.cell(letters, merge.first_row)}:{shown(merge).partition(':')[2]}"
            raise BadRow(
                f"{source}: {cells} are merged: only the first has the value",
                "Give it to each (`merged: fill`), or leave the others empty (`merged: first`)",
            )


__all__ = ["open"]
