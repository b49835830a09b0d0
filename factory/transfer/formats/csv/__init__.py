"""CSV, exact at the speed of pyarrow.

The file is cut into blocks that end at a row's end, and whose first line is known. pyarrow parses
each; only a block with a row that does not fit is read again, slowly, to tell which and why.
Types are declared, or inferred from a sample and then held for every value.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice

import msgspec
import pyarrow as pa

from factory.definitions.formats import Csv
from factory.definitions.warehouses import Holds
from factory.stores.model import Store
from factory.transfer import compression, names, spelling
from factory.transfer.bad_rows import BadRows
from factory.transfer.errors import BadOption, BadRow, unknown
from factory.transfer.formats import Reader
from factory.transfer.formats.csv import dialect as dialects
from factory.transfer.formats.csv import infer
from factory.transfer.formats.csv.blocks import Block, cut
from factory.transfer.formats.csv.dialect import Dialect
from factory.transfer.formats.csv.rows import split
from factory.transfer.formats.csv.table import Table, batch, texts
from factory.transfer.formats.csv.text import utf8, without_lines, wrong_byte
from factory.transfer.formats.csv.unfit import Column, Problem
from factory.transfer.types import NOTHING_KNOWN, Known, arrow_type

THREADS = 2
AHEAD = 5  # blocks: work for the threads while a row group is written
SAMPLED_BLOCKS = 8  # of a file, while a column without a value is left
SAMPLED_FILES = 16


def open(
    fs: Store,
    sources: Sequence[str],
    given: Csv,
    bad: BadRows,
    holds: Holds,
    known: Mapping[str, Known] = NOTHING_KNOWN,
) -> Reader:
    """See `formats.open`."""
    dialect = dialects.dialect(given)
    how = spelling.spelling(given)
    declared = {name: _as_text(arrow_type(word)) for name, word in given.columns.items()}
    if not dialect.header and not declared:
        raise BadOption("a CSV without a header needs `columns`", "Declare them in order")
    header = list(declared) if not dialect.header else _header(fs, sources, dialect)
    table = _table(header, given, dialect, how, declared, sources[0], holds)
    table = replace(table, columns=tuple(_as_known(column, known, how) for column in table.columns))
    table = _settled(fs, sources, table)
    return Reader(table.schema, lambda source: _batches(fs, source, table, bad))


def _header(fs: Store, sources: Sequence[str], dialect: Dialect) -> list[str]:
    first: list[str] | None = None
    for source in sources:
        with _opened(fs, source, dialect) as file:
            if first is not None and file.header != first:
                raise BadRow(
                    f"{source} has the columns {file.header}, but {sources[0]} has {first}"
                )
            first = file.header
    return first or []


def _table(
    header: list[str],
    given: Csv,
    dialect: Dialect,
    how: spelling.Spelling,
    declared: Mapping[str, pa.DataType],
    source: str,
    holds: Holds,
) -> Table:
    as_is = given if dialect.header else msgspec.structs.replace(given, names="as_is")
    chosen = names.chosen(header, as_is, source)
    known = [name for _, name in chosen]
    for name in declared:
        if dialect.header and name not in known and not given.select:
            raise unknown(f"column in 'columns', {source} has no", name, known)
    own = dict(zip(range(len(header)), header, strict=True))
    columns = []
    for index, name in chosen:
        kind = declared.get(name if dialect.header else own[index])
        columns.append(Column(index, name, pa.null() if kind is None else kind, kind is None))
    return Table(dialect, how, len(header), tuple(columns), holds)


def _as_known(column: Column, known: Mapping[str, Known], how: spelling.Spelling) -> Column:
    """What nobody declared has the table's type; what it has no name of its own for, is text."""
    if not column.inferred or column.name not in known:
        return column
    told = known[column.name]
    if told.number and how.decimal_point != ".":
        return column
    return replace(column, type=_as_text(told.type), inferred=False, known=True)


def _as_text(kind: pa.DataType) -> pa.DataType:
    """A list stands in a CSV as the target writes it: `{a,b}`."""
    return pa.string() if pa.types.is_nested(kind) else kind


def _settled(fs: Store, sources: Sequence[str], table: Table) -> Table:
    """The table with a type for each column that is not declared."""
    left = [column for column in table.columns if column.inferred]
    kinds = {column.index: pa.null() for column in left}
    for number, source in enumerate(sources):
        many = number >= SAMPLED_FILES
        if many:  # a glance, for a column that no file had a value for
            left = [column for column in left if pa.types.is_null(kinds[column.index])]
        if not left:
            break
        wanted = replace(table, columns=tuple(left))
        for index, kind in _sampled(fs, source, wanted, 1 if many else SAMPLED_BLOCKS).items():
            kinds[index] = infer.common(kinds[index], kind)
    columns = (
        replace(column, type=kinds[column.index]) if column.inferred else column
        for column in table.columns
    )
    return replace(table, columns=tuple(columns))


def _sampled(fs: Store, source: str, table: Table, most: int) -> dict[int, pa.DataType]:
    found: dict[int, pa.DataType] = {}
    with _opened(fs, source, table.dialect) as file:
        for block in islice(file.blocks, most):
            left = tuple(
                replace(column, type=pa.string())
                for column in table.columns
                if column.index not in found
            )
            if not left:
                break
            words = texts(block, replace(table, columns=left)).texts
            for column, sample in zip(left, words, strict=True):
                kind = infer.inferred(sample, table.how)
                if not pa.types.is_null(kind):
                    found[column.index] = kind
    return found


@dataclass(frozen=True)
class _File:
    """A file that is open, after its header."""

    header: list[str]
    blocks: Iterator[Block]


@contextmanager
def _opened(fs: Store, source: str, dialect: Dialect) -> Iterator[_File]:
    with compression.opened(fs, source) as file:
        chunks = utf8(file, dialect.encoding, source)
        if dialect.skip_rows:
            chunks = without_lines(chunks, dialect.skip_rows, source)
        parts = cut(chunks, dialect, source, dialect.skip_rows + 1)
        if not dialect.header:
            yield _File([], parts)
            return
        header: list[str] = []
        for block in parts:  # the first may hold nothing but blank lines
            first = next(split(block, dialect), None)
            if first is not None:
                if problem := wrong_byte(first.data, dialect.encoding):
                    lines, said = problem
                    raise BadRow(
                        f"{source}:{first.line + lines}: {said}",
                        "Set `encoding`, for example latin-1, cp1252 or utf-16",
                    )
                header = [value.data.decode() for value in first.values]
                rest = block.after(first.end)
                yield _File(header, chain([rest] if rest.data else [], parts))
                return
        raise BadRow(f"{source} is empty", "Expected at least a header")


def _batches(fs: Store, source: str, table: Table, bad: BadRows) -> Iterator[pa.RecordBatch]:
    with _opened(fs, source, table.dialect) as file, closing(_parsed(file.blocks, table)) as done:
        for found, problems in done:
            for problem in problems:
                row = problem.row.decode(errors="replace")
                bad.add(source, problem.line, problem.reason, row, problem.hint)
            if found.num_rows:
                yield found


def _parsed(
    whole: Iterator[Block], table: Table
) -> Generator[tuple[pa.RecordBatch, list[Problem]], None, None]:
    """Blocks through a few threads (pyarrow releases the GIL), in their order."""
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="csv")
    running: deque[Future[tuple[pa.RecordBatch, list[Problem]]]] = deque()
    try:
        for block in whole:
            running.append(pool.submit(batch, block, table))
            if len(running) > AHEAD:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
