"""The data interval of a run: the one place that says what it is.

By schedule and in a backfill it is Airflow's, as `timetable.py` gave it. Else, in this order: what
the one who started the run says in `conf`, under `data_interval`; what holds the logical date; the
union of the intervals of those runs that updated the assets, which their tasks tell with the update
(Airflow knows only what a schedule gave).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.providers.common.compat.sdk import AirflowFailException  # it moved after 3.1
from airflow.sdk import Asset
from jinja2 import StrictUndefined

from factory.diagnostics import one_of
from factory.intervals import NAMES

if TYPE_CHECKING:
    from pendulum import DateTime

    from factory.intervals import Runs

CONF = "data_interval"
"""The key of a run's `conf`, and of an asset event's `extra`: `{start: …, end: …}`."""
NONE = (
    "this run has no data interval: let `schedule` say what a run covers, such as "
    "`{cron: …, covers: previous_day}` or `{covers: previous_day}`, or start the run with a "
    "date, or with `data_interval: {start: …, end: …}` in its conf"
)


class DataInterval:
    """From `start` until before `end`, in the pipeline's time zone."""

    def __init__(self, start: DateTime, end: DateTime) -> None:
        self.start = start
        self.end = end

    @property
    def day(self) -> str:
        """The first day, such as 2024-01-31."""
        return self.start.strftime("%Y-%m-%d")

    @property
    def last_day(self) -> str:
        """The last day that is in it, if only in part."""
        return (self.end - timedelta(microseconds=1)).strftime("%Y-%m-%d")

    @property
    def month(self) -> str:
        """The month of the first day, such as 2024-01."""
        return self.start.strftime("%Y-%m")

    @property
    def year(self) -> str:
        """The year of the first day."""
        return self.start.strftime("%Y")

    def __getitem__(self, name: str) -> Any:
        """What a template asks for that is no attribute: an error, where Jinja writes nothing."""
        if name in NAMES:
            return getattr(self, name)
        known = one_of([f"interval.{each}" for each in NAMES])
        return StrictUndefined(f"an interval has no {name!r}: expected {known}")

    __iter__ = None  # Python would ask `__getitem__` for 0, 1, … without an end

    def __str__(self) -> str:
        return f"{self.start.isoformat()}/{self.end.isoformat()}"


def interval_of(context: Mapping[str, Any]) -> DataInterval | None:
    """What the run of a task is of; None when nothing says it.

    :raises AirflowFailException: what the run's conf says is no interval.
    """
    found = _found(context)
    if found is None:
        return None
    zone = context["dag"].timezone
    return DataInterval(*(pendulum.instance(moment).in_timezone(zone) for moment in found))


def _found(context: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    run: Any = context["dag_run"]
    if (given := (run.conf or {}).get(CONF)) is not None:
        return _as_given(given, context["dag"].timezone, "the run's conf")
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    if start is not None and end is not None and start < end:
        return _of_date(context, start, end)
    return _of_assets(context) or _by_hand(context)


def _as_given(given: Any, zone: Any, where: str) -> tuple[datetime, datetime]:
    try:
        start, end = (_moment(given[name], zone) for name in ("start", "end"))
        if isinstance(start, datetime) and isinstance(end, datetime) and start < end:
            return start, end
    except (TypeError, KeyError, ValueError):
        pass
    raise AirflowFailException(
        f"`{CONF}` in {where} is {given!r}: expected "
        "{start: 2024-01-01, end: 2024-02-01}, where the end is after the start"
    )


def _moment(text: str, zone: Any) -> Any:
    """A date, with or without a time; a time alone would be of the day on which a task runs."""
    has_date = isinstance(pendulum.parse(text, exact=True), date)
    return pendulum.parse(text, tz=zone) if has_date else None


def _of_date(
    context: Mapping[str, Any], start: datetime, end: datetime
) -> tuple[datetime, datetime]:
    """Airflow's own, but for a run by hand that got the one of the moment of its start.

    `airflow dags trigger --logical-date` and tasks that start runs let Airflow take that.
    """
    run: Any = context["dag_run"]
    runs, date = _runs(context), context.get("logical_date")
    if runs is None or date is None or str(run.run_type) not in ("manual", "DagRunType.MANUAL"):
        return start, end
    if start <= date < end or runs.holding(run.run_after, run.run_after) != (start, end):
        return start, end
    return runs.holding(date, run.run_after)


def _by_hand(context: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    """Of a run without a date: the last that was over when it was started."""
    run, runs = context["dag_run"], _runs(context)
    return None if runs is None else runs.holding(run.run_after, run.run_after)


def _runs(context: Mapping[str, Any]) -> Runs | None:
    found: Runs | None = getattr(context["dag"].timetable, "runs", None)
    return found


def _of_assets(context: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    triggering = context.get("triggering_asset_events") or {}
    zone = context["dag"].timezone
    of_each = [_of_event(event, zone) for events in triggering.values() for event in events]
    intervals = [interval for interval in of_each if interval is not None]
    if not intervals:
        return None
    return min(start for start, _ in intervals), max(end for _, end in intervals)


def _of_event(event: Any, zone: Any) -> tuple[datetime, datetime] | None:
    if (given := (event.extra or {}).get(CONF)) is not None:
        return _as_given(given, zone, f"the extra of an event of {event.asset.uri}")
    run = event.source_dag_run
    start, end = getattr(run, "data_interval_start", None), getattr(run, "data_interval_end", None)
    return (start, end) if start is not None and end is not None and start < end else None


def handed_over(context: Mapping[str, Any]) -> dict[str, Any]:
    """What the run is of, for the runs that it starts: they are of the same."""
    interval = interval_of(context)
    if interval is None:
        return {}
    return {CONF: {"start": interval.start.isoformat(), "end": interval.end.isoformat()}}


def tell_interval(context: Mapping[str, Any], result: Any = None) -> None:
    """Say with each asset that a task has updated what its run is of."""
    _tell(context)  # Airflow stores the source of this function with each DAG


def _tell(context: Mapping[str, Any]) -> None:
    told = handed_over(context)
    for outlet in context["task"].outlets:
        if isinstance(outlet, Asset):
            event = context["outlet_events"][outlet]
            event.extra = {**told, **event.extra}
