"""The beginning of a file: is it a CSV, of the dialect that is declared, and what is its header?"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

from factory.definitions.formats import Csv
from factory.definitions.formats.names import snake_case
from factory.stores.model import Store
from factory.transfer import compression, first_bytes
from factory.transfer.errors import BadRow
from factory.transfer.formats.csv import faults, guess
from factory.transfer.formats.csv.blocks import Block, cut
from factory.transfer.formats.csv.dialect import Dialect
from factory.transfer.formats.csv.rows import Row, split
from factory.transfer.formats.csv.swallowed import swallowed
from factory.transfer.formats.csv.table import Table
from factory.transfer.formats.csv.text import one_byte, utf8, without_lines, wrong_byte
from factory.transfer.hints import rename


@dataclass(frozen=True)
class File:
    """A file that is open, after its header."""

    header: Row | None
    blocks: Iterator[Block]


@contextmanager
def opened(fs: Store, source: str, dialect: Dialect, width: int = 0) -> Iterator[File]:
    """Raise `BadRow` for what is no CSV by its beginning. `width`: fields, where they are known."""
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
            yield File(None, parts)
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
                yield File(first, chain([rest] if rest.data else [], parts))
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


def _words(header: Row | None) -> list[str]:
    return [value.data.decode() for value in header.values] if header else []


def named(header: Row, given: Csv, source: str) -> list[str]:
    """The names of the columns, without what stands behind the last when that is ignored."""
    names = _words(header)
    last = max((number for number, name in enumerate(names, 1) if name), default=0)
    if given.extra_fields == "ignore_empty":
        return names[: max(last, 1)]
    if 1 < last < len(names) and not given.select:
        raise BadRow(
            f"{source}:{header.line}: {len(names) - last} fields behind the last name have none",
            "Does each row end with a delimiter? Set `extra_fields: ignore_empty`",
        )
    return names


def check_delimiter(header: Row, after: bytes, table: Table, given: Csv, source: str) -> None:
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
