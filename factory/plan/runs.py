"""When the runs of a plan are, and what each is of."""

from __future__ import annotations

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from factory.intervals import Runs
from factory.plan.model import Every, Pipeline


def runs(plan: Pipeline) -> Runs | None:
    """The runs of a pipeline that have an interval; None: they have none of the pipeline's own."""
    if plan.covers == "none":
        return None
    given = {"covers": plan.covers, "zone": plan.timezone}
    if isinstance(plan.schedule, Every):
        anchor = moment(plan.start_date, plan.timezone)
        own = {} if anchor is None else {"anchor": anchor.astimezone(timezone.utc)}
        return Runs(every=plan.schedule.seconds, **given, **own)  # type: ignore[arg-type]
    return Runs(cron=plan.schedule if isinstance(plan.schedule, str) else None, **given)  # type: ignore[arg-type]


def moment(text: str | None, zone: str) -> datetime | None:
    """A date or a moment of a plan, in its zone unless it says its own."""
    if not text:
        return None
    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))
