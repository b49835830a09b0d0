"""Checks of rows: of a load's, before they are published, and of a table that exists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from factory import literals
from factory.diagnostics import Path
from factory.fields import Duration, Strict, seconds
from factory.problem import Problem

Severity = Annotated[
    Literal["error", "warn"],
    Meta(description="`error` fails the task; `warn` is a warning in its log and in its result."),
]
# What Airflow fills in is known at run time only; a `${…}` becomes a number before.
Template = Annotated[str, Meta(pattern=r"\{\{|\$\{", title="template")]
Count = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0)]
Text = Annotated[str, Meta(min_length=1)]
Column = Annotated[
    str, Meta(description="Name of a column.", examples=["fare_amount"], min_length=1)
]
Columns = Annotated[
    list[Text],
    Meta(description="Names of columns.", examples=[["pickup_at", "fare_amount"]], min_length=1),
]
Bound = int | float | Text


class RowCount(
    Strict, frozen=True, kw_only=True, omit_defaults=True, tag="row_count", tag_field="type"
):
    """So many rows, at least or at most, or so many as in the previous load, roughly."""

    min: Annotated[Count | Template | None, Meta(description="At least so many rows.")] = None
    max: Annotated[Count | Template | None, Meta(description="At most so many rows.")] = None
    max_change: Annotated[
        Share | Template | None,
        Meta(
            description="By which share of the previous load's rows the number may differ: `0.5` "
            "lets 100 become 50 to 150. The first load passes. Only in `ingest`.",
            examples=[0.5],
        ),
    ] = None
    severity: Severity = "error"


class NotNull(
    Strict, frozen=True, kw_only=True, omit_defaults=True, tag="not_null", tag_field="type"
):
    """No null in these columns."""

    columns: Columns
    severity: Severity = "error"


class Unique(Strict, frozen=True, kw_only=True, omit_defaults=True, tag="unique", tag_field="type"):
    """No two rows have the same values in these columns together. Rows with a null pass."""

    columns: Annotated[
        list[Text],
        Meta(
            description="Columns that together name one row. As in SQL, a row with a null in one "
            "of them equals no other. Every row is compared, which takes longer than all other "
            "checks together.",
            examples=[["order_id"]],
            min_length=1,
        ),
    ]
    severity: Severity = "error"


class AcceptedValues(
    Strict, frozen=True, kw_only=True, omit_defaults=True, tag="accepted_values", tag_field="type"
):
    """A column holds only these values. Nulls pass: `not_null` is for them."""

    column: Column
    values: Annotated[
        list[Text | int | float | bool],
        Meta(
            description="The values; each is read in the column's type.",
            examples=[["paid", "open"], [1, 2, 3]],
            min_length=1,
        ),
    ]
    severity: Severity = "error"


class Range(Strict, frozen=True, kw_only=True, omit_defaults=True, tag="range", tag_field="type"):
    """A column's values lie between two bounds. Nulls pass: `not_null` is for them."""

    column: Column
    min: Annotated[
        Bound | None,
        Meta(
            description="The least value that is right: a number, or a date or timestamp as text, "
            "in UTC unless it says its zone. It is read and compared in the column's type. Jinja "
            "templates are filled in.",
            examples=[0, "2024-01-01", "{{ ds }}"],
        ),
    ] = None
    max: Annotated[
        Bound | None,
        Meta(
            description="The greatest value that is right. Jinja templates are filled in.",
            examples=[500, "2024-12-31T23:59:59", "{{ macros.ds_add(ds, 1) }}"],
        ),
    ] = None
    severity: Severity = "error"


class Matches(
    Strict, frozen=True, kw_only=True, omit_defaults=True, tag="matches", tag_field="type"
):
    """A column's values match a regular expression. Nulls pass: `not_null` is for them."""

    column: Column
    pattern: Annotated[
        str,
        Meta(
            description="A PostgreSQL regular expression (`~`). A match anywhere in the value is "
            "enough: `^` and `$` tie it to its beginning and end.",
            examples=["^[A-Z]{2}[0-9]+$"],
            min_length=1,
        ),
    ]
    severity: Severity = "error"


class Freshness(
    Strict, frozen=True, kw_only=True, omit_defaults=True, tag="freshness", tag_field="type"
):
    """A column's newest value is not too old; a table without one fails."""

    column: Annotated[
        str,
        Meta(
            description="A date, which counts from its midnight, or a timestamp; one without a "
            "time zone is UTC.",
            examples=["pickup_at"],
            min_length=1,
        ),
    ]
    max_age: Annotated[
        Duration,
        Meta(
            description="The greatest age, at the end of the run's data interval, so that a "
            "backfill is judged as its own time would have; without an interval, now.",
            examples=["2d"],
        ),
    ]
    severity: Severity = "error"


class Sql(Strict, frozen=True, kw_only=True, omit_defaults=True, tag="sql", tag_field="type"):
    """What SQL can say: exactly one of `condition` and `query`. Writing is refused."""

    condition: Annotated[
        Text | None,
        Meta(
            description="A condition that holds in every row; null passes, as in SQL's `CHECK`. "
            "Jinja templates are filled in.",
            examples=["dropoff_at >= pickup_at"],
        ),
    ] = None
    query: Annotated[
        Text | None,
        Meta(
            description="A query for one row with one boolean, which must be true; null fails. "
            "`{table}` stands for the table: in `ingest`, for the rows that wait to be published. "
            "Jinja templates are filled in.",
            examples=["SELECT count(DISTINCT vendor_id) >= 2 FROM {table}"],
        ),
    ] = None
    severity: Severity = "error"


Check = RowCount | NotNull | Unique | AcceptedValues | Range | Matches | Freshness | Sql


def plain(checks: Sequence[Check]) -> list[dict[str, object]]:
    """The checks as the transfer takes them."""
    return [msgspec.to_builtins(entry) for entry in checks]


def problems(checks: Sequence[Check], place: Path) -> Iterator[Problem]:
    """Checks that say nothing, or that nothing can meet; `place` is the list's path."""
    for index, entry in enumerate(checks):
        yield from _problems(entry, (*place, index))


def columns(checks: Sequence[Check], place: Path) -> Iterator[tuple[Path, str]]:
    """The columns that the checks name, with their places."""
    for index, entry in enumerate(checks):
        if isinstance(entry, (NotNull, Unique)):
            for number, name in enumerate(entry.columns):
                yield (*place, index, "columns", number), name
        elif isinstance(entry, (AcceptedValues, Range, Matches, Freshness)):
            yield (*place, index, "column"), entry.column


def _problems(entry: Check, place: Path) -> Iterator[Problem]:
    if isinstance(entry, (AcceptedValues, Range, Matches, Freshness)):
        yield from literals.column(entry.column, (*place, "column"), filled=True)
    if isinstance(entry, Matches):
        yield from literals.postgres_pattern(entry.pattern, (*place, "pattern"))
    if isinstance(entry, RowCount):
        if entry.min is None and entry.max is None and entry.max_change is None:
            message = "row_count says none of min, max and max_change"
            yield Problem(place, "one-of", message, expected="`min:`")
        yield from _crossed(entry.min, entry.max, place)
    elif isinstance(entry, Range):
        if entry.min is None and entry.max is None:
            yield Problem(place, "one-of", "range says neither min nor max", expected="`min:`")
        yield from _crossed(entry.min, entry.max, place)
    elif isinstance(entry, (NotNull, Unique)):
        yield from literals.columns(entry.columns, (*place, "columns"), filled=True)
        yield from _twice(entry.columns, (*place, "columns"))
    elif isinstance(entry, Freshness) and not seconds(entry.max_age):
        message = f"max_age is {entry.max_age}"
        yield Problem((*place, "max_age"), "out-of-bounds", message, expected="more than nothing")
    elif isinstance(entry, Sql) and (entry.condition is None) == (entry.query is None):
        said = "neither condition nor query" if entry.query is None else "both condition and query"
        yield Problem(place, "one-of", f"sql says {said}", expected="one of them")


def _crossed(least: float | str | None, most: float | str | None, place: Path) -> Iterator[Problem]:
    low, high = _comparable(least), _comparable(most)
    numbers = isinstance(low, float) and isinstance(high, float) and low > high
    moments = isinstance(low, datetime) and isinstance(high, datetime) and low > high
    if numbers or moments:
        message, expected = "min is above max", f"at most {most}"
        yield Problem((*place, "min"), "out-of-bounds", message, expected=expected)


def _comparable(value: float | str | None) -> float | datetime | None:
    """What can be compared here; of texts, dates and timestamps without a zone."""
    if not isinstance(value, str):
        return None if value is None else float(value)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return None if moment.tzinfo else moment


def _twice(names: Sequence[str], place: Path) -> Iterator[Problem]:
    for index, name in literals.repeated(names):
        message = f"the column {name!r} stands here twice"
        yield Problem((*place, index), "one-of", message, expected="each column once")
