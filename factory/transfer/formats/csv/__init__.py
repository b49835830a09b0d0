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

from factory.definitions.formats import Csv, columns
from factory.stores.model import Store
from factory.transfer import compression, names, spelling
from factory.transfer.bad_rows import BadRows
from factory.transfer.errors import BadOption, BadRow
from factory.transfer.formats import Reader
from factory.transfer.formats.csv import dialect as dialects
from factory.transfer.formats.csv import infer
from factory.transfer.formats.csv.blocks import Block, cut
from factory.transfer.formats.csv.dialect import Dialect
from factory.transfer.formats.csv.rows import split
from factory.transfer.formats.csv.table import Table, batch, texts
from factory.transfer.formats.csv.text import utf8, without_lines, wrong_byte
from factory.transfer.formats.csv.unfit import Column, Problem
from factory.transfer.types import arrow_type

THREADS = 2
AHEAD = 5  # blocks: work for the threads while a row group is written
SAMPLED_BLOCKS = 8  # of a file, while a column without a value is left
SAMPLED_FILES = 16


def open(
    fs: Store,
    sources: Sequence[str],
    given: Csv,
    bad: BadRows,
) -> Reader:
    """See `formats.open`."""
    dialect = dialects.dialect(given)
    how = spelling.spelling(given)
    told = _Declared(
        {name: arrow_type(columns.word(one)) for name, one in given.columns.items()},
        spelling.of_columns(given.columns, how),
    )
    if not dialect.header and not told.kinds:
        raise BadOption("a CSV without a header needs `columns`", "Declare them in order")
    headers = _headers(fs, sources, dialect, list(told.kinds))
    as_is = given if dialect.header else msgspec.structs.replace(given, names="as_is")
    agreed = names.agreed(headers, as_is, told.kinds if dialect.header else ())
    tables = {
        source: _table(header, agreed, source, dialect, how, told)
        for source, header in headers.items()
    }
    schema = _schema(fs, tables, agreed, told)
    tables = {source: _settled(table, schema) for source, table in tables.items()}
    return Reader(schema, lambda source: _batches(fs, source, tables[source], schema, bad))


def _headers(
    fs: Store, sources: Sequence[str], dialect: Dialect, declared: list[str]
) -> dict[str, list[str]]:
    """The names of each file's fields."""
    if not dialect.header:
        return dict.fromkeys(sources, declared)
    headers = {}
    for source in sources:
        with _opened(fs, source, dialect) as file:
            headers[source] = file.header
    return headers


@dataclass(frozen=True)
class _Declared:
    """What `columns` says, by its own words."""

    kinds: Mapping[str, pa.DataType]
    hows: Mapping[str, spelling.Spelling]


def _table(
    header: Sequence[str],
    agreed: names.Agreed,
    source: str,
    dialect: Dialect,
    how: spelling.Spelling,
    told: _Declared,
) -> Table:
    """The columns that are wanted and that a file has."""
    found = []
    for index, name in zip(agreed.places[source], agreed.names, strict=True):
        if index is not None:
            word = agreed.declared.get(name, "") if dialect.header else header[index]
            kind = told.kinds.get(word)
            column = Column(index, name, pa.null() if kind is None else kind, kind is None)
            found.append(replace(column, own=told.hows.get(word)))
    return Table(dialect, how, len(header), tuple(found))


def _schema(
    fs: Store, tables: Mapping[str, Table], agreed: names.Agreed, told: _Declared
) -> pa.Schema:
    """A type for each column; null where there is no value to tell it."""
    kinds = {name: told.kinds[word] for name, word in agreed.declared.items()}
    inferred: dict[str, pa.DataType] = {}
    for source, table in islice(tables.items(), SAMPLED_FILES):
        left = tuple(column for column in table.columns if column.inferred)
        found = _sampled(fs, source, replace(table, columns=left)) if left else {}
        for name, kind in found.items():
            inferred[name] = infer.common(inferred.get(name, pa.null()), kind)
    for table in tables.values():
        kinds |= {c.name: c.type for c in table.columns if not c.inferred}
    return pa.schema([(n, kinds.get(n, inferred.get(n, pa.null()))) for n in agreed.names])


def _settled(table: Table, schema: pa.Schema) -> Table:
    """The table with the type of each column that is not declared."""
    known = (replace(column, type=schema.field(column.name).type) for column in table.columns)
    return replace(table, columns=tuple(known))


def _sampled(fs: Store, source: str, table: Table) -> dict[str, pa.DataType]:
    found: dict[str, pa.DataType] = {}
    with _opened(fs, source, table.dialect) as file:
        for block in islice(file.blocks, SAMPLED_BLOCKS):
            left = tuple(
                replace(column, type=pa.string())
                for column in table.columns
                if column.name not in found
            )
            if not left:
                break
            words = texts(block, replace(table, columns=left)).texts
            for column, sample in zip(left, words, strict=True):
                kind = infer.inferred(sample, table.how)
                if not pa.types.is_null(kind):
                    found[column.name] = kind
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


def _batches(
    fs: Store, source: str, table: Table, schema: pa.Schema, bad: BadRows
) -> Iterator[pa.RecordBatch]:
    with _opened(fs, source, table.dialect) as file, closing(_parsed(file.blocks, table)) as done:
        for found, problems in done:
            for problem in problems:
                row = problem.row.decode(errors="replace")
                bad.add(source, problem.line, problem.reason, row, problem.hint)
            if found.num_rows:
                yield names.filled(found, schema)


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
