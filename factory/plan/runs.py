"""When the runs of a plan are, and what each is of."""

from __future__ import annotations

from datetime import datetime, timezone

import msgspec

from factory.intervals import Runs, moment
from factory.plan.model import Every, Pipeline


def runs(plan: Pipeline) -> Runs | None:
    """The runs of a pipeline that have an interval; None: they have none of the pipeline's own."""
    if plan.covers == "none":
        return None
    if not isinstance(plan.schedule, Every):
        cron = plan.schedule if isinstance(plan.schedule, str) else None
        return Runs(covers=plan.covers, zone=plan.timezone, cron=cron)
    found = Runs(covers=plan.covers, zone=plan.timezone, every=plan.schedule.seconds)
    first, _ = bounds(plan)
    return msgspec.structs.replace(found, anchor=first.astimezone(timezone.utc)) if first else found


def bounds(plan: Pipeline) -> tuple[datetime | None, datetime | None]:
    """The first and the last moment at which an interval may start, in the pipeline's zone."""
    first, last = plan.start_date, plan.end_date
    return (
        moment(first, plan.timezone) if first else None,
        moment(last, plan.timezone) if last else None,
    )
