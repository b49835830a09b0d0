"""Blocks → record batches; what does not fit is found row by row, in its block only."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from factory.definitions.warehouses import Holds
from factory.transfer.formats.csv import faults, guess, unfit
from factory.transfer.formats.csv.blocks import Block, lines
from factory.transfer.formats.csv.dialect import STAND_IN, Dialect
from factory.transfer.formats.csv.rows import Row, split
from factory.transfer.formats.csv.swallowed import swallowed
from factory.transfer.formats.csv.text import without_empty, without_spaces, wrong_byte
from factory.transfer.formats.csv.unfit import Column, Problem
from factory.transfer.holds import unheld
from factory.transfer.values import agreement
from factory.transfer.values.convert import Converted, convert
from factory.transfer.values.spelling import Spelling

SMALL = 4 << 10
BOM = codecs.BOM_UTF8


@dataclass(frozen=True)
class Table:
    """How the blocks of a file become batches."""

    dialect: Dialect
    how: Spelling
    width: int  # fields in each row
    columns: tuple[Column, ...]  # those that are wanted
    holds: Holds
    header: bytes | None = None  # as it was written
    own: tuple[str, ...] = ()  # the names in the header
    first_only: bool = False  # is the first bad row of a file an error?

    @property
    def schema(self) -> pa.Schema:
        """The batches' names and types."""
        return pa.schema([self._field(column) for column in self.columns])

    def _field(self, column: Column) -> pa.Field:
        field = pa.field(column.name, column.type)
        date = pa.types.is_date(column.type) and not self.how.formats
        as_is = column.inferred and (date or pa.types.is_integer(column.type))
        return agreement.as_written(field) if as_is else field


@dataclass(frozen=True)
class Parsed:
    """Rows of texts, and those that are none."""

    texts: Sequence[pa.Array]
    problems: tuple[Problem, ...] = ()
    rows: tuple[Row, ...] | None = None  # when they were read one by one


def batch(block: Block, table: Table) -> tuple[pa.RecordBatch, list[Problem]]:
    """The good rows of a block, and what is wrong with the others, in the order of lines."""
    done = _good(block, table)
    if done is not None and not _may_swallow(block, table, done.num_rows):
        return done, []
    found = swallowed(block.data, block.line, table.width, table.dialect)
    if done is not None and not found:
        return done, []
    return _halved(replace(block, swallowed=found), table)


def _may_swallow(block: Block, table: Table, rows: int) -> bool:
    """Do values hold as many lines and delimiters as a swallowed row has? Counted quickly."""
    dialect, data = table.dialect, block.data
    if dialect.multiline or not dialect.quote or dialect.quote not in data:
        return False
    between = table.width - 1  # blank lines and empty extra fields count, too: they are looked at
    return lines(data) > rows + 1 and data.count(dialect.delimiter) >= (rows + 2) * between


def _good(block: Block, table: Table) -> pa.RecordBatch | None:
    """All rows of the block; None when one of them is bad."""
    try:
        parsed = texts(block, table, slow=len(block.data) <= SMALL)
        converted = [
            convert(words, column.type, column.how(table.how), inferred=column.inferred)
            for words, column in zip(parsed.texts, table.columns, strict=True)
        ]
    except pa.ArrowInvalid:
        return None
    bad = _bad(block, converted, table.holds)
    if parsed.problems or any(mask is not None for mask in bad):
        return None
    return pa.RecordBatch.from_arrays([one.values for one in converted], schema=table.schema)


def _halved(block: Block, table: Table) -> tuple[pa.RecordBatch, list[Problem]]:
    """As `batch`: a block with a bad row is halved until little is left to read row by row."""
    if (done := _good(block, table)) is not None:
        return done, []
    halves = block.halves(table.dialect) if len(block.data) > SMALL else None
    if halves is None:
        return _closely(block, table)
    one, problems = _halved(halves[0], table)
    if problems and table.first_only:
        return one, problems
    other, more = _halved(halves[1], table)
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
        convert(words, column.type, column.how(table.how), inferred=column.inferred)
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


def _extra(block: Block, table: Table) -> int:
    """How many fields the first row has more than there are columns: often, so have all."""
    if set(table.dialect.nulls) - {""}:  # one of these behind the last column is not empty
        return 0
    row = next(split(block, table.dialect, blank=table.width == 1), None)
    return max(0, len(row.values) - table.width) if row else 0


def _wire(column: Column) -> pa.DataType:
    return pa.binary() if pa.types.is_binary(column.type) else pa.string()


def _fast(block: Block, table: Table) -> list[pa.Array]:
    dialect = table.dialect
    data = without_spaces(block.data, dialect) if dialect.skip_space else block.data
    if not block.sound or block.swallowed or data is None:
        raise pa.ArrowInvalid("to be read row by row")
    found = _all_parsed(data, block, table)
    if _may_repeat(found, block, table):
        raise pa.ArrowInvalid("the header may stand there once more")
    return found


def _all_parsed(data: bytes, block: Block, table: Table) -> list[pa.Array]:
    """As `_parsed`, where fields behind the last column may be empty."""
    if not table.dialect.ignore_empty:
        return _parsed(data, table)
    try:
        return _parsed(data, table, _extra(block, table))
    except pa.ArrowInvalid:
        if (cut := without_empty(data, table.width, table.dialect)) is None:
            raise
        return _parsed(cut, table)


def _may_repeat(found: Sequence[pa.Array], block: Block, table: Table) -> bool:
    """Is a line of the block the header? One word alone may be a value."""
    if table.header is None or table.width < 2 or not found:
        return False
    column, values = max(zip(table.columns, found, strict=True), key=lambda one: one[0].index)
    word = pa.scalar(table.own[column.index]).cast(values.type)  # the last: no mark is before it
    if not pc.any(pc.equal(values, word)).as_py():
        return False
    data, several = block.data, table.dialect.several
    header = table.header.replace(several, STAND_IN) if several else table.header
    newline = b"\n" if b"\n" in data else b"\r"
    starts = (newline + header, newline + BOM + header)
    return any(_line(newline + data, start) for start in starts)


def _line(data: bytes, start: bytes) -> bool:
    """Does a line of the data, with the end of the one before it, hold only this?"""
    at = data.find(start)
    while at >= 0 and data[at + len(start) : at + len(start) + 1] not in (b"", b"\r", b"\n"):
        at = data.find(start, at + 1)
    return at >= 0


def _repeats(row: Row, table: Table) -> bool:
    return table.width > 1 and row.data.removeprefix(BOM) == table.header


def _parsed(data: bytes, table: Table, more: int = 0) -> list[pa.Array]:
    dialect = table.dialect
    extra = range(table.width, table.width + more)
    wanted = {str(column.index): _wire(column) for column in table.columns}
    wanted |= {str(index): pa.binary() for index in extra}
    found = pacsv.read_csv(
        pa.BufferReader(_for_pyarrow(data)),
        read_options=pacsv.ReadOptions(
            # Numbers and not names: names in a file may repeat.
            column_names=[str(number) for number in range(table.width + len(extra))],
            use_threads=False,
            block_size=len(data) + 1,
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
            quoted_strings_can_be_null=dialect.quoted_nulls,
        ),
    )
    arrays = [column.combine_chunks() for column in found.columns]
    if any(_filled(array) for array in arrays[len(table.columns) :]):
        raise pa.ArrowInvalid("a field behind the last column is not empty")
    arrays = arrays[: len(table.columns)]
    return [_as_written(array, dialect) for array in arrays] if dialect.several else arrays


def _for_pyarrow(data: bytes) -> bytes:
    """It leaves out a mark that begins a block, and takes an empty end for quoted if the value
    before it is."""
    data = BOM + data if data.startswith(BOM) else data
    return data if not data or data.endswith((b"\n", b"\r")) else data + b"\n"


def _filled(values: pa.Array) -> bool:
    return bool(pc.max(pc.binary_length(values)).as_py())


def _as_written(values: pa.Array, dialect: Dialect) -> pa.Array:
    return pc.replace_substring(values, STAND_IN, dialect.several)


def _slow(block: Block, table: Table) -> Parsed:
    good: list[Row] = []
    problems: list[Problem] = []
    for row in split(block, table.dialect, blank=table.width == 1):
        problem = _shape(row, block, table, hinted=not problems)
        if problem is None:
            good.append(row)
        else:
            problems.append(problem)
    nulls = {word.encode() for word in table.dialect.nulls}
    columns = []
    for column in table.columns:
        values = [row.values[column.index] for row in good]
        either = table.dialect.quoted_nulls
        data = [None if v.data in nulls and (either or not v.quoted) else v.data for v in values]
        columns.append(pa.array(data, pa.binary()).cast(_wire(column)))
    return Parsed(columns, tuple(problems), tuple(good))


def _shape(row: Row, block: Block, table: Table, *, hinted: bool) -> Problem | None:
    if any(value.torn for value in row.values):
        hint = guess.of_torn(row, block, table.width, table.dialect) if hinted else None
        return faults.torn(row, block, table.columns, table.dialect, hint)
    for value in block.swallowed:
        if row.line <= value.first <= row.line + lines(row.data):
            return faults.swallowing(row, value, table.columns)
    if _repeats(row, table):
        return faults.repeating(row)
    count = len(row.values)
    more = row.values[table.width :]
    if count < table.width or (
        more and (not table.dialect.ignore_empty or any(value.data for value in more))
    ):
        hint = None
        if hinted:  # looking for one takes time, and only the first is ever told
            hint = guess.of_count(row, block, table.width, table.header, table.dialect)
        return Problem(row.line, f"{count} fields, expected {table.width}", row.data, hint)
    return _undecoded(row, table)


def _undecoded(row: Row, table: Table) -> Problem | None:
    for column in table.columns:
        data = row.values[column.index].data
        if not pa.types.is_binary(column.type) and not data.isascii() and not _decodes(data):
            before, said = wrong_byte(row.data, table.dialect.encoding) or (0, "")
            hint = None
            if table.dialect.encoding.startswith("utf-8"):
                hint = "Set `encoding`, for example latin-1, cp1252 or utf-16"
            return Problem(row.line + before, said, row.data, hint)
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
