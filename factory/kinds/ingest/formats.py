"""What the files of a source look like."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from factory.spec.model import Strict

# The words of factory.transfer.types, which is not imported: it needs pyarrow.
TypeWord = Annotated[
    str,
    Meta(
        title="column type",
        pattern=r"^(bool(ean)?|smallint|int(eger)?|bigint|real|double|float|text|string|date|time"
        r"|timestamp|timestamptz|binary|(decimal|numeric)\( *[0-9]+ *, *[0-9]+ *\))$",
        examples=["integer", "decimal(10, 2)"],
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


class Parquet(
    Strict, frozen=True, kw_only=True, omit_defaults=True, tag="parquet", tag_field="type"
):
    """Apache Parquet."""

    names: Annotated[
        Literal["snake_case", "as_is"],
        Meta(description="`VendorID` becomes `vendor_id`, or stays as it is."),
    ] = "snake_case"
    rename: Annotated[Renames, Meta()] = msgspec.field(default_factory=dict)


Format = Literal["csv", "parquet"] | Csv | Parquet
"""A word for a format as it comes, or a mapping with its options."""


def options(given: Format) -> dict[str, object]:
    """`csv` and `{type: csv}` alike as `{"type": "csv"}`."""
    if isinstance(given, str):
        return {"type": given}
    plain: dict[str, object] = msgspec.to_builtins(given)
    return plain
