"""Excel: a sheet of a workbook, in a stream, as the cells say what they are.

Cells become texts of which type they are known to be; then columns are converted as those of a CSV.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

import msgspec
import pyarrow as pa

from factory.definitions.formats import Xlsx
from factory.definitions.formats import columns as columns_
from factory.definitions.formats.xlsx import Area, area, column_letters
from factory.stores.model import Store
from factory.transfer import names
from factory.transfer.bad_rows import BadRows
from factory.transfer.errors import BadOption, BadRow
from factory.transfer.formats import Reader
from factory.transfer.formats.csv.unfit import Column
from factory.transfer.formats.xlsx import cells as kinds
from factory.transfer.formats.xlsx import sheet as sheets
from factory.transfer.formats.xlsx.file import File, opened
from factory.transfer.formats.xlsx.head import Head, Seen, head
from factory.transfer.formats.xlsx.rows import Rows, Table
from factory.transfer.formats.xlsx.sheet import blocks, merges, shown
from factory.transfer.holds import refuse_names
from factory.transfer.target import Target
from factory.transfer.values import spelling
from factory.transfer.values.convert import convert
from factory.transfer.values.spelling import Spelling
from factory.transfer.values.types import arrow_type

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
    hows = spelling.of_columns(given.columns, how)
    heads = {source: head(fs, source, given, wanted) for source in sources}
    as_is = given if given.header else msgspec.structs.replace(given, names="as_is")
    own = {source: first.names for source, first in heads.items()}
    agreed = names.agreed(own, as_is, given.columns if given.header else ())
    columns = _columns(given, how, hows, heads, agreed, target)
    tables = {}
    for source, first in heads.items():
        places = zip(agreed.places[source], columns, strict=True)
        there = tuple(replace(column, index=at) for at, column in places if at is not None)
        refuse_names(first.names, [(c.index, c.name) for c in there], target.holds, source)
        tables[source] = replace(table, columns=there)
    schema = replace(table, columns=columns).schema

    def batches(source: str) -> Iterator[pa.RecordBatch]:
        for batch in _batches(fs, source, heads[source], tables[source], bad):
            yield names.filled(batch, schema)

    return Reader(schema, batches)


def _columns(
    given: Xlsx,
    how: Spelling,
    hows: Mapping[str, Spelling],
    heads: Mapping[str, Head],
    agreed: names.Agreed,
    target: Target,
) -> tuple[Column, ...]:
    """The columns that are wanted, with their types; their places are each file's own."""
    words = agreed.declared if given.header else _positions(heads, agreed)
    found = []
    for number, name in enumerate(agreed.names):
        word = words.get(name)
        seen = [
            first.seen[place]
            for source, first in islice(heads.items(), SAMPLED_FILES)
            if (place := agreed.places[source][number]) is not None
        ]
        known = word is None and name in target.known
        if word is not None:
            kind = arrow_type(columns_.word(given.columns[word]))
        else:
            kind = target.known[name].type if known else _type(seen, how)
        if pa.types.is_nested(kind):  # a list stands in a cell as the target writes it
            kind = pa.string()
        own = hows[word] if word is not None else None
        found.append(Column(number, name, kind, word is None and not known, own, known))
    return tuple(found)


def _positions(heads: Mapping[str, Head], agreed: names.Agreed) -> dict[str, str]:
    """Without a header, columns are declared by the names that they have before `rename`."""
    source, first = next(iter(heads.items()))
    places = zip(agreed.names, agreed.places[source], strict=True)
    return {name: first.names[place] for name, place in places if place is not None}


def _type(seen: Sequence[Seen], how: Spelling) -> pa.DataType:
    """What all cells are; text when they are of several kinds."""
    found = frozenset[int]().union(*(one.kinds for one in seen))
    empty = pa.array([], pa.string())
    sample = pa.concat_arrays([empty, *(one.texts for one in seen)]).drop_null()
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
