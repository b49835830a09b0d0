"""Rules about time that JSON Schema cannot say: cron, time zones, dates in order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

from factory.diagnostics import did_you_mean
from factory.spec.resolve import Problem

PRESETS = (
    "@once",
    "@continuous",
    "@hourly",
    "@daily",
    "@weekly",
    "@monthly",
    "@quarterly",
    "@yearly",
)


def problems(value: dict[str, Any]) -> Iterator[Problem]:
    """What is wrong with a resolved spec's schedule, time zone and dates."""
    yield from _schedule(value.get("schedule"))
    zone = value.get("timezone", "UTC")
    if isinstance(zone, str) and not _zone_exists(zone):
        from zoneinfo import available_timezones

        yield Problem(
            ("timezone",),
            "timezone",
            f"there is no time zone {zone!r}",
            expected="a name such as Europe/Berlin",
            hint=did_you_mean(zone, available_timezones()),
        )
    yield from _dates(value)


def _schedule(schedule: Any) -> Iterator[Problem]:
    if isinstance(schedule, dict):
        yield from _exactly_one(("schedule",), schedule, ("every", "assets"))
        assets = schedule.get("assets")
        if isinstance(assets, dict):
            yield from _exactly_one(("schedule", "assets"), assets, ("any", "all"))
    elif isinstance(schedule, str) and schedule.startswith("@"):
        if schedule not in PRESETS:
            yield Problem(
                ("schedule",),
                "schedule",
                f"there is no preset {schedule!r}",
                expected=", ".join(PRESETS),
                hint=did_you_mean(schedule, PRESETS),
            )
    elif isinstance(schedule, str) and (reason := cron_error(schedule)):
        yield Problem(
            ("schedule",),
            "schedule",
            f"{schedule!r} is not a cron expression: {reason}",
            expected="minute hour day month weekday, such as `0 6 * * *`",
        )


def _exactly_one(
    path: tuple[str, ...], value: dict[str, Any], names: tuple[str, str]
) -> Iterator[Problem]:
    given = [name for name in names if name in value]
    if len(given) != 1 and set(value) <= set(names):
        message = "both stand here" if given else "neither stands here"
        yield Problem(
            path,
            "one-of",
            f"{names[0]} and {names[1]}: {message}",
            expected=f"exactly one of {names[0]} and {names[1]}",
            at_key=True,
        )


@lru_cache(maxsize=1024)
def cron_error(expression: str) -> str:
    """Why Airflow's cron reader refuses an expression, or an empty string."""
    if _is_plain_cron(expression):
        return ""
    from croniter import croniter  # costs as much as reading 100 specs

    fields = len(expression.split())
    if fields != 5:
        return f"it has {fields} field(s), not 5"
    try:
        croniter.expand(expression)
    except (ValueError, KeyError) as error:
        return str(error).removeprefix(f"[{expression}] ")
    return ""


_CRON_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_CRON_PART = re.compile(r"(?:\*|([0-9]{1,2})(?:-([0-9]{1,2}))?)(?:/([1-9][0-9]?))?\Z")


def _is_plain_cron(expression: str) -> bool:
    """Whether it holds only numbers that are in bounds, `*`, `-`, `/` and `,`.

    The fast gear: what is not plain may be right as well, and croniter tells.
    """
    fields = expression.split()
    return len(fields) == 5 and all(
        _is_plain_part(part, *bounds)
        for field, bounds in zip(fields, _CRON_BOUNDS, strict=True)
        for part in field.split(",")
    )


def _is_plain_part(part: str, low: int, high: int) -> bool:
    match = _CRON_PART.match(part)
    if match is None:
        return False
    first, last = match[1], match[2]
    if match[3] and first and not last:  # `5/10`: croniter tells
        return False
    ends = [int(number) for number in (first, last) if number]
    return all(low <= end <= high for end in ends) and ends == sorted(ends)


@lru_cache(maxsize=256)
def _zone_exists(name: str) -> bool:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _dates(value: dict[str, Any]) -> Iterator[Problem]:
    moments = {}
    for key in ("start_date", "end_date"):
        text = value.get(key)
        if not isinstance(text, str):
            continue
        try:
            moments[key] = datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=None)
        except ValueError as error:
            if text[:4].isdigit():
                yield Problem(
                    (key,),
                    "date",
                    f"{text!r} is not a date: {error}",
                    expected="an ISO date such as 2024-01-31",
                )
    if len(moments) == 2 and moments["end_date"] < moments["start_date"]:
        yield Problem(
            ("end_date",), "date-order", "end_date is before start_date", expected="a later date"
        )
    if value.get("catchup") is True and value.get("schedule") and not value.get("start_date"):
        yield Problem(
            ("catchup",),
            "catchup",
            "catchup needs a first day",
            expected="`start_date:` as well",
            at_key=True,
        )
