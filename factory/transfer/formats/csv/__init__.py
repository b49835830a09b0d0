"""CSV, exact at the speed of pyarrow.

The file is cut into blocks that end at a row's end, and whose first line is known. pyarrow parses
each; only a block with a row that does not fit is read again, slowly, to tell which and why.
Types are declared, or inferred from a sample and then held for every value.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice

import msgspec
import pyarrow as pa

from factory.definitions.formats import Csv, columns
from factory.stores.model import Store
from factory.transfer import names
from factory.transfer.bad_rows import BadRows
from factory.transfer.errors import BadOption
from factory.transfer.formats import Reader
from factory.transfer.formats.csv import dialect as dialects
from factory.transfer.formats.csv import infer
from factory.transfer.formats.csv.blocks import Block
from factory.transfer.formats.csv.dialect import Dialect
from factory.transfer.formats.csv.head import check_delimiter, named, opened
from factory.transfer.formats.csv.rows import Row
from factory.transfer.formats.csv.table import Table, batch, texts
from factory.transfer.formats.csv.unfit import Column, Problem
from factory.transfer.holds import refuse_names
from factory.transfer.target import Target
from factory.transfer.values import spelling
from factory.transfer.values.types import Known, arrow_type

THREADS = 2
AHEAD = 5  # blocks: work for the threads while a row group is written
SAMPLED_BLOCKS = 8  # of a file, while a column without a value is left
SAMPLED_FILES = 16
_AFTER = 64 << 10  # bytes of a file after its header


def open(
    fs: Store,
    sources: Sequence[str],
    given: Csv,
    bad: BadRows,
    target: Target,
) -> Reader:
    """See `formats.open`."""
    dialect = dialects.dialect(given)
    how = spelling.spelling(given)
    told = _Told(
        {name: _as_text(arrow_type(columns.word(one))) for name, one in given.columns.items()},
        spelling.of_columns(given.columns, how),
        target,
    )
    if not dialect.header and not told.kinds:
        raise BadOption("a CSV without a header needs `columns`", "Declare them in order")
    heads = _heads(fs, sources, dialect, given, list(told.kinds))
    as_is = given if dialect.header else msgspec.structs.replace(given, names="as_is")
    own = {source: head.names for source, head in heads.items()}
    agreed = names.agreed(own, as_is, told.kinds if dialect.header else ())
    plain = Table(dialect, how, 0, (), target.holds, first_only=bad.fails)
    tables = {
        source: _table(head, agreed, source, given, plain, told) for source, head in heads.items()
    }
    schema = _schema(fs, tables, agreed, told)
    tables = {source: _settled(table, schema) for source, table in tables.items()}
    schema = _said(schema, tables)
    return Reader(schema, lambda source: _batches(fs, source, tables[source], schema, bad))


@dataclass(frozen=True)
class _Head:
    """The names of a file's fields, its header, and some of what follows it."""

    names: list[str]
    row: Row | None = None
    after: bytes = b""  # nothing where another file has the same header


def _heads(
    fs: Store, sources: Sequence[str], dialect: Dialect, given: Csv, declared: list[str]
) -> dict[str, _Head]:
    found, seen = {}, set[bytes]()
    for source in sources:
        head = _head(fs, source, dialect, given, declared)
        line = b"" if head.row is None else head.row.data
        found[source] = replace(head, after=b"") if line in seen else head
        seen.add(line)
    return found


def _head(fs: Store, source: str, dialect: Dialect, given: Csv, declared: list[str]) -> _Head:
    if not dialect.header:
        return _Head(declared)
    with opened(fs, source, dialect) as file:
        assert file.header is not None
        after = next((block.data for block in file.blocks), b"")[:_AFTER]
        return _Head(named(file.header, given, source), file.header, after)


@dataclass(frozen=True)
class _Told:
    """What `columns` says, by its own words, and what the target tells."""

    kinds: Mapping[str, pa.DataType]
    hows: Mapping[str, spelling.Spelling]
    target: Target


def _table(
    head: _Head, agreed: names.Agreed, source: str, given: Csv, empty: Table, told: _Told
) -> Table:
    """The columns that are wanted and that a file has."""
    chosen = [
        (index, name)
        for index, name in zip(agreed.places[source], agreed.names, strict=True)
        if index is not None
    ]
    refuse_names(head.names, chosen, empty.holds, source)
    found = []
    for index, name in chosen:
        word = agreed.declared.get(name, "") if given.header else head.names[index]
        kind = told.kinds.get(word)
        column = Column(index, name, pa.null() if kind is None else kind, kind is None)
        column = replace(column, own=told.hows.get(word))
        found.append(_as_known(column, told.target.known, empty.how))
    table = replace(empty, width=len(head.names), columns=tuple(found))
    if head.row is None:
        return table
    check_delimiter(head.row, head.after, table, given, source)
    return replace(table, header=head.row.data, own=tuple(head.names))


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


def _schema(fs: Store, tables: Mapping[str, Table], agreed: names.Agreed, told: _Told) -> pa.Schema:
    """A type for each column; null where there is no value to tell it."""
    known = told.target.known
    kinds = {name: _as_text(known[name].type) for name in agreed.names if name in known}
    kinds |= {name: told.kinds[word] for name, word in agreed.declared.items()}
    for table in tables.values():
        kinds |= {column.name: column.type for column in table.columns if not column.inferred}
    kinds |= _inferred(fs, tables)
    return pa.schema([(name, kinds.get(name, pa.null())) for name in agreed.names])


def _inferred(fs: Store, tables: Mapping[str, Table]) -> dict[str, pa.DataType]:
    kinds: dict[str, pa.DataType] = {}
    for number, (source, table) in enumerate(tables.items()):
        many = number >= SAMPLED_FILES  # a glance, for a column that no file had a value for
        left = tuple(
            column
            for column in table.columns
            if column.inferred and not (many and column.name in kinds)
        )
        if left:
            wanted = replace(table, columns=left)
            for name, kind in _sampled(fs, source, wanted, 1 if many else SAMPLED_BLOCKS).items():
                kinds[name] = infer.common(kinds.get(name, pa.null()), kind)
    return kinds


def _settled(table: Table, schema: pa.Schema) -> Table:
    """The table with the type of each column that is not declared."""
    known = (replace(column, type=schema.field(column.name).type) for column in table.columns)
    return replace(table, columns=tuple(known))


def _said(schema: pa.Schema, tables: Mapping[str, Table]) -> pa.Schema:
    """With what is noted of the columns that files have."""
    fields = {field.name: field for field in schema}
    for table in tables.values():
        fields |= {field.name: field for field in table.schema}
    return pa.schema(list(fields.values()))


def _sampled(fs: Store, source: str, table: Table, most: int) -> dict[str, pa.DataType]:
    found: dict[str, pa.DataType] = {}
    with opened(fs, source, table.dialect, table.width) as file:
        for block in islice(file.blocks, most):
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


def _batches(
    fs: Store, source: str, table: Table, schema: pa.Schema, bad: BadRows
) -> Iterator[pa.RecordBatch]:
    whole = opened(fs, source, table.dialect, table.width)
    with whole as file, closing(_parsed(file.blocks, table)) as done:
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
