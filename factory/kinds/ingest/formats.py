"""What the files of a source look like."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from factory.spec.model import Strict

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


class Csv(Strict, frozen=True, kw_only=True, omit_defaults=True, tag="csv", tag_field="type"):
    """Comma-separated values, UTF-8; `.gz` is unpacked on the way."""

    delimiter: Annotated[
        Character, Meta(description="Between two values.", examples=[",", ";", "|"])
    ] = ","
    quote: Annotated[Character, Meta(description="Around a value.")] = '"'
    header: Annotated[
        bool, Meta(description="Whether the first line names the columns; else declare `columns`.")
    ] = True
    nulls: Annotated[
        list[str] | UnsetType,
        Meta(description="Texts that mean null. Default: an empty value.", examples=[["", "NA"]]),
    ] = UNSET
    columns: Annotated[Types, Meta()] = msgspec.field(default_factory=dict)
    names: Annotated[
        Literal["snake_case", "as_is"],
        Meta(description="`VendorID` becomes `vendor_id`, or stays as it is."),
    ] = "snake_case"
    rename: Annotated[Renames, Meta()] = msgspec.field(default_factory=dict)


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
    names: Annotated[
        Literal["snake_case", "as_is"],
        Meta(description="`VendorID` becomes `vendor_id`, or stays as it is."),
    ] = "snake_case"
    rename: Annotated[Renames, Meta()] = msgspec.field(default_factory=dict)
    select: Annotated[Select, Meta()] = msgspec.field(default_factory=list)


class Parquet(
    Strict, frozen=True, kw_only=True, omit_defaults=True, tag="parquet", tag_field="type"
):
    """Apache Parquet."""

    names: Annotated[
        Literal["snake_case", "as_is"],
        Meta(description="`VendorID` becomes `vendor_id`, or stays as it is."),
    ] = "snake_case"
    rename: Annotated[Renames, Meta()] = msgspec.field(default_factory=dict)


Format = Literal["csv", "jsonl", "parquet"] | Csv | Jsonl | Parquet
"""A word for a format as it comes, or a mapping with its options."""


def options(given: Format) -> dict[str, object]:
    """`csv` and `{type: csv}` alike as `{"type": "csv"}`."""
    if isinstance(given, str):
        return {"type": given}
    plain: dict[str, object] = msgspec.to_builtins(given)
    return plain
