"""Bytes of any encoding → UTF-8, in chunks; what can't be decoded stays marked in its row."""

from __future__ import annotations

import codecs
import functools
import re
from collections.abc import Iterator
from typing import IO

from factory.transfer.errors import BadRow
from factory.transfer.formats.csv import blocks
from factory.transfer.formats.csv.blocks import lines
from factory.transfer.formats.csv.dialect import STAND_IN, Dialect

_BOM = codecs.BOM_UTF8
_MARK = "factory-mark"
_SPACES_ALONE = re.compile(rb"\r +\n")


def _mark(error: UnicodeError) -> tuple[str, int]:
    """A byte that can't be decoded becomes a surrogate: it is never valid UTF-8 again."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(chr(0xDC00 + byte) for byte in wrong), error.end


codecs.register_error(_MARK, _mark)


def utf8(file: IO[bytes], encoding: str, source: str) -> Iterator[bytes]:
    """The file's text in chunks of about `blocks.SIZE` bytes, without a byte order mark."""
    chunks = _raw(file) if encoding in ("utf-8", "utf-8-sig") else _decoded(file, encoding, source)
    first = next(chunks, b"")
    first = first[len(_BOM) :] if first.startswith(_BOM) else first
    if first:
        yield first
    yield from chunks


def _raw(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(blocks.SIZE):
        yield chunk


def _decoded(file: IO[bytes], encoding: str, source: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(_MARK)
    chunk = b" "
    while chunk:
        chunk = file.read(blocks.SIZE)
        try:
            text = decoder.decode(chunk, not chunk)
        except UnicodeError as error:
            raise BadRow(f"{source} is not {encoding}: {error}") from None
        if text:
            yield text.encode("utf-8", "surrogatepass")


def without_lines(chunks: Iterator[bytes], count: int, source: str) -> Iterator[bytes]:
    """Leave the first `count` lines out."""
    left = count
    rest = b""
    for chunk in chunks:
        if not left:
            yield chunk
            continue
        rest += chunk
        while left and (end := _line_end(rest)):
            rest, left = rest[end:], left - 1
        if len(rest) > blocks.LONGEST:
            raise BadRow(f"{source}:{count - left + 1}: a line to skip is too long")
        if not left and rest:
            yield rest
    if left > 1 or (left and not rest):
        raise BadRow(f"{source} has no more than {count - left} lines, `skip_rows` is {count}")


def _line_end(data: bytes) -> int:
    """After the first line; 0 when it is not whole."""
    ends = [end for end in (data.find(b"\n"), data.find(b"\r")) if end >= 0]
    if not ends or (min(ends) + 1 == len(data) and data[min(ends)] == 0x0D):
        return 0
    end = min(ends)
    return end + 2 if data[end : end + 2] == b"\r\n" else end + 1


def without_spaces(data: bytes, dialect: Dialect) -> bytes | None:
    """Whole rows without the spaces that stand after delimiters and around quotes.

    None when they must be read row by row: where a quote or an escape stands within a field, or
    two ends of lines would become one.
    """
    quote, delimiter = dialect.quote or b"", dialect.delimiter
    if dialect.escape and dialect.escape in data:
        return None
    parts = data.split(quote) if quote else [data]
    if len(parts) > 1 and not blocks.clean(list(parts), dialect):
        return None
    outside = (quote or b"\n").join(parts[::2])
    starts = [delimiter, b"\n", b"\r", *([quote] if quote else [])]
    if b"\r " in outside and _SPACES_ALONE.search(outside):
        return None
    outside = b"\n" + outside
    for start in starts:
        while start + b" " in outside:
            outside = outside.replace(start + b" ", start)
    parts[::2] = outside[1:].split(quote) if quote else [outside[1:]]
    return quote.join(parts)


def without_empty(data: bytes, width: int, dialect: Dialect) -> bytes | None:
    """Whole rows without empty fields behind the last column; None when that is not so simple.

    A row that is not of this width stays, and what follows it may be wrong: not to be used then.
    """
    if dialect.escape and dialect.escape in data:
        return None
    if width == 1 and b"\r" in data:  # a row of nothing else, between CR and LF, would be gone
        return None
    return _row_of(width, dialect.delimiter, dialect.quote).sub(rb"\1", data)


@functools.lru_cache(maxsize=16)
def _row_of(width: int, delimiter: bytes, quote: bytes | None) -> re.Pattern[bytes]:
    d = re.escape(delimiter)
    field, q = rb"[^" + d + rb"\r\n]*", re.escape(quote or b"")
    if quote:
        within = rb"[^" + q + rb"]*"
        quoted = q + within + rb"(?:" + q + q + within + rb")*" + q
        field = rb"(?:" + quoted + rb"|[^" + d + q + rb"\r\n]" + field + rb")?"
    before = rb"(?:" + field + d + rb"){%d}" % (width - 1)
    # Rows without such fields match as well: so no text of several lines is taken for rows.
    return re.compile(rb"(?<![^\r\n])(" + before + field + rb")" + d + rb"*(?=[\r\n]|\Z)")


def one_byte(chunks: Iterator[bytes], dialect: Dialect, source: str, line: int) -> Iterator[bytes]:
    """A delimiter of several characters becomes one, which may not be in the file."""
    several, rest = dialect.several, b""
    for chunk in chunks:
        if STAND_IN in chunk:
            at = line + lines(chunk[: chunk.index(STAND_IN)])
            raise BadRow(
                f"{source}:{at}: the byte 0x1f, which stands in for `delimiter`, is in the file",
                "Remove it from the file",
            )
        line += lines(chunk)
        data = (rest + chunk).replace(several, STAND_IN)
        sizes = range(len(several) - 1, 0, -1)
        kept = next((size for size in sizes if data.endswith(several[:size])), 0)
        rest = data[len(data) - kept :]
        if kept < len(data):
            yield data[: len(data) - kept]
    if rest:
        yield rest


def wrong_byte(data: bytes, encoding: str) -> tuple[int, str] | None:
    """Where in a row of UTF-8 a byte is that is none: lines before it, and what to say."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start]
        start = max(before.rfind(b"\n"), before.rfind(b"\r")) + 1
        if encoding in ("utf-8", "utf-8-sig"):
            where, byte = f"byte {error.start - start + 1}", data[error.start]
        else:
            character = data[error.start : error.start + 3].decode("utf-8", "surrogatepass")
            byte = ord(character) - 0xDC00
            where = f"character {len(before[start:].decode()) + 1}"
        name = "UTF-8" if encoding in ("utf-8", "utf-8-sig") else encoding
        return lines(before), f"{where} of the line ({byte:#04x}) is not {name}"
    return None
