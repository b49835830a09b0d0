"""Bytes → blocks of whole rows, each with the number of its first line."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from factory.transfer.errors import BadRow
from factory.transfer.formats.csv.dialect import Dialect, spans, torn

SIZE = 2 << 20
LONGEST = 32 << 20
ESCAPED = r"Does a backslash stand before each quote of a text? Set `escape: '\'`"
_QUOTE = "If it is part of a text, it must be doubled, or set `quote: null`"


@dataclass(frozen=True)
class Swallowed:
    """A quoted value whose lines look like rows; the numbers are of its lines in the file."""

    first: int
    last: int


@dataclass(frozen=True)
class Block:
    """Whole rows."""

    data: bytes
    line: int  # of its first byte; the file's first is 1
    sound: bool  # is there no text behind a closing quote?
    swallowed: tuple[Swallowed, ...] = ()

    def after(self, end: int) -> Block:
        """What follows the first `end` bytes."""
        line = self.line + lines(self.data[:end])
        left = tuple(value for value in self.swallowed if value.first >= line)
        return Block(self.data[end:], line, self.sound, left)

    def halves(self, dialect: Dialect) -> tuple[Block, Block] | None:
        """Two blocks of whole rows; None when there is but one."""
        end, sound = whole_rows(self.data[: len(self.data) // 2], dialect)
        if not end:
            return None
        rest = self.after(end)
        if not self.sound:
            rest = replace(rest, sound=is_sound(rest.data, dialect))
        before = tuple(value for value in self.swallowed if value.first < rest.line)
        return Block(self.data[:end], self.line, sound, before), rest


def cut(chunks: Iterable[bytes], dialect: Dialect, source: str, line: int = 1) -> Iterator[Block]:
    """Cut `chunks` where rows end. Raises `BadRow` for a row of more than `LONGEST` bytes.

    A quote that is never closed makes such a row, so memory stays bounded.
    """
    rest = b""
    for chunk in chunks:
        data = rest + chunk if rest else chunk
        end, sound = whole_rows(data, dialect)
        if end:
            block = Block(data[:end], line, sound)
            rest = data[end:]
            yield block
            line += lines(block.data)
        else:
            rest = data
        if len(rest) > LONGEST:
            _check_closed(rest, dialect, source, line, f" within {_shown(LONGEST)}")
            raise BadRow(
                f"{source}:{line}: the row that begins here is longer than {_shown(LONGEST)}"
            )
    if rest:
        _check_closed(rest, dialect, source, line, "")
        _check_escaped(rest, dialect, source, line)
        yield Block(rest, line, is_sound(rest, dialect))


def _shown(size: int) -> str:
    return f"{size >> 20} MiB" if size >= 1 << 20 else f"{size} bytes"


def _check_closed(rest: bytes, dialect: Dialect, source: str, line: int, within: str) -> None:
    for start, end in spans(rest, dialect):
        if end is None:
            quote = (dialect.quote or b"").decode()
            raise BadRow(
                f"{source}:{line + lines(rest[:start])}: a quote ({quote}) that opens here is not "
                f"closed{within}",
                ESCAPED if b"\\" + (dialect.quote or b"") in rest[start:] else _QUOTE,
            )


def _check_escaped(rest: bytes, dialect: Dialect, source: str, line: int) -> None:
    escape = dialect.escape or b""
    if (len(rest) - len(rest.rstrip(escape))) % 2 and escape:
        raise BadRow(
            f"{source}:{line + lines(rest)}: the file ends behind an escape ({escape.decode()})",
            "Is it cut short? If it stands for itself, leave `escape` out, or double it",
        )


def lines(data: bytes) -> int:
    """How many lines end in `data`: at LF, CR LF or CR."""
    count = data.count(b"\n")
    if b"\r" in data:
        count += data.count(b"\r") - data.count(b"\r\n")
    return count


def whole_rows(data: bytes, dialect: Dialect) -> tuple[int, bool]:
    """Where the last whole row of `data` ends, which begins with a row; 0 when there is none.

    And whether the rows before it are sound: no text behind a closing quote.
    """
    if dialect.escape and dialect.escape in data:
        return _end_outside(data, dialect)
    if not dialect.quote or dialect.quote not in data:
        return _newline_end(data, len(data)), True
    parts = data.split(dialect.quote)
    if not clean(parts, dialect):
        return _end_outside(data, dialect)
    # Every quote opens, closes or is one of two: outside of fields, their count is even.
    end = _newline_end(data, len(data))
    inside = (len(parts) - 1 - data.count(dialect.quote, end)) % 2
    while end and inside:
        limit = data.rfind(dialect.quote, 0, end)
        before = _newline_end(data, limit)
        inside = (inside + data.count(dialect.quote, before, end)) % 2
        end = before
    return end, True


def clean(parts: list[bytes], dialect: Dialect) -> bool:
    """Does every quote open or close a field, or stand for one of its own (`""`)?

    `parts` are what is between quotes; then every second is outside of fields, and each of these
    must be empty (it was `""`), or begin and end where fields do.
    """
    quote, delimiter = dialect.quote or b"", dialect.delimiter
    outside = parts[::2]
    if dialect.skip_space:
        # Nothing but spaces between two quotes is no `""`.
        bare = [part.strip(b" ") or (part and quote) for part in outside[1:-1]]
        outside = [outside[0].strip(b" "), *bare, *(p.strip(b" ") for p in outside[1:][-1:])]
    if outside[0]:
        outside[0] = delimiter + outside[0]
    if len(parts) % 2 and outside[-1]:
        outside[-1] += delimiter
    outside = [part for part in outside if part]
    joined = quote + (quote + quote).join(outside) + quote
    joined = joined.translate(bytes.maketrans(b"\r\n", delimiter * 2))
    count = len(outside)
    return not count or joined.count(quote + delimiter) == count == joined.count(delimiter + quote)


def _newline_end(data: bytes, limit: int) -> int:
    """The last end of a line that is at most `limit`; a CR at the very end may be half of one."""
    end = data.rfind(b"\n", 0, limit) + 1
    if b"\r" in data:
        while (found := data.rfind(b"\r", end, limit)) >= 0:
            if found + 1 < len(data) and data[found + 1] != 0x0A:
                return found + 1
            limit = found
    return end


def _end_outside(data: bytes, dialect: Dialect) -> tuple[int, bool]:
    """As `whole_rows`, exactly, whatever the quotes are."""
    found = list(spans(data, dialect))
    starts = [start for start, _ in found]
    end = _newline_end(data, len(data))
    while end:
        index = bisect.bisect_left(starts, end) - 1
        if index < 0:
            return end, True
        start, closed = found[index]
        if closed is not None and closed < end:
            return end, _sound(data, found[: index + 1], dialect)
        end = _newline_end(data, start)
    return 0, True


def is_sound(data: bytes, dialect: Dialect) -> bool:
    """Whether no text stands behind a closing quote; `data` is whole rows."""
    if not dialect.quote or dialect.quote not in data:
        return True
    return _sound(data, spans(data, dialect), dialect)


def _sound(data: bytes, found: Iterable[tuple[int, int | None]], dialect: Dialect) -> bool:
    quote = dialect.quote
    if not dialect.escape and not dialect.skip_space:  # nothing but quoted fields: quicker
        after = {data[end] for _, end in found if end is not None and end < len(data)}
        return after <= {0x0A, 0x0D, dialect.delimiter[0]}
    return not quote or not any(
        end is not None and data.startswith(quote, start) and torn(data, end, dialect)
        for start, end in found
    )
