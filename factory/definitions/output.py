"""How files are written: one Struct a format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from factory.definitions.formats.csv import WORDS as DELIMITERS
from factory.definitions.formats.csv import is_character
from factory.fields import Strict, word_of
from factory.problem import Problem

Packing = Annotated[
    Literal["none", "gzip", "zstd"], Meta(description="How each file is packed as a whole.")
]
RowGroup = Annotated[int, Meta(ge=1000, le=10_000_000)]


class ParquetFiles(
    Strict, frozen=True, kw_only=True, omit_defaults=True, tag="parquet", tag_field="type"
):
    """Parquet as Spark, Athena, BigQuery and DuckDB read it: timestamps in microseconds, in UTC."""

    compression: Annotated[
        Literal["zstd", "snappy", "gzip", "none"], Meta(description="How pages are packed.")
    ] = "zstd"
    row_group: Annotated[
        RowGroup, Meta(description="Rows of a row group, at most; wide rows make it smaller.")
    ] = 122_880


class CsvFiles(Strict, frozen=True, kw_only=True, omit_defaults=True, tag="csv", tag_field="type"):
    """CSV in UTF-8. Texts stand in quotes, nulls do not: empty text and null are kept apart."""

    delimiter: Annotated[
        str,
        Meta(
            description="Between two values: a character, or `tab`.",
            examples=[";", "tab"],
            min_length=1,
            max_length=3,
        ),
    ] = ","
    header: Annotated[bool, Meta(description="Whether the first line names the columns.")] = True
    null_text: Annotated[
        str, Meta(description="What stands for null.", examples=["\\N"], max_length=20)
    ] = ""
    compression: Packing = "none"


class JsonLinesFiles(
    Strict, frozen=True, kw_only=True, omit_defaults=True, tag="jsonl", tag_field="type"
):
    """JSON Lines: an object in each line, with all columns as its keys."""

    compression: Packing = "none"


Output = ParquetFiles | CsvFiles | JsonLinesFiles
"""A format with all of its options."""
_BY_WORD: dict[str, type[Output]] = {
    word_of(struct): struct for struct in (ParquetFiles, CsvFiles, JsonLinesFiles)
}

if TYPE_CHECKING:
    Written = str | Output
else:
    Written = Literal[tuple(_BY_WORD)] | Output
"""A word for a format as it comes, or a mapping with its options."""

_PACKED = {"none": "", "gzip": ".gz", "zstd": ".zst"}


def typed(given: Written) -> Output:
    """`csv` and `{type: csv}` alike as `CsvFiles()`."""
    return _BY_WORD[given]() if isinstance(given, str) else given


def plain(given: Written) -> dict[str, Any]:
    """What a task is given: the options that are not as they come."""
    found: dict[str, Any] = msgspec.to_builtins(typed(given))
    return found


def of(given: Any) -> Output:
    """What `plain` gave, typed again.

    :raises msgspec.ValidationError: there is no such format, or no such option of it.
    """
    found: Output = msgspec.convert(given, Output)
    return found


def suffix(given: Output) -> str:
    """What names of its files end with: `.parquet`, `.csv.gz`."""
    packed = "" if isinstance(given, ParquetFiles) else _PACKED[given.compression]
    return f".{word_of(given)}{packed}"


def delimiter(given: CsvFiles) -> str:
    """The character between two values."""
    return DELIMITERS.get(given.delimiter, given.delimiter)


def problems(given: Written) -> Iterator[Problem]:
    """Options with which no file could be read again, with their paths below the format."""
    if not isinstance(given, CsvFiles):
        return
    between = delimiter(given)
    if not is_character(between) or between == '"' or between.isalnum() or between in ".-+: ":
        yield Problem(
            ("delimiter",),
            "bad-value",
            f"delimiter is {given.delimiter!r}",
            expected="one ASCII character that stands in no number or time, or `tab`",
        )
    if any(sign in given.null_text for sign in (between, '"', "\r", "\n")):
        yield Problem(
            ("null_text",),
            "bad-value",
            f"null_text is {given.null_text!r}",
            expected="a text without quotes, line ends and the delimiter",
        )


__all__ = [
    "CsvFiles",
    "JsonLinesFiles",
    "Output",
    "ParquetFiles",
    "Written",
    "delimiter",
    "of",
    "plain",
    "problems",
    "suffix",
    "typed",
]
