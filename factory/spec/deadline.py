"""Rules about a deadline that JSON Schema cannot say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from factory.diagnostics import Path
from factory.problem import Problem
from factory.spec.model import Alerts
from factory.spec.resolve import Resolved, origin

_ALERTS: Path = ("alerts", "on_deadline")
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
    by_assets = isinstance(schedule, dict) and "assets" in schedule
    if full and deadline.get("from") == "logical_date" and by_assets:
        yield Problem(
            ("deadline", "from"),
            "deadline",
            "a run that assets start has no logical date",
            expected="queued_at",
        )
