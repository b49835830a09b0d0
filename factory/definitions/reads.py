"""How a part of a table is read, whatever the database."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import Annotated, NamedTuple

from msgspec import Meta

from factory.definitions import writes
from factory.definitions.errors import BadOption
from factory.diagnostics import Path
from factory.fields import Duration, Strict, seconds, word_of
from factory.problem import Problem

Bound = int | date | datetime
_NONE = timedelta()


class Incremental(Strict, frozen=True, kw_only=True, omit_defaults=True):
    """The rows of the run's data interval, as `covers` in `schedule` says it."""

    column: Annotated[
        str,
        Meta(
            description="A date or a timestamp that is set with each change of a row. A timestamp "
            "without a time zone is taken as one of the pipeline's `timezone`; a date is of the "
            "run in which its day ends. Rows without it are never read.",
            examples=["updated_at"],
            min_length=1,
        ),
    ]
    overlap: Annotated[
        Duration | None,
        Meta(
            description="Begin so much earlier, for rows that came late: they are read again. With "
            "`write: {mode: merge, …}`.",
            examples=["1h"],
        ),
    ] = None
    lag: Annotated[
        Duration | None,
        Meta(
            description="Begin and end so much earlier: what is written while the run begins comes "
            "with the next.",
            examples=["5m"],
        ),
    ] = None


class Split(Strict, frozen=True, kw_only=True):
    """The table in parts, each read by a task of its own."""

    column: Annotated[
        str,
        Meta(
            description="A column of whole numbers or dates, best one with an index, whose values "
            "are evenly spread. Rows without it are of the first part.",
            examples=["id"],
            min_length=1,
        ),
    ]
    parts: Annotated[
        Annotated[int, Meta(ge=2, le=1000)], Meta(description="So many parts at most.")
    ] = 4


class Window(NamedTuple):
    """`start` ≤ column < `end`: moments in UTC, and the time zone of those that have none."""

    column: str
    start: datetime
    end: datetime
    zone: tzinfo

    def bounds(self, kind: str) -> tuple[Bound, Bound] | None:
        """As values of a `date`, a `timestamp` or a `timestamptz`; None for any other type."""
        if kind == "timestamptz":
            return self.start, self.end
        walls = [_shown_last(moment, self.zone) for moment in (self.start, self.end)]
        if kind == "timestamp":
            return walls[0].replace(tzinfo=None), walls[1].replace(tzinfo=None)
        return (walls[0].date(), walls[1].date()) if kind == "date" else None


def _shown_last(moment: datetime, zone: tzinfo) -> datetime:
    """What clocks show at a moment; before they are set back, what they will show then.

    So of an hour that comes twice nothing is read before its second end, and nothing twice.
    """
    wall = moment.astimezone(zone)
    later = wall.replace(fold=1).utcoffset()
    back = (wall.utcoffset() or _NONE) - (later or _NONE)
    if back <= _NONE:
        return wall
    begin = _utc(moment).replace(microsecond=0)
    until = range(int(back.total_seconds()) + 1)
    left = bisect_left(
        until,
        True,
        key=lambda s: (begin + timedelta(seconds=s)).astimezone(zone).utcoffset() == later,
    )
    return (begin + timedelta(seconds=left)).astimezone(zone)


def window(column: str, start: datetime, end: datetime, overlap: float, lag: float) -> Window:
    """What is read of the interval from `start` until before `end`; lengths are in seconds."""
    zone = start.tzinfo or timezone.utc
    late = timedelta(seconds=lag)
    first, last = (_utc(moment) - late for moment in (start, end))
    return Window(column, first - timedelta(seconds=overlap), last, zone)


def _utc(moment: datetime) -> datetime:
    """Python's own: Airflow's, of pendulum, may lose its zone when one adds to it."""
    utc = moment.astimezone(timezone.utc)
    return datetime.combine(utc.date(), utc.time(), timezone.utc)


def lengths(given: Incremental) -> dict[str, float]:
    """Overlap and lag in seconds, those that are given."""
    named = {"overlap": given.overlap, "lag": given.lag}
    return {name: seconds(length) for name, length in named.items() if length is not None}


def again(given: Incremental, write: writes.Write, place: Path) -> Iterator[Problem]:
    """Rows that a run reads of other intervals than its own, where the mode takes no such."""
    mode = word_of(write)
    if mode == "append" and given.overlap is not None:
        yield Problem(
            (*place, "overlap"),
            "append-again",
            "each run appends the rows of the overlap once more",
            expected="`write: {mode: merge, key: …}`, or no `overlap`",
            at_key=True,
            severity="warning",
        )
    for name in lengths(given) if writes.is_of_the_run(write) else ():
        yield Problem(
            (*place, name),
            "one-of",
            f"with `{name}` rows of another interval are read than `{mode}` writes",
            expected=f"`write: {{mode: merge, key: …}}`, or no `{name}`",
            at_key=True,
        )


class Part(NamedTuple):
    """`low` ≤ column < `high`; None: from the first on, with nulls, or to the last."""

    column: str
    low: int | date | None = None
    high: int | date | None = None


def parts(column: str, least: int | date, most: int | date, number: int) -> list[Part]:
    """As many parts of equal width, or fewer; together they are the whole, nothing twice."""
    first, last = (each if isinstance(each, int) else each.toordinal() for each in (least, most))
    inner = sorted({first + (last + 1 - first) * cut // number for cut in range(1, number)})
    own = [cut for cut in inner if first < cut <= last]
    cuts: Sequence[int | date] = (
        own if isinstance(least, int) else [date.fromordinal(cut) for cut in own]
    )
    return [Part(column, low, high) for low, high in zip([None, *cuts], [*cuts, None], strict=True)]


@dataclass(frozen=True)
class Rows:
    """What is read: a table, perhaps not all of it, or a query.

    Raises `BadOption` when it is both or neither.
    """

    table: str | None = None
    query: str | None = None
    columns: tuple[str, ...] = ()
    where: str | None = None
    as_text: tuple[str, ...] = ()
    window: Window | None = None
    part: Part | None = None

    def __post_init__(self) -> None:
        if bool(self.table) == bool(self.query):
            raise BadOption("a source has either a `table` or a `query`")

    @property
    def label(self) -> str:
        """For people."""
        return self.table or "the query"
