"""Rules about a deadline that JSON Schema cannot say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from factory.diagnostics import Path
from factory.fields import seconds
from factory.intervals import PERIODS
from factory.problem import Problem
from factory.spec.model import Alerts
from factory.spec.origins import origin
from factory.spec.resolve import Resolved
from factory.spec.schedule import covers, cron_error, delays, moments

_ALERTS: Path = ("alerts", "on_deadline")
_DURATION = re.compile(r"[0-9]+(\.[0-9]+)?[smhd]")
_ZERO = re.compile(r"[0.]+[smhd]")


def problems(resolved: Resolved) -> Iterator[Problem]:
    """A deadline that nobody is told of, alerts of none, and one that cannot be held."""
    deadline, alerts = resolved.value.get("deadline"), resolved.value.get("alerts")
    told = alerts.get("on_deadline") if isinstance(alerts, dict) else None
    if deadline is None:
        # a layer may say who is told for those of its pipelines that have a deadline
        if told and origin(resolved, _ALERTS)[0] is resolved.document:
            yield Problem(
                _ALERTS,
                "deadline",
                "the pipeline has no deadline: these alerts are never sent",
                expected="`deadline:` as well",
                hint="add `deadline: 2h`, beside `alerts`",
                at_key=True,
            )
        return
    if not told and not _misspelled(alerts):
        yield Problem(
            ("deadline",),
            "deadline",
            "nobody is told of a missed deadline",
            expected="`on_deadline:` in `alerts`",
            hint="add `alerts: {on_deadline: [{type: email, to: […]}]}`; "
            "to fail a run that takes too long, write `dagrun_timeout`",
            at_key=True,
        )
    yield from _unheld(resolved.value, deadline)


def _misspelled(alerts: Any) -> bool:
    """Whether that is told already, and `on_deadline` may be what was meant."""
    return isinstance(alerts, dict) and not set(alerts) <= set(Alerts.__struct_fields__)


def _unheld(value: dict[str, Any], deadline: Any) -> Iterator[Problem]:
    full = isinstance(deadline, dict)
    after = deadline.get("after") if full else deadline
    if isinstance(after, str) and _ZERO.fullmatch(after):
        yield Problem(
            ("deadline", "after") if full else ("deadline",),
            "deadline",
            "every run misses a deadline of no time",
            expected="a duration such as 2h",
        )
    schedule = value.get("schedule")
    waits = {"assets", "event"} & {*schedule} if isinstance(schedule, dict) else ()
    if full and deadline.get("from") == "logical_date" and waits:
        yield Problem(
            ("deadline", "from"),
            "deadline",
            f"a run that {'assets start' if 'assets' in waits else 'an event starts'} has no "
            "logical date",
            expected="queued_at",
        )
    elif full and deadline.get("from") == "logical_date" and isinstance(after, str):
        yield from _before_the_start(schedule, after)


def _before_the_start(schedule: Any, after: str) -> Iterator[Problem]:
    """A logical date is where a run's interval begins: the run starts when that is over."""
    delays = _delays(schedule)
    if delays is None or not _DURATION.fullmatch(after):
        return
    least, most = delays
    if seconds(after) <= least:
        yield Problem(
            ("deadline", "after"),
            "deadline",
            f"every run misses it: a run starts {in_units(least)} or more after its logical date, "
            "which is the beginning of what it covers",
            expected=f"{in_units(most)} more, {in_units(most + seconds(after))}",
            hint=f"{after} after its start is `{{after: {after}, from: queued_at}}`",
        )


def _delays(schedule: Any) -> tuple[float, float] | None:
    """The shortest and the longest time from a run's logical date to its start, in seconds."""
    chosen, cron = covers(schedule), moments(schedule)
    every = schedule.get("every") if isinstance(schedule, dict) else None
    if chosen not in (*PERIODS, "since_last_run"):
        return None
    if cron is not None and not cron_error(cron):
        least, most = delays(cron, chosen)
        return least.total_seconds(), most.total_seconds()
    if isinstance(every, str) and _DURATION.fullmatch(every) and chosen == "since_last_run":
        return seconds(every), seconds(every)
    return None


def in_units(length: float) -> str:
    """A length of time as a spec writes it.

    Three days are `72h`: so that `30h` and `32h` are seen to differ by two.
    """
    if length > 3 * 86400 and length % 86400 == 0:
        return f"{length / 86400:g}d"
    for unit, size in (("h", 3600), ("m", 60)):
        if length >= size and round(length / size, 2) * size == length:
            return f"{length / size:g}{unit}"
    return f"{length:g}s"
