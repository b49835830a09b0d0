"""How a CSV file is written: its options, and where its rows and fields end.

A quote opens only at a field's start; what follows a closing quote up to the delimiter belongs
to the field. That is how pyarrow and the standard library read CSV, too.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from factory.transfer import options as opt
from factory.transfer.errors import BadOption

OPTIONS = ("delimiter", "quote", "escape", "encoding", "header", "skip_rows", "nulls")


@dataclass(frozen=True)
class Patterns:
    """What is searched for in a dialect's bytes."""

    opening: re.Pattern[bytes]  # a quote that opens a field, or escaped bytes outside of quotes
    closing: re.Pattern[bytes]  # within quotes: an escaped byte, two quotes, or the closing one
    plain: re.Pattern[bytes]  # the rest of a field, outside of quotes
    escaped: re.Pattern[bytes]


@dataclass(frozen=True)
class Dialect:
    """The options of a CSV file."""

    delimiter: bytes = b","
    quote: bytes | None = b'"'
    escape: bytes | None = None
    encoding: str = "utf-8"
    header: bool = True
    skip_rows: int = 0  # lines before the header
    nulls: tuple[str, ...] = ("",)
    patterns: Patterns = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "patterns", _patterns(self.delimiter, self.quote, self.escape))


def _patterns(delimiter: bytes, quote: bytes | None, escape: bytes | None) -> Patterns:
    d = re.escape(delimiter)
    e = re.escape(escape) if escape else rb"(?!)"
    # Without quotes nothing opens, and what never matches is never asked for.
    q = re.escape(quote) if quote else rb"(?!)"
    # The literal first: the search is then as fast as looking for one byte.
    opening = q + rb"(?<=[" + d + rb"\r\n]" + q + rb")" if quote else rb"(?!)"
    if escape:
        opening = rb"(?:" + e + rb"(?:.|\Z))+" + q + rb"?|" + opening
        closing = e + rb"(?:.|\Z)|" + q + q + rb"|" + q
        other = rb"[^\r\n" + d + e + rb"]*"
        plain = other + rb"(?:" + e + rb"(?:.|\Z)" + other + rb")*"
    else:
        closing = q + q + rb"|" + q
        plain = rb"[^\r\n" + d + rb"]*"
    if escape and not quote:
        opening = rb"(?:" + e + rb"(?:.|\Z))+"
    compiled = (re.compile(p, re.DOTALL) for p in (opening, closing, plain, e + rb"(.)"))
    return Patterns(*compiled)


def dialect(options: Mapping[str, object]) -> Dialect:
    """Read the options. Raises `BadOption`."""
    delimiter = _character("delimiter", opt.get(options, "delimiter", str, ","))
    quote = _quote(options)
    given = opt.get(options, "escape", str, "")
    escape = _character("escape", given) if given else None
    if len({delimiter, quote, escape}) < 3 and not (quote is None and escape is None):
        raise BadOption("'delimiter', 'quote' and 'escape' must differ")
    skip = opt.number(options, "skip_rows") or 0
    if skip < 0:
        raise BadOption(f"'skip_rows' must not be negative: {skip}")
    return Dialect(
        delimiter=delimiter,
        quote=quote,
        escape=escape,
        encoding=_encoding(opt.get(options, "encoding", str, "utf-8")),
        header=opt.get(options, "header", bool, True),
        skip_rows=skip,
        nulls=tuple(opt.texts(options, "nulls")) if options.get("nulls") is not None else ("",),
    )


def _quote(options: Mapping[str, object]) -> bytes | None:
    if "quote" in options and options["quote"] is None:
        return None
    return _character("quote", opt.get(options, "quote", str, '"'))


def _character(name: str, value: str) -> bytes:
    if len(value) != 1 or not value.isascii() or value in "\r\n\0":
        raise BadOption(f"{name!r} must be one ASCII character, not {value!r}")
    return value.encode()


def _encoding(name: str) -> str:
    try:
        found = codecs.lookup(name)
        if found._is_text_encoding:
            return found.name
    except LookupError:
        pass
    raise BadOption(
        f"unknown encoding {name!r}", "Python's names are known: utf-8, latin-1, cp1252, utf-16"
    )


def quoted_end(data: bytes, start: int, dialect: Dialect) -> int | None:
    """Where the field ends whose quote opens at `start`: after its closing quote, if it has one."""
    position = start + 1
    while match := dialect.patterns.closing.search(data, position):
        position = match.end()
        if match[0] == dialect.quote:
            return position
    return None


def spans(data: bytes, dialect: Dialect) -> Iterator[tuple[int, int | None]]:
    """The quoted and escaped parts, in which no row ends; `data` begins with a row.

    The end is None when a quote is not closed.
    """
    position = 0
    opening = dialect.patterns.opening
    while True:
        if position == 0 and dialect.quote and data.startswith(dialect.quote):
            start, end = 0, quoted_end(data, 0, dialect)
        elif match := opening.search(data, position):
            start, end = match.span()
            if match[0] == dialect.quote:
                end = quoted_end(data, start, dialect)
        else:
            return
        yield start, end
        if end is None:
            return
        position = end
