"""Excel workbooks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from factory.definitions.formats import names as naming
from factory.definitions.formats import times, types
from factory.definitions.formats.csv import Types
from factory.definitions.formats.names import Names, Renames, Select
from factory.definitions.formats.times import TimestampFormats, TimeZone
from factory.fields import Strict
from factory.problem import Problem

LAST_ROW, LAST_COLUMN = 1 << 20, 1 << 14
"""Excel's own limits."""
_RANGE = re.compile(r"([A-Za-z]{1,3})([1-9][0-9]{0,6})?:([A-Za-z]{1,3})([1-9][0-9]{0,6})?")

SheetNumber = Annotated[int, Meta(ge=1)]


class Xlsx(Strict, frozen=True, kw_only=True, omit_defaults=True, tag="xlsx", tag_field="type"):
    """A sheet of an Excel workbook (`.xlsx`, `.xlsm`): the values that Excel last stored.

    Types that are not declared are those of the cells in the first rows; a column of several is
    text. Rows without a value are passed over.
    """

    sheet: Annotated[
        SheetNumber | str | None,
        Meta(
            description="Its name or number, the first is 1. Default: the only one that is shown "
            "and not empty.",
            examples=["Orders", 2],
        ),
    ] = None
    range: Annotated[
        str | None,
        Meta(description="Only these columns and rows.", examples=["B3:F", "A:H", "B3:F200"]),
    ] = None
    header: Annotated[
        bool, Meta(description="Whether the first row names the columns; else declare `columns`.")
    ] = True
    skip_rows: Annotated[
        int, Meta(description="Rows to leave out at the start of the sheet or range.", ge=0)
    ] = 0
    merged: Annotated[
        Literal["fail", "first", "fill"],
        Meta(
            description="Merged cells among the rows have one value: refuse them, leave all but "
            "the first empty, or give it to each."
        ),
    ] = "fail"
    nulls: Annotated[
        list[str] | UnsetType,
        Meta(
            description="Texts, and errors of formulas, that mean null. Default: an empty text.",
            examples=[["", "n/a", "#N/A"]],
        ),
    ] = UNSET
    timestamp_formats: Annotated[TimestampFormats, Meta()] = msgspec.field(default_factory=list)
    timezone: Annotated[TimeZone, Meta()] = None
    columns: Annotated[Types, Meta()] = msgspec.field(default_factory=dict)
    names: Annotated[Names, Meta()] = "snake_case"
    rename: Annotated[Renames, Meta()] = msgspec.field(default_factory=dict)
    select: Annotated[Select, Meta()] = msgspec.field(default_factory=list)


class Area(msgspec.Struct, frozen=True):
    """Columns and rows of a sheet, the first is 1."""

    first_column: int = 1
    first_row: int = 1
    last_column: int = LAST_COLUMN
    last_row: int = LAST_ROW


def area(given: Xlsx) -> Area | None:
    """What `range` says; None: it is no range."""
    if given.range is None:
        return Area()
    match = _RANGE.fullmatch(given.range.replace("$", ""))
    if match is None:
        return None
    found = Area(
        column_number(match[1]),
        int(match[2] or 1),
        column_number(match[3]),
        int(match[4] or LAST_ROW),
    )
    fits = found.first_column <= found.last_column <= LAST_COLUMN
    return found if fits and found.first_row <= found.last_row <= LAST_ROW else None


def column_number(letters: str) -> int:
    """`A` → 1, `AA` → 27."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def column_letters(number: int) -> str:
    """1 → `A`, 27 → `AA`."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def nulls(given: Xlsx) -> tuple[str, ...]:
    """The texts that mean null."""
    return ("",) if given.nulls is UNSET else tuple(given.nulls)


def problems(given: Xlsx) -> Iterator[Problem]:
    """Options that no file can be read with, with their paths below the format."""
    if area(given) is None:
        said = f"{given.range!r} is no range of cells"
        yield Problem(("range",), "bad-value", said, expected="B3:F, A:H or B3:F200")
    if not given.header and not given.columns:
        said = "a sheet without a header needs its columns"
        yield Problem(("header",), "missing-key", said, expected="`columns:`, in their order")
    yield from types.problems(given.columns)
    yield from times.problems(given.timestamp_formats, given.timezone)
    yield from naming.problems(given, None if given.header else list(given.columns))


def known(given: Xlsx) -> frozenset[str] | None:
    """Every name that a column may have in the end; None when only the files tell."""
    if not given.header:
        return naming.finals(given.select or given.columns, given.rename, styled=False)
    return naming.known(given)
