"""Comma-separated values."""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from factory.definitions.formats import names as naming
from factory.definitions.formats import times, types
from factory.definitions.formats.names import Names, Renames, Select
from factory.definitions.formats.packing import Member
from factory.definitions.formats.times import TimestampFormats, TimeZone
from factory.definitions.formats.types import TypeWord
from factory.diagnostics import did_you_mean, one_of
from factory.fields import Strict
from factory.problem import Problem

Character = Annotated[str, Meta(min_length=1, max_length=1)]
WORDS = {"tab": "\t", "\\t": "\t"}  # of delimiters that are hard to write
Types = Annotated[
    dict[str, TypeWord],
    Meta(
        description="Column types, by name. A column that is not named is inferred.",
        examples=[{"vendor_id": "integer", "fare_amount": "decimal(10, 2)"}],
    ),
]


class Csv(Strict, frozen=True, kw_only=True, omit_defaults=True, tag="csv", tag_field="type"):
    """Comma-separated values; gzip, Zstandard, bzip2, xz and zip are unpacked, whatever the name.

    Types that are not declared are those of the table, if it is there; else they are inferred from
    the first rows. They are held for every value: one that does not fit, or that its type would
    change (`007`), is a bad row.
    """

    delimiter: Annotated[
        str,
        Meta(
            description="Between two values: a character, `tab`, or several characters.",
            examples=[",", ";", "tab", "||"],
            min_length=1,
            max_length=8,
        ),
    ] = ","
    quote: Annotated[
        Character | None,
        Meta(description="Around a value; doubled, it stands for itself. `null`: there is none."),
    ] = '"'
    escape: Annotated[
        Character | None,
        Meta(description="Before a character that stands for itself.", examples=["\\"]),
    ] = None
    encoding: Annotated[
        str,
        Meta(
            description="How characters are written, by Python's names.",
            examples=["latin-1", "cp1252", "utf-16"],
        ),
    ] = "utf-8"
    header: Annotated[
        bool, Meta(description="Whether the first line names the columns; else declare `columns`.")
    ] = True
    skip_rows: Annotated[int, Meta(description="Lines to leave out at the start.", ge=0)] = 0
    nulls: Annotated[
        list[str] | UnsetType,
        Meta(
            description="Texts that mean null; quoted, they are texts. Default: an empty value.",
            examples=[["", "NA"]],
        ),
    ] = UNSET
    quoted_nulls: Annotated[
        bool, Meta(description="Whether they mean null in quotes, too: for files that quote all.")
    ] = False
    skip_space: Annotated[
        bool,
        Meta(description="Leave out spaces after a delimiter, and those around quotes."),
    ] = False
    extra_fields: Annotated[
        Literal["fail", "ignore_empty"],
        Meta(
            description="Of rows with more fields than the header: `ignore_empty` takes them when "
            "these are empty, as where each row ends with a delimiter."
        ),
    ] = "fail"
    multiline: Annotated[
        bool,
        Meta(
            description="Whether quoted values may hold lines that look like rows; else a quote "
            "that swallows rows is refused."
        ),
    ] = False
    decimal_point: Annotated[
        Character, Meta(description="In numbers. Thousands are not separated.", examples=[","])
    ] = "."
    timestamp_formats: Annotated[TimestampFormats, Meta()] = msgspec.field(default_factory=list)
    timezone: Annotated[TimeZone, Meta()] = None
    columns: Annotated[Types, Meta()] = msgspec.field(default_factory=dict)
    names: Annotated[Names, Meta()] = "snake_case"
    rename: Annotated[Renames, Meta()] = msgspec.field(default_factory=dict)
    select: Annotated[Select, Meta()] = msgspec.field(default_factory=list)
    member: Annotated[Member, Meta()] = None


def is_character(value: str) -> bool:
    """Whether it may be a delimiter, a quote or an escape."""
    return len(value) == 1 and value.isascii() and value not in "\r\n\0"


def delimiter(given: Csv) -> str:
    """The characters between two values."""
    return WORDS.get(given.delimiter, given.delimiter)


def is_delimiter(value: str) -> bool:
    """Whether it may be a delimiter; one of several characters is no word."""
    return all(map(is_character, value)) and (
        len(value) == 1 or not any(c.isalnum() or c in " \\" for c in value)
    )


def is_decimal_point(value: str) -> bool:
    """Whether no number has it elsewhere."""
    return len(value) == 1 and not value.isalnum() and value not in "+-"


def encoding(name: str) -> str | None:
    """Python's own name of an encoding of texts; None: `base64` is for bytes, `undefined` none."""
    try:
        found = codecs.lookup(name)
        is_text = found._is_text_encoding and isinstance("a".encode(name), bytes)
    except (LookupError, ValueError):
        return None
    return found.name if is_text else None


def nulls(given: Csv) -> tuple[str, ...]:
    """The texts that mean null."""
    return ("",) if given.nulls is UNSET else tuple(given.nulls)


def problems(given: Csv) -> Iterator[Problem]:
    """Options that no file can be read with, with their paths below the format."""
    yield from _dialect(given)
    yield from _without_effect(given)
    yield from types.problems(given.columns)
    yield from times.problems(given.timestamp_formats, given.timezone)
    yield from naming.problems(given, None if given.header else list(given.columns))
    yield from _not_there(given)


def _dialect(given: Csv) -> Iterator[Problem]:
    between = delimiter(given)
    characters = {"delimiter": between, "quote": given.quote, "escape": given.escape}
    for (one, this), (other, that) in itertools.combinations(characters.items(), 2):
        if this is not None and this == that:
            yield Problem((other,), "bad-value", f"{other} and {one} are both {that!r}")
        elif this and that and one == "delimiter" and that in this:
            yield Problem((one,), "bad-value", f"{one} {this!r} holds the {other} {that!r}")
    if not is_delimiter(between):
        yield _no_delimiter(between)
    for name, value in (
        *(("quote", given.quote), ("escape", given.escape)),
        ("decimal_point", given.decimal_point),
    ):
        if value is not None and not is_character(value):
            yield Problem(
                (name,), "bad-value", f"{name} is {value!r}", expected="one ASCII character"
            )
    if not is_decimal_point(given.decimal_point):
        said = f"decimal_point can't be {given.decimal_point!r}"
        yield Problem(("decimal_point",), "bad-value", said, expected="`.` or `,`")
    if encoding(given.encoding) is None:
        known = "utf-8, utf-16, latin-1, cp1252, or another that Python knows"
        said = f"there is no encoding {given.encoding!r}"
        yield Problem(("encoding",), "bad-value", said, expected=known)
    if not given.header and not given.columns:
        said = "a CSV without a header needs its columns"
        yield Problem(("header",), "missing-key", said, expected="`columns:`, in their order")


def _no_delimiter(value: str) -> Problem:
    hint = ""
    if value.startswith("\\"):
        hint = f'in double quotes YAML knows such signs: `delimiter: "{value}"`'
    return Problem(
        ("delimiter",),
        "bad-value",
        f"delimiter is {value!r}",
        expected="one ASCII character, several that are no letters (`||`), or `tab`",
        hint=hint,
    )


def _without_effect(given: Csv) -> Iterator[Problem]:
    """Options that ask for what another has ruled out."""
    for word in ("quoted_nulls", "multiline"):
        if given.quote is None and getattr(given, word):
            yield Problem((word,), "bad-value", f"{word} has no effect: there is no quote")
    if given.quoted_nulls and not nulls(given):
        said = "quoted_nulls has no effect: no text means null"
        yield Problem(("quoted_nulls",), "bad-value", said, expected="`nulls: ['', …]`")
    if given.skip_space and " " in (given.delimiter, given.quote, given.escape):
        said = "skip_space would leave out what the dialect needs"
        yield Problem(("skip_space",), "bad-value", said)


def _not_there(given: Csv) -> Iterator[Problem]:
    """Names of a file whose columns the spec declares, and that are not among them."""
    if given.header or not given.columns:
        return
    final = [given.rename.get(name, name) for name in given.columns]
    lists = {"rename": (list(given.rename), given.columns), "select": (given.select, final)}
    for word, (named, known) in lists.items():
        for index, name in enumerate(named):
            if name not in known and name not in given.columns:
                place = index if word == "select" else name
                yield Problem(
                    (word, place),
                    "unknown-column",
                    f"there is no column {name!r}",
                    expected=one_of(list(known)),
                    hint=did_you_mean(name, known),
                    at_key=word == "rename",
                )


def known(given: Csv) -> frozenset[str] | None:
    """Every name that a column may have in the end; None when only the files tell."""
    if not given.header:
        return naming.finals(given.select or given.columns, given.rename, styled=False)
    return naming.known(given)
