"""CSV, exact at the speed of pyarrow.

The file is cut into blocks that end at a row's end, and whose first line is known. pyarrow parses
each; only a block with a row that does not fit is read again, slowly, to tell which and why.
Types are declared, or inferred from a sample and then held for every value.
"""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice

import msgspec
import pyarrow as pa

from factory.definitions.formats import Csv, columns
from factory.definitions.formats.names import snake_case
from factory.stores.model import Store
from factory.transfer import compression, first_bytes, names
from factory.transfer.bad_rows import BadRows
from factory.transfer.errors import BadOption, BadRow
from factory.transfer.formats import Reader
from factory.transfer.formats.csv import dialect as dialects
from factory.transfer.formats.csv import faults, guess, infer
from factory.transfer.formats.csv.blocks import Block, cut
from factory.transfer.formats.csv.dialect import Dialect
from factory.transfer.formats.csv.rows import Row, split
from factory.transfer.formats.csv.swallowed import swallowed
from factory.transfer.formats.csv.table import Table, batch, texts
from factory.transfer.formats.csv.text import one_byte, utf8, without_lines, wrong_byte
from factory.transfer.formats.csv.unfit import Column, Problem
from factory.transfer.hints import rename
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
    with _opened(fs, source, dialect) as file:
        assert file.header is not None
        after = next((block.data for block in file.blocks), b"")[:_AFTER]
        return _Head(_named(file.header, given, source), file.header, after)


def _words(header: Row | None) -> list[str]:
    return [value.data.decode() for value in header.values] if header else []


def _named(header: Row, given: Csv, source: str) -> list[str]:
    """The names of the columns, without what stands behind the last when that is ignored."""
    names = _words(header)
    named = max((number for number, name in enumerate(names, 1) if name), default=0)
    if given.extra_fields == "ignore_empty":
        return names[: max(named, 1)]
    if 1 < named < len(names) and not given.select:
        raise BadRow(
            f"{source}:{header.line}: {len(names) - named} fields behind the last name have none",
            "Does each row end with a delimiter? Set `extra_fields: ignore_empty`",
        )
    return names


def _check_delimiter(header: Row, after: bytes, table: Table, given: Csv, source: str) -> None:
    """Another delimiter makes more columns, of the rows as well; none that a person has named."""
    own = _words(header)
    meant = {*given.rename, *given.select, *given.columns, *given.optional, *given.aliases}
    meant |= {name for known in given.aliases.values() for name in known}
    for column in table.columns:
        if {column.name, snake_case(own[column.index])} & meant:
            meant.add(own[column.index])
    for between, count in guess.delimiters(header.data, table.dialect):
        holds = [name for name in own if between in name and name not in meant]
        if not holds or not guess.fits(after, len(own), between, count, table.dialect):
            continue
        columns = "one column" if len(own) == 1 else f"{len(own)} columns"
        raise BadRow(
            f"{source}:{header.line}: the header is {columns}, and holds {holds[0]!r}",
            f"Is the delimiter another? Set {guess.as_yaml(between)}: it gives {count} columns. "
            f"If this is a name, say so: {rename(holds[0])}",
        )


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
    _check_delimiter(head.row, head.after, table, given, source)
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
    with _opened(fs, source, table.dialect, table.width) as file:
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


@dataclass(frozen=True)
class _File:
    """A file that is open, after its header."""

    header: Row | None
    blocks: Iterator[Block]


@contextmanager
def _opened(fs: Store, source: str, dialect: Dialect, width: int = 0) -> Iterator[_File]:
    with compression.opened(fs, source) as file:
        chunks = utf8(file, dialect.encoding, source)
        if dialect.skip_rows:
            chunks = without_lines(chunks, dialect.skip_rows, source)
        line = dialect.skip_rows + 1
        chunks = _looked_at(chunks, source, dialect, width, line)
        if dialect.several:
            chunks = one_byte(chunks, dialect, source, line)
        parts = cut(chunks, dialect, source, line)
        if not dialect.header:
            yield _File(None, parts)
            return
        for block in parts:  # the first may hold nothing but blank lines
            first = next(split(block, dialect), None)
            if first is not None:
                if problem := wrong_byte(first.data, dialect.encoding):
                    lines, said = problem
                    raise BadRow(
                        f"{source}:{first.line + lines}: {said}",
                        "Set `encoding`, for example latin-1, cp1252 or utf-16",
                    )
                _check_header(first, block, dialect, source)
                rest = block.after(first.end)
                yield _File(first, chain([rest] if rest.data else [], parts))
                return
        raise BadRow(f"{source} is empty", "Expected at least a header")


def _looked_at(
    chunks: Iterator[bytes], source: str, dialect: Dialect, width: int, line: int
) -> Iterator[bytes]:
    """The same, unless the first bytes are of another thing. Raises `BadRow`."""
    first = next(chunks, b"")
    first_bytes.refuse(first, source, "csv", header=dialect.header, width=width)
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        said = f"{source} begins with the byte order mark of UTF-16"
        raise BadRow(said, "Set `encoding: utf-16`")
    # Excel's first line `sep=;` is for Excel alone.
    begin = first.split(b"\n", 1)[0].split(b"\r", 1)[0]
    if hint := guess.excel_separator(begin):
        said = begin.decode(errors="replace")
        raise BadRow(f"{source}:{line}: the first line is Excel's `{said}`, no header", hint)
    return chain([first], chunks)


def _check_header(header: Row, block: Block, dialect: Dialect, source: str) -> None:
    problem = None
    width = len(header.values)
    if any(value.torn for value in header.values):
        hint = guess.of_torn(header, block, width, dialect)
        problem = faults.torn(header, block, (), dialect, hint)
    for value in swallowed(header.data, header.line, width, dialect):
        problem = faults.swallowing(header, value, ())
    if problem:
        hint = (problem.hint or "").removesuffix(f"; {guess.ASIDE}")  # no header can go aside
        raise BadRow(f"{source}:{problem.line}: {problem.reason}", hint)


def _batches(
    fs: Store, source: str, table: Table, schema: pa.Schema, bad: BadRows
) -> Iterator[pa.RecordBatch]:
    opened = _opened(fs, source, table.dialect, table.width)
    with opened as file, closing(_parsed(file.blocks, table)) as done:
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
