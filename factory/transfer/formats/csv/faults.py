"""What is said of rows that are no CSV."""

from __future__ import annotations

import re
from collections.abc import Sequence

from factory.transfer.formats.csv import guess
from factory.transfer.formats.csv.blocks import Block, Swallowed, lines
from factory.transfer.formats.csv.dialect import Dialect
from factory.transfer.formats.csv.rows import Row
from factory.transfer.formats.csv.unfit import Column, Problem

AFTER = 20  # bytes behind a closing quote
REPEATED = "the row is the header once more: were several files joined?"
ONE_BY_ONE = (
    "Name the columns yourself if it is a row (`header: false`, `skip_rows: 1` and `columns`); "
    "else load the files one by one, or remove the line"
)


def torn(
    row: Row, block: Block, columns: Sequence[Column], dialect: Dialect, hint: str | None
) -> Problem:
    """Text follows the closing quote of one of the row's values."""
    index = next(index for index, value in enumerate(row.values) if value.torn)
    opened, closed = (row.start + at for at in row.values[index].torn or (0, 0))
    after = dialect.as_written(block.data[closed + 1 : closed + 1 + AFTER])
    shown = re.split(rb"[\r\n]", after)[0].decode(errors="replace")
    before = lines(block.data[row.start : closed])
    place = _place(block, closed, dialect)
    reason = f"column {_name(index, columns)}: text follows the closing quote ({place}: `{shown}`)"
    if lines(block.data[opened:closed]):
        line = row.line + lines(block.data[row.start : opened])
        reason += f"; the quote opens in line {line}, {_place(block, opened, dialect)}"
    return Problem(row.line + before, reason, row.data, hint)


def _name(index: int, columns: Sequence[Column]) -> str:
    return next((repr(c.name) for c in columns if c.index == index), str(index + 1))


def _place(block: Block, at: int, dialect: Dialect) -> str:
    start = max(block.data.rfind(b"\n", 0, at), block.data.rfind(b"\r", 0, at)) + 1
    before = dialect.as_written(block.data[start:at]).decode(errors="replace")
    return f"character {len(before) + 1}"


def swallowing(row: Row, value: Swallowed, columns: Sequence[Column]) -> Problem:
    """A quoted value holds lines that look like rows."""
    long = (index for index, one in enumerate(row.values) if lines(one.data) > 1)
    name = _name(next(long, 0), columns)
    return Problem(
        value.first,
        f"column {name}: a quote that opens here is closed in line {value.last}, and each line "
        "between has as many fields as a row: are they rows?",
        row.data,
        "If the quote is a part of the text, set `quote: null`, or correct it; if all this is one "
        f"value, `multiline: true`; {guess.ASIDE}",
    )


def repeating(row: Row) -> Problem:
    """The header once more."""
    return Problem(row.line, REPEATED, row.data, f"{ONE_BY_ONE}; {guess.ASIDE}")
