"""How rows are written into a target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from factory import literals
from factory.definitions import reading
from factory.diagnostics import Path
from factory.fields import Strict
from factory.problem import Problem

Names = Annotated[list[Annotated[str, Meta(min_length=1)]], Meta(min_length=1)]
Moment = Annotated[
    str,
    Meta(
        # (what a template leaves is looked at as a moment)
        extra_json_schema={"minLength": 1},
        examples=["{{ interval.start }}", "{{ interval.end }}", "2024-01-31T06:00:00Z"],
    ),
]


class Append(Strict, frozen=True, kw_only=True, tag_field="mode", tag="append"):
    """Add the rows. A run that is repeated adds them once."""


class Replace(Strict, frozen=True, kw_only=True, tag_field="mode", tag="replace"):
    """The rows become the whole table."""


class Merge(Strict, frozen=True, kw_only=True, omit_defaults=True, tag_field="mode", tag="merge"):
    """Update the rows whose key is there already, add the others."""

    key: Annotated[
        Names,
        Meta(description="Columns that together name one row.", examples=[["order_id"]]),
    ]
    duplicates: Annotated[
        Literal["fail", "last"],
        Meta(description="When a key stands in several rows of one load: fail, or take the last."),
    ] = "fail"


class Partition(
    Strict, frozen=True, kw_only=True, omit_defaults=True, tag_field="mode", tag="partition"
):
    """The rows become those of one interval of time: `start` ≤ column < `end`.

    Without `start` and `end` it is the run's data interval, as `covers` in `schedule` says it.
    """

    column: Annotated[
        str,
        Meta(
            description="A date, or a timestamp; one without a time zone is taken as UTC. Of the "
            "run's own interval a date is a day in the pipeline's `timezone`.",
            examples=["pickup_at"],
            min_length=1,
        ),
    ]
    start: Annotated[
        Moment | None,
        Meta(description="Beginning of the interval. Jinja templates are filled in."),
    ] = None
    end: Annotated[
        Moment | None,
        Meta(description="End of the interval: the first moment that is not in it."),
    ] = None
    outside: Annotated[
        Literal["fail", "drop"],
        Meta(description="When rows of the load are outside the interval, or null: fail, or drop."),
    ] = "fail"


MOMENTS = ("timestamp", "timestamptz")
TIMES = ("date", *MOMENTS)
"""The words for types that an interval can be of."""
INTERVAL = "the interval"
"""What a step that writes the run's own interval needs to know."""

Write = Append | Replace | Merge | Partition


def parse(given: Mapping[str, object]) -> Write:
    """A write mode as a task has it, after its templates were filled in. Raises `BadOption`."""
    write: Write = reading.read(given, reading.tags(get_args(Write)), "write mode")
    return write


def plain(given: Write) -> dict[str, Any]:
    """A write mode as a plan has it."""
    built: dict[str, Any] = msgspec.to_builtins(given)
    return built


NEED_A_TABLE = ("merge", "partition")
"""The modes that change rows, or take some away: what keeps files has none of them."""


def key(given: Write) -> list[str]:
    """The columns that name a row; none when the mode does not ask."""
    return given.key if isinstance(given, Merge) else []


def is_of_the_run(given: Write) -> bool:
    """Whether the rows are those of the run's own data interval."""
    return isinstance(given, Partition) and given.start is None


def columns(given: Write) -> Iterator[tuple[Path, str]]:
    """The columns of the load that the mode names, with their places."""
    yield from ((("write", "key", index), name) for index, name in enumerate(key(given)))
    if isinstance(given, Partition):
        yield ("write", "column"), given.column


def times(given: Write) -> Iterator[tuple[Path, str, tuple[str, ...]]]:
    """The column that must be a time, with its place and the words for its types."""
    if isinstance(given, Partition):
        yield ("write", "column"), given.column, TIMES


def problems(given: Write) -> Iterator[Problem]:
    """A key that names a column twice; half an interval."""
    yield from literals.columns(key(given), ("write", "key"), filled=True)
    yield from literals.twice(key(given), ("write", "key"))
    if not isinstance(given, Partition):
        return
    yield from literals.column(given.column, ("write", "column"), filled=True)
    yield from literals.moments({"start": given.start, "end": given.end}, ("write",))
    yield from literals.in_order(given.start, given.end, ("write", "end"))
    if (given.start is None) != (given.end is None):
        one, other = ("start", "end") if given.end is None else ("end", "start")
        yield Problem(
            ("write", one),
            "missing-key",
            f"the interval has a {one}, but no {other}",
            expected=f"`{other}:` beside it, or neither",
            hint="leave both out, and it is what the run covers",
        )
