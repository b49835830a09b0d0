"""What the first rows of a sheet say: names and kinds of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import pyarrow as pa

from factory.definitions.formats import Xlsx
from factory.definitions.formats.xlsx import Area, column_letters
from factory.stores.model import Store
from factory.transfer.errors import BadRow
from factory.transfer.formats.xlsx.cells import Book, texts
from factory.transfer.formats.xlsx.file import File, opened
from factory.transfer.formats.xlsx.sheet import Block

SAMPLED_BLOCKS = 2


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


def head(fs: Store, source: str, given: Xlsx, area: Area) -> Head:
    """Names, and the values of the first rows. Raises `BadRow` when there is no header."""
    with opened(fs, source, given) as file:
        first = list(islice(file.blocks(area), SAMPLED_BLOCKS))
        if given.header:
            row, found = _header(file, first, source)
        else:
            start, declared = area.first_column, given.columns
            row, found = 0, dict(enumerate(declared, start))
        seen = {
            index: _seen([block.after(row) for block in first], column, file.book)
            for index, column in enumerate(found)
        }
    return Head(row, tuple(found), list(found.values()), seen)


def _header(file: File, first: Sequence[Block], source: str) -> tuple[int, dict[int, str]]:
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
