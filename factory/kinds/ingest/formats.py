"""What the files of a source look like."""

from __future__ import annotations

import codecs
import difflib
import itertools
import re
import zoneinfo
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from factory import literals
from factory.diagnostics import did_you_mean, one_of
from factory.fields import Strict
from factory.problem import Problem
from factory.transfer.names import snake_case

# The words of factory.transfer.types, which is not imported: it needs pyarrow.
_PATTERN = (
    r"^(bool(ean)?|smallint|int(eger)?|bigint|real|double|float|text|string|date|time"
    r"|timestamp|timestamptz|binary|(decimal|numeric)\( *[0-9]+ *, *[0-9]+ *\))$"
)
TypeWord = Annotated[
    str,
    Meta(
        title="column type",
        pattern=_PATTERN,
        examples=["integer", "decimal(10, 2)"],
    ),
]
JsonTypeWord = Annotated[
    str,
    Meta(
        title="column type",
        pattern=_PATTERN.replace("|text", "|text|json"),
        examples=["integer", "decimal(10, 2)", "json"],
    ),
]
Types = Annotated[
    dict[str, TypeWord],
    Meta(
        description="Column types, by name. A column that is not named is inferred.",
        examples=[{"vendor_id": "integer", "fare_amount": "decimal(10, 2)"}],
    ),
]
Renames = Annotated[
    dict[str, str],
    Meta(
        description="New names, by the file's own name or by the snake-cased one.",
        examples=[{"tpep_pickup_datetime": "pickup_at"}],
    ),
]
Select = Annotated[
    list[str],
    Meta(
        description="Only these columns, in this order, by their new or by the file's own names.",
        examples=[["vendor_id", "pickup_at"]],
    ),
]
TimestampFormats = Annotated[
    list[str],
    Meta(
        description="How dates and timestamps are written, as strptime has it. Default: ISO 8601.",
        examples=[["%d/%m/%Y %H:%M:%S"]],
    ),
]
TimeZone = Annotated[
    str | None,
    Meta(
        description="The zone of timestamps that name none, in columns with a time zone.",
        examples=["Europe/Berlin"],
    ),
]
Character = Annotated[str, Meta(min_length=1, max_length=1)]


Names = Annotated[
    Literal["snake_case", "as_is"],
    Meta(description="`VendorID` becomes `vendor_id`, or stays as it is."),
]


class Csv(Strict, frozen=True, kw_only=True, omit_defaults=True, tag="csv", tag_field="type"):
    """Comma-separated values; `.gz`, `.zst`, `.bz2`, `.xz` and `.zip` are unpacked on the way.

    Types that are not declared are inferred from the first rows, and then held for every value: one
    that does not fit, or that its type would change (`007`), is a bad row.
    """

    delimiter: Annotated[
        Character, Meta(description="Between two values.", examples=[",", ";", "|"])
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
    decimal_point: Annotated[
        Character, Meta(description="In numbers. Thousands are not separated.", examples=[","])
    ] = "."
    timestamp_formats: Annotated[TimestampFormats, Meta()] = msgspec.field(default_factory=list)
    timezone: Annotated[TimeZone, Meta()] = None
    columns: Annotated[Types, Meta()] = msgspec.field(default_factory=dict)
    names: Annotated[Names, Meta()] = "snake_case"
    rename: Annotated[Renames, Meta()] = msgspec.field(default_factory=dict)
    select: Annotated[Select, Meta()] = msgspec.field(default_factory=list)


JsonTypes = Annotated[
    dict[str, JsonTypeWord],
    Meta(
        description="Column types, by name. A column that is not named is inferred. `text` keeps "
        "numbers, objects and arrays as they are written, `json` strings too, with their quotes.",
        examples=[{"id": "bigint", "price": "decimal(10, 2)", "payload": "json"}],
    ),
]


class Jsonl(Strict, frozen=True, kw_only=True, omit_defaults=True, tag="jsonl", tag_field="type"):
    """JSON Lines: an object in each line, UTF-8. Objects and arrays within become text.

    The columns are the keys of the first rows of each file, and those that are declared. Another
    key is an error, unless the columns are selected.
    """

    columns: Annotated[JsonTypes, Meta()] = msgspec.field(default_factory=dict)
    timestamp_formats: Annotated[TimestampFormats, Meta()] = msgspec.field(default_factory=list)
    timezone: Annotated[TimeZone, Meta()] = None
    names: Annotated[Names, Meta()] = "snake_case"
    rename: Annotated[Renames, Meta()] = msgspec.field(default_factory=dict)
    select: Annotated[Select, Meta()] = msgspec.field(default_factory=list)


class Parquet(
    Strict, frozen=True, kw_only=True, omit_defaults=True, tag="parquet", tag_field="type"
):
    """Apache Parquet."""

    names: Annotated[Names, Meta()] = "snake_case"
    rename: Annotated[Renames, Meta()] = msgspec.field(default_factory=dict)
    select: Annotated[Select, Meta()] = msgspec.field(default_factory=list)


Format = Literal["csv", "jsonl", "parquet"] | Csv | Jsonl | Parquet
"""A word for a format as it comes, or a mapping with its options."""


def options(given: Format) -> dict[str, object]:
    """`csv` and `{type: csv}` alike as `{"type": "csv"}`."""
    if isinstance(given, str):
        return {"type": given}
    plain: dict[str, object] = msgspec.to_builtins(given)
    return plain


def problems(given: Format) -> Iterator[Problem]:
    """Options that no file can be read with."""
    for problem in check(given):
        yield msgspec.structs.replace(problem, path=("source", "format", *problem.path))


def check(given: Format) -> Iterator[Problem]:
    """As `problems`, with paths below the format."""
    if isinstance(given, str):
        return
    if isinstance(given, Csv):
        yield from _dialect(given)
    if not isinstance(given, Parquet):
        yield from _types(given)
        yield from _times(given)
    yield from _names(given)


def _dialect(given: Csv) -> Iterator[Problem]:
    characters = {"delimiter": given.delimiter, "quote": given.quote, "escape": given.escape}
    for (one, this), (other, that) in itertools.combinations(characters.items(), 2):
        if this is not None and this == that:
            yield Problem((other,), "bad-value", f"{other} and {one} are both {that!r}")
    for name, value in (*characters.items(), ("decimal_point", given.decimal_point)):
        if value is not None and (not value.isascii() or value in "\r\n\0"):
            yield Problem(
                (name,), "bad-value", f"{name} is {value!r}", expected="one ASCII character"
            )
    if given.decimal_point.isalnum() or given.decimal_point in "+-":
        said = f"decimal_point can't be {given.decimal_point!r}"
        yield Problem(("decimal_point",), "bad-value", said, expected="`.` or `,`")
    if not _is_encoding(given.encoding):
        known = "utf-8, utf-16, latin-1, cp1252, or another that Python knows"
        said = f"there is no encoding {given.encoding!r}"
        yield Problem(("encoding",), "bad-value", said, expected=known)
    if not given.header and not given.columns:
        said = "a CSV without a header needs its columns"
        yield Problem(("header",), "missing-key", said, expected="`columns:`, in their order")


def _is_encoding(name: str) -> bool:
    """Whether Python knows it, and for texts: `base64` is one for bytes, `undefined` for none."""
    try:
        found = codecs.lookup(name)
        return found._is_text_encoding and isinstance("a".encode(name), bytes)
    except (LookupError, ValueError):
        return False


def _types(given: Csv | Jsonl) -> Iterator[Problem]:
    for name, word in given.columns.items():
        yield from literals.column(name, ("columns", name), at_key=True)
        digits = re.findall("[0-9]+", word) if word.startswith(("decimal", "numeric")) else []
        precision, scale = (int(number) for number in digits) if digits else (1, 0)
        if not 1 <= precision <= _MOST_DIGITS or scale > precision:
            expected = f"1 to {_MOST_DIGITS} digits, and a smaller scale"
            yield Problem(("columns", name), "bad-value", f"{word} is not possible", expected)


_MOST_DIGITS = 76  # Arrow's


def _strptime_error(form: str) -> str:
    """Why Python cannot read by this format, or an empty string."""
    long = re.sub("%[FTRD]", lambda match: _SHORT[match[0]], form)
    try:
        datetime.strptime("", long)
    except ValueError as error:
        return "" if "does not match format" in str(error) else str(error)
    except re.error:
        return "a directive repeats"
    return ""


_SHORT = {"%F": "%Y-%m-%d", "%T": "%H:%M:%S", "%R": "%H:%M", "%D": "%m/%d/%y"}


def _times(given: Csv | Jsonl) -> Iterator[Problem]:
    for index, form in enumerate(given.timestamp_formats):
        if reason := _strptime_error(form):
            said = f"{form!r} is not a strptime format: {reason}"
            expected = "a strptime format such as %d/%m/%Y %H:%M:%S"
            yield Problem(("timestamp_formats", index), "bad-value", said, expected=expected)
        elif "%" not in form or not {"%Y", "%y", "%F", "%D", "%G", "%c", "%x"} & _directives(form):
            said = f"{form!r} has no year"
            expected = "a strptime format such as %d/%m/%Y %H:%M:%S"
            yield Problem(("timestamp_formats", index), "bad-value", said, expected=expected)
    zone = given.timezone
    if zone is not None and zone not in (known := zoneinfo.available_timezones()) and known:
        near = difflib.get_close_matches(zone, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else ""
        said = f"there is no time zone {zone!r}"
        expected = "a name such as Europe/Berlin or UTC"
        yield Problem(("timezone",), "bad-value", said, expected=expected, hint=hint)


def _directives(form: str) -> set[str]:
    return set(re.findall("%.", form))


def _names(given: Csv | Jsonl | Parquet) -> Iterator[Problem]:
    yield from literals.columns(given.select, ("select",))
    yield from _not_there(given)
    by_name: dict[str, str] = {}
    for own, name in given.rename.items():
        yield from literals.column(name, ("rename", own))
        if name in by_name:
            said = f"{by_name[name]!r} and {own!r} are both renamed to {name!r}"
            yield Problem(("rename", own), "bad-value", said)
        by_name.setdefault(name, own)
    for index, name in literals.repeated(given.select):
        yield Problem(("select", index), "bad-value", f"{name!r} is selected twice")
    if given.select:
        for own, name in given.rename.items():
            there = not isinstance(given, Csv) or given.header or own in given.columns
            if there and own not in given.select and name not in given.select:
                said = f"{own!r} is renamed, but not selected"
                yield Problem(("rename", own), "bad-value", said, severity="warning")


def _not_there(given: Csv | Jsonl | Parquet) -> Iterator[Problem]:
    """Names of a file whose columns the spec declares, and that are not among them."""
    if not isinstance(given, Csv) or given.header or not given.columns:
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


def known(given: Format) -> frozenset[str] | None:
    """Every name that a column may have in the end; None when only the files tell."""
    if isinstance(given, str):
        return None
    if isinstance(given, Csv) and not given.header:
        own, styled = given.select or list(given.columns), False
    elif given.select:
        own, styled = given.select, given.names == "snake_case"
    else:
        return None
    return frozenset(_finals(own, given.rename, styled))


def renamed(given: Format) -> frozenset[str]:
    """Names that columns are given."""
    return frozenset() if isinstance(given, str) else frozenset(given.rename.values())


def _finals(own: Iterable[str], rename: dict[str, str], styled: bool) -> Iterator[str]:
    """A column is selected by its own name or by its last: both readings are possible."""
    for name in own:
        for each in {name, snake_case(name)} if styled else {name}:
            yield each
            yield rename.get(each, each)
