"""Blocks → record batches; what does not fit is found row by row, in its block only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from factory.definitions.warehouses import Holds
from factory.transfer.convert import Converted, convert
from factory.transfer.formats.csv import unfit
from factory.transfer.formats.csv.blocks import Block, last_row_end
from factory.transfer.formats.csv.dialect import Dialect
from factory.transfer.formats.csv.rows import Row, split
from factory.transfer.formats.csv.text import wrong_byte
from factory.transfer.formats.csv.unfit import Column, Problem
from factory.transfer.holds import unheld
from factory.transfer.spelling import Spelling

SMALL = 4 << 10


@dataclass(frozen=True)
class Table:
    """How the blocks of a file become batches."""

    dialect: Dialect
    how: Spelling
    width: int  # fields in each row
    columns: tuple[Column, ...]  # those that are wanted
    holds: Holds

    @property
    def schema(self) -> pa.Schema:
        """The batches' names and types."""
        return pa.schema([(column.name, column.type) for column in self.columns])


@dataclass(frozen=True)
class Parsed:
    """Rows of texts, and those that are none."""

    texts: Sequence[pa.Array]
    problems: tuple[Problem, ...] = ()
    rows: tuple[Row, ...] | None = None  # when they were read one by one


def batch(block: Block, table: Table) -> tuple[pa.RecordBatch, list[Problem]]:
    """The good rows of a block, and what is wrong with the others, in the order of lines.

    A block with a bad row is halved until little is left to be read row by row.
    """
    half = 0
    try:
        parsed = texts(block, table, slow=len(block.data) <= SMALL)
        converted = [
            convert(words, column.type, table.how, inferred=column.inferred)
            for words, column in zip(parsed.texts, table.columns, strict=True)
        ]
        bad = _bad(block, converted, table.holds)
        if not parsed.problems and all(mask is None for mask in bad):
            arrays = [one.values for one in converted]
            return pa.RecordBatch.from_arrays(arrays, schema=table.schema), []
    except pa.ArrowInvalid:
        pass
    if len(block.data) > SMALL:
        half = last_row_end(block.data[: len(block.data) // 2], table.dialect)
    if not half:
        return _closely(block, table)
    one, problems = batch(Block(block.data[:half], block.line), table)
    other, more = batch(block.after(half), table)
    columns = [pa.concat_arrays(pair) for pair in zip(one.columns, other.columns, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=table.schema), [*problems, *more]


def _bad(
    block: Block, converted: Sequence[Converted], holds: Holds
) -> list[pa.BooleanArray | None]:
    plain = b"\0" not in block.data
    return [
        one.bad
        if plain and pa.types.is_string(one.values.type)
        else _or(one.bad, unheld(one.values, holds))
        for one in converted
    ]


def _closely(block: Block, table: Table) -> tuple[pa.RecordBatch, list[Problem]]:
    parsed = texts(block, table)
    converted = [
        convert(words, column.type, table.how, inferred=column.inferred)
        for words, column in zip(parsed.texts, table.columns, strict=True)
    ]
    found = pa.RecordBatch.from_arrays([one.values for one in converted], schema=table.schema)
    bad = _bad(block, converted, table.holds)
    problems = [*parsed.problems, *_explained(block, table, parsed, bad)]
    wrong = pa.repeat(False, found.num_rows)
    for mask in bad:
        wrong = wrong if mask is None else pc.or_(wrong, mask)
    return found.filter(pc.invert(wrong)), sorted(problems, key=lambda problem: problem.line)


def _or(one: pa.BooleanArray | None, other: pa.BooleanArray | None) -> pa.BooleanArray | None:
    return pc.or_(one, other) if one is not None and other is not None else one or other


def texts(block: Block, table: Table, *, slow: bool = True) -> Parsed:
    """The wanted columns as they were written, null where the dialect says so.

    What pyarrow can't parse is read row by row, or when not `slow`, raises `ArrowInvalid`.
    """
    if not block.data.strip(b"\r\n") and table.width > 1:
        return Parsed([pa.array([], _wire(column)) for column in table.columns])
    try:
        return Parsed(_fast(block, table))
    except pa.ArrowInvalid:
        if not slow:
            raise
        return _slow(block, table)


def _wire(column: Column) -> pa.DataType:
    return pa.binary() if pa.types.is_binary(column.type) else pa.string()


def _fast(block: Block, table: Table) -> list[pa.Array]:
    dialect = table.dialect
    wanted = {str(column.index): _wire(column) for column in table.columns}
    found = pacsv.read_csv(
        pa.BufferReader(block.data),
        read_options=pacsv.ReadOptions(
            # Numbers and not names: names in a file may repeat.
            column_names=[str(number) for number in range(table.width)],
            use_threads=False,
            block_size=len(block.data) + 1,
        ),
        parse_options=pacsv.ParseOptions(
            delimiter=dialect.delimiter.decode(),
            quote_char=dialect.quote.decode() if dialect.quote else False,
            escape_char=dialect.escape.decode() if dialect.escape else False,
            newlines_in_values=True,
            ignore_empty_lines=table.width > 1,
        ),
        convert_options=pacsv.ConvertOptions(
            column_types=wanted,
            include_columns=list(wanted),
            null_values=list(dialect.nulls),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    return [column.combine_chunks() for column in found.columns]


def _slow(block: Block, table: Table) -> Parsed:
    good: list[Row] = []
    problems: list[Problem] = []
    for row in split(block, table.dialect, blank=table.width == 1):
        problem = _shape(row, table)
        if problem is None:
            good.append(row)
        else:
            problems.append(problem)
    nulls = {word.encode() for word in table.dialect.nulls}
    columns = []
    for column in table.columns:
        values = [row.values[column.index] for row in good]
        data = [None if v.data in nulls and not v.quoted else v.data for v in values]
        columns.append(pa.array(data, pa.binary()).cast(_wire(column)))
    return Parsed(columns, tuple(problems), tuple(good))


def _shape(row: Row, table: Table) -> Problem | None:
    count = len(row.values)
    if count != table.width:
        return Problem(row.line, f"{count} fields, expected {table.width}", row.data)
    for column in table.columns:
        data = row.values[column.index].data
        if not pa.types.is_binary(column.type) and not data.isascii() and not _decodes(data):
            lines, said = wrong_byte(row.data, table.dialect.encoding) or (0, "")
            hint = None
            if table.dialect.encoding.startswith("utf-8"):
                hint = "Set `encoding`, for example latin-1, cp1252 or utf-16"
            return Problem(row.line + lines, said, row.data, hint)
    return None


def _decodes(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _explained(
    block: Block, table: Table, parsed: Parsed, bad: Sequence[pa.BooleanArray | None]
) -> list[Problem]:
    """For each bad row its first bad column."""
    first: dict[int, int] = {}
    for number, mask in enumerate(bad):
        if mask is not None:
            for index in pc.indices_nonzero(mask).to_pylist():
                first.setdefault(index, number)
    found = parsed.rows or tuple(split(block, table.dialect, blank=table.width == 1))
    problems = []
    for index, number in sorted(first.items()):
        column = table.columns[number]
        value = parsed.texts[number][index].as_py()
        reason, hint = unfit.value(value, column, table.how, table.holds)
        problems.append(Problem(found[index].line, reason, found[index].data, hint))
    return problems
