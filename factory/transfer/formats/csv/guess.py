"""Which dialect would read what the declared one does not: each is tried before it is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from factory.transfer.formats.csv.blocks import ESCAPED, Block
from factory.transfer.formats.csv.dialect import STAND_IN, Dialect
from factory.transfer.formats.csv.rows import Row, split

ASIDE = "`on_bad_row: quarantine` sets such rows aside"
_LONGER = ("~|~", "|~|", "||", "::", ";;")
_SINGLE = (";", "\t", "|", ",", "\x01")
_EXCEL = re.compile(rb'"?sep=(.?)"?[ \t]*$')
_LOOK = 64 << 10
ROWS = 20


def as_yaml(delimiter: str) -> str:
    """The delimiter as an option."""
    shown = {"\t": "tab", "\x01": r'"\x01"'}.get(delimiter) or f"'{delimiter}'"
    return f"`delimiter: {shown}`"


def excel_separator(line: bytes) -> str | None:
    """What to do about Excel's first line `sep=;`."""
    if not (match := _EXCEL.match(line)):
        return None
    between = match[1].decode(errors="replace")
    also = f" and {as_yaml(between)}" if between not in ("", ",") else ""
    return f"Set `skip_rows: 1`{also}"


def delimiters(header: bytes, dialect: Dialect) -> Iterator[tuple[str, int]]:
    """Other delimiters that make more columns of a header, and how many; the likeliest first."""
    for between in (*_LONGER, *_SINGLE):
        row = _first(header, _with(dialect, between))
        if row is not None and _are_names([v.data.strip() for v in row.values]):
            yield between, len(row.values)


def _are_names(words: list[bytes]) -> bool:
    """Several, none between them missing: the first may be (an index), as may the last."""
    named = [number for number, word in enumerate(words) if word]
    return len(named) > 1 and named[0] <= 1 and named[-1] - named[0] == len(named) - 1


def fits(rows: bytes, width: int, between: str, count: int, dialect: Dialect) -> bool:
    """Does another delimiter make as many fields of the first rows as of the header?

    A header of one column needs no such proof.
    """
    if width == 1:
        return True
    if count <= width:
        return False
    end = rows.rfind(b"\n", 0, _LOOK) + 1
    data = rows[: end or len(rows)]
    other = _with(dialect, between)
    if other.several:
        data = data.replace(other.several, STAND_IN)
    found = list(islice(split(Block(data, 1, sound=False), other), ROWS))
    return bool(found) and all(len(row.values) == count for row in found)


def of_torn(row: Row, block: Block, width: int, dialect: Dialect) -> str:
    """What to do about text behind a closing quote."""
    opened, closed = (row.start + at for at in next(v.torn for v in row.values if v.torn))
    rest = block.data[row.start : row.start + _LOOK]
    if not dialect.escape and block.data[closed - 1 : closed] == b"\\" and closed - 1 > opened:
        return ESCAPED
    spaced = replace(dialect, skip_space=True)
    if not dialect.skip_space and _reads(rest, spaced, width):
        return "Set `skip_space: true`: spaces around quotes are left out"
    if _reads(rest, replace(dialect, quote=None), width):
        return f"If quotes are a part of the texts, set `quote: null`; {ASIDE}"
    return f"A quote within a quoted text must be doubled; {ASIDE}"


def of_count(row: Row, block: Block, width: int, header: bytes | None, dialect: Dialect) -> str:
    """What to do about a row of another number of fields."""
    rest = block.data[row.start : row.start + _LOOK]
    if len(row.values) > width and not any(value.data for value in row.values[width:]):
        return "What it has more is empty: set `extra_fields: ignore_empty`"
    if dialect.ignore_empty and len(row.values) > width:
        return (
            "Only empty ones are ignored: name all columns (`header: false`, `skip_rows: 1` and "
            f"`columns`); {ASIDE}"
        )
    for hint in _fitting(rest, width, header, dialect):
        return hint
    if header is not None and _is_header(row, block, dialect):
        return f"If the header is here, set `skip_rows: {row.line - 1}`"
    return ASIDE


def _fitting(rest: bytes, width: int, header: bytes | None, dialect: Dialect) -> Iterator[str]:
    quote = dialect.quote
    escaped = quote and not dialect.escape and b"\\" + quote in rest
    if escaped and _reads(rest, replace(dialect, escape=b"\\"), width):
        yield ESCAPED
    if not dialect.skip_space and _reads(rest, replace(dialect, skip_space=True), width):
        yield "Set `skip_space: true`: spaces before quotes are left out"
    yield from _other_delimiters(rest, width, header, dialect)
    if quote != b"'" and b"'" in rest and _reads(rest, replace(dialect, quote=b"'"), width):
        yield 'Are texts in single quotes? Set `quote: "\'"`'
    if quote and quote in rest and _reads(rest, replace(dialect, quote=None), width):
        yield "If quotes are a part of the texts, set `quote: null`"


def _other_delimiters(
    rest: bytes, width: int, header: bytes | None, dialect: Dialect
) -> Iterator[str]:
    if header is None:
        known = [(between, width) for between in (*_LONGER, *_SINGLE)]
    else:
        known = list(delimiters(header, dialect))
    for between, count in known:
        if count > 1 and _reads(rest, _with(dialect, between), count):
            yield f"Is the delimiter another? Set {as_yaml(between)}: it gives {count} fields"


def _with(dialect: Dialect, between: str) -> Dialect:
    if between.encode() in (dialect.delimiter, dialect.several):
        return dialect
    several = between.encode() if len(between) > 1 else b""
    return replace(dialect, delimiter=STAND_IN if several else between.encode(), several=several)


def _first(data: bytes, dialect: Dialect) -> Row | None:
    if dialect.several:
        data = data.replace(dialect.several, STAND_IN)
    return next(split(Block(data, 1, sound=False), dialect), None)


def _reads(data: bytes, dialect: Dialect, width: int) -> bool:
    """Is the first row of `data` one of this dialect, with so many fields?"""
    row = _first(data, dialect)
    return (
        row is not None
        and (len(row.values) == width)
        and not any(value.torn for value in row.values)
    )


def _is_header(row: Row, block: Block, dialect: Dialect) -> bool:
    """Do the rows from here on have as many fields, of which these look like names?"""
    names = [value.data.strip() for value in row.values]
    if len(names) < 2 or len(set(names)) < len(names):
        return False
    if not all(name and not name[:1].isdigit() for name in names):
        return False
    rest = Block(block.data[row.end : row.end + _LOOK], 1, sound=False)
    after = next(split(rest, dialect), None)
    return after is not None and len(after.values) == len(names)
