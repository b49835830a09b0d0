"""Rules about time that JSON Schema cannot say: cron, time zones, dates in order."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

from factory.cron import PRESETS as _CRON_PRESETS
from factory.cron import on_the_wall
from factory.diagnostics import Path, did_you_mean, quoted, shortened
from factory.fields import DATE_PATTERN
from factory.intervals import PERIODS, Covers, Interval, moment, period
from factory.problem import Problem
from factory.spec import assets as assets_

_ONCE = ("@once", "@continuous")
PRESETS = (*_ONCE, *_CRON_PRESETS)


def moments(schedule: Any) -> str | None:
    """The cron expression or preset of a schedule, however it is written."""
    found = schedule.get("cron") if isinstance(schedule, dict) else schedule
    return found if isinstance(found, str) else None


def covers(schedule: Any) -> Covers:
    """What a run is of. Runs that nothing says otherwise of cover the time since the last one."""
    if not isinstance(schedule, dict):
        return "none" if schedule is None or schedule in _ONCE else "since_last_run"
    found: Covers = schedule.get("covers", "none" if waits_alone(schedule) else "since_last_run")
    return found


def waits_alone(schedule: dict[str, Any]) -> bool:
    """Whether all runs that start by themselves are those of assets, or of an event."""
    return bool(_WAITS & {*schedule}) and not _TIMES & {*schedule}


_TIMES = frozenset({"cron", "every"})
_WAITS = frozenset({"assets", "event"})


def is_scheduled(schedule: Any) -> bool:
    """Whether runs start by themselves: `{covers: …}` alone only says what they are of."""
    return schedule is not None and not (isinstance(schedule, dict) and [*schedule] == ["covers"])


def problems(value: dict[str, Any]) -> Iterator[Problem]:
    """What is wrong with a resolved spec's schedule, time zone and dates."""
    yield from _schedule(value.get("schedule"))
    runs = value.get("max_active_runs")
    if value.get("schedule") == "@continuous" and isinstance(runs, int) and runs > 1:
        yield Problem(
            ("max_active_runs",),
            "schedule",
            "a pipeline that runs `@continuous` has one run at a time",
            expected="1, or nothing",
        )
    zone = value.get("timezone", "UTC")
    if isinstance(zone, str) and not _zone_exists(zone):
        from zoneinfo import available_timezones

        yield Problem(
            ("timezone",),
            "timezone",
            f"there is no time zone {quoted(zone)}",
            expected="a name such as Europe/Berlin",
            hint=_zone_hint(zone, available_timezones()),
        )
    yield from _dates(value)


_MANUAL = ("", "none", "null", "never", "manual", "off")
_EVERY = re.compile(r"(?:every )?([0-9]{1,6}[smhd])")


def _preset(schedule: str) -> str:
    if schedule.lower() in _MANUAL:
        return "write null for manual runs only"
    if every := _EVERY.fullmatch(schedule):
        return f"write {{every: {every[1]}}}"
    if "://" in schedule:
        return f"write {{assets: [{shortened(schedule)}]}}, if an asset is meant"
    return "" if " " in schedule else did_you_mean(f"@{schedule}", PRESETS)


_BELOW_A_SECOND = re.compile(r"(0+(\.[0-9]+)?[s]|0+(\.0+)?[mhd])")


def _schedule(schedule: Any) -> Iterator[Problem]:
    if isinstance(schedule, dict):
        yield from _shape(schedule)
        if isinstance(schedule.get("cron"), str):
            yield from _cron(schedule["cron"], ("schedule", "cron"), PRESETS[len(_ONCE) :])
            yield from _too_often(schedule["cron"], covers(schedule))
        if _BELOW_A_SECOND.fullmatch(str(schedule.get("every", ""))):
            yield Problem(
                ("schedule", "every"),
                "schedule",
                "so short an interval makes more runs than can end",
                expected="a duration of at least 1s, such as 15m",
            )
        for path, value in assets_.entries(schedule.get("assets"), ("schedule", "assets")):
            if isinstance(value, dict):
                yield from _exactly_one(path, value, ("any", "all"))
        yield from assets_.problems(assets_.of_schedule(schedule))
        if isinstance(schedule.get("event"), dict):
            yield from _event(schedule["event"], ("schedule", "event"))
    elif isinstance(schedule, str):
        yield from _cron(schedule, ("schedule",), PRESETS)


def _cron(written: str, path: Path, presets: tuple[str, ...]) -> Iterator[Problem]:
    if written.startswith("@"):
        if written not in presets:
            yield Problem(
                path,
                "schedule",
                f"there is no preset {quoted(written)}"
                + (" that says when" if written in _ONCE else ""),
                expected=", ".join(presets),
                hint=did_you_mean(written, presets),
            )
    elif reason := cron_error(written):
        yield Problem(
            path,
            "schedule",
            f"{quoted(written)} is not a cron expression: {reason}",
            expected="minute hour day month weekday, such as `0 6 * * *`",
            hint=_preset(written),
        )


def _event(event: dict[str, Any], path: Path) -> Iterator[Problem]:
    """An import path, and arguments that nobody fills in."""
    uses = event.get("uses")
    if isinstance(uses, str) and uses and not is_import_path(uses):
        yield Problem(
            (*path, "uses"),
            "import-path",
            f"{quoted(uses)} is not an import path",
            expected="that of a trigger, such as "
            "airflow.providers.standard.triggers.file.FileDeleteTrigger",
        )
    for place, value in assets_.entries(event.get("with"), (*path, "with")):
        if place[-1] in ("$call", "$ref"):
            message = "the arguments of a trigger are kept as plain values"
            yield Problem(place, "type", message, expected="text, numbers, lists", at_key=True)
        elif isinstance(value, str) and ("{{" in value or "{%" in value):
            message = "Airflow fills in no template here: a trigger is of no run"
            yield Problem(place, "template", message, "a value that is known when the file is read")


def is_import_path(text: str) -> bool:
    """Whether a text names something in a module."""
    names = text.split(".")
    return len(names) > 1 and all(name.isidentifier() for name in names)


_WAYS = ("cron", "every", "assets", "event")


def _shape(schedule: dict[str, Any]) -> Iterator[Problem]:
    """What starts runs, or a period alone; assets say themselves what runs are of."""
    path: Path = ("schedule",)
    given = [name for name in _WAYS if name in schedule]
    if not set(schedule) <= {*_WAYS, "covers"}:
        return
    if given[:2] == ["cron", "every"] or not schedule:
        said = "cron and every: both stand here" if given else "nothing stands here"
        expected = "one of the two" if given else "cron, every, assets or event; or `covers:` alone"
        yield Problem(path, "one-of", said, expected=expected, at_key=True)
    elif "covers" in schedule and "assets" in given and not _TIMES & {*given}:
        yield Problem(
            (*path, "covers"),
            "covers",
            "a run that assets start is of what the runs were of that updated them",
            expected="no `covers`",
            at_key=True,
        )
    elif not _TIMES & {*given} and schedule.get("covers") not in (*PERIODS, None):
        yield Problem(
            (*path, "covers"),
            "covers",
            f"`{shortened(str(schedule['covers']))}` needs a schedule",
            expected=f"`cron:` or `every:` beside it, or one of {', '.join(PERIODS)}",
        )
    elif "every" in given and schedule.get("covers") in PERIODS:
        yield from _unlike(str(schedule["every"]), schedule["covers"])


_DURATION = re.compile(r"[0-9.]+[smhd]")


def _unlike(every: str, chosen: str) -> Iterator[Problem]:
    if not _DURATION.fullmatch(every):
        return
    yield Problem(
        ("schedule", "covers"),
        "covers",
        f"nothing says that runs every {every} are one for each "
        f"{chosen.removeprefix('previous_')} of the calendar",
        expected="`since_last_run`, or `cron:` in place of `every:`",
    )


_MANY = 400


@lru_cache(maxsize=256)
def too_often(cron: str, chosen: Covers) -> tuple[datetime, datetime] | None:
    """Two times of a cron that are in one period of the calendar."""
    looked = itertools.pairwise(itertools.islice(on_the_wall(cron, _FIRST), _MANY))
    return next((pair for pair in looked if len({_of(chosen, one) for one in pair}) == 1), None)


@lru_cache(maxsize=256)
def skipped(cron: str, chosen: Covers) -> datetime | None:
    """The beginning of a period in which a cron never fires, so that no run is of the one before.

    Of the first that are looked at, and only one of which the time is not told by leap years.
    """
    for one, other in itertools.pairwise(itertools.islice(on_the_wall(cron, _FIRST), _MANY)):
        if _of(chosen, one).end < _of(chosen, other).start:
            return _of(chosen, one).end
    return None


@lru_cache(maxsize=256)
def delays(cron: str, chosen: Covers) -> tuple[timedelta, timedelta]:
    """How long after its logical date a run starts, which is when its interval begins.

    The shortest and the longest of the first that are looked at; without changes of the clock.
    """
    times = [*itertools.islice(on_the_wall(cron, _FIRST), _MANY)]
    if chosen in PERIODS:
        found = [time - _before(chosen, _of(chosen, time)) for time in times]
    else:
        found = [other - one for one, other in itertools.pairwise(times)]
    return min(found), max(found)


def _before(chosen: Covers, held: Interval) -> datetime:
    """When the period before another begins, on the wall."""
    return _of(chosen, held.start.replace(tzinfo=None) - timedelta(seconds=1)).start.replace(
        tzinfo=None
    )


_FIRST = datetime(2024, 1, 1) - timedelta(seconds=1)


def _of(chosen: Covers, wall: datetime) -> Interval:
    return period(chosen, "UTC", wall.replace(tzinfo=timezone.utc))


def _too_often(cron: str, chosen: Covers) -> Iterator[Problem]:
    """Of two runs of one interval Airflow would make the first alone."""
    if chosen not in PERIODS or (cron.startswith("@") and cron not in PRESETS) or cron_error(cron):
        return
    if found := too_often(cron, chosen):
        name = chosen.removeprefix("previous_")
        yield Problem(
            ("schedule", "covers"),
            "covers",
            f"it runs at {found[0]:%Y-%m-%d %H:%M} and at {found[1]:%Y-%m-%d %H:%M}, both of which "
            f"would be of the {name} before",
            expected=f"a cron that fires once in a {name}, or `since_last_run`",
        )


def _exactly_one(path: Path, value: dict[str, Any], names: tuple[str, str]) -> Iterator[Problem]:
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


_MAX_CRON = 250
_MAX_WORDS = 900  # Airflow keeps a schedule in words, of 1,000 characters at most
_WORDS = (5, 11, 5, 12, 13)  # about so many for a value of each field: `September, `


@lru_cache(maxsize=1024)
def cron_error(expression: str) -> str:
    """Why Airflow's cron reader refuses an expression, or an empty string."""
    if expression in _CRON_PRESETS:
        return ""
    if len(expression) > _MAX_CRON:
        return f"it has {len(expression):,} characters"
    if len(expression) > _MAX_WORDS // 25 and _in_words(expression) > _MAX_WORDS:
        return "it lists more values than Airflow can put into words"
    if _is_plain_cron(expression):
        return ""
    from croniter import CroniterBadDateError, croniter  # costs as much as reading 100 specs

    fields = expression.split()
    if len(fields) != 5:
        return f"it has {len(fields)} {'field' if len(fields) == 1 else 'fields'}, not 5"
    if any(field[0] in "RrHh" for field in fields):
        return "R and H mean another moment in every process"
    try:
        croniter.expand(expression)
        croniter(expression).get_next()
    except CroniterBadDateError:
        return "its day never comes"
    except (ValueError, KeyError) as error:
        if "out of range" in str(error):
            return "a number is out of range"
        return re.sub(r"\[?" + re.escape(expression) + r"\]? (is )?", "it is ", str(error))
    return ""


def _in_words(expression: str) -> int:
    """About how long it is in words: a range or a step is a phrase."""
    return sum(
        words * (1 + 3 * sum(map(part.count, "-/#")))
        for words, field in zip(_WORDS, expression.split(), strict=False)
        for part in field.split(",")
    )


_CRON_BOUNDS = ((0, 59), (0, 23), (1, 28), (1, 12), (0, 6))
_CRON_PART = re.compile(r"(?:\*|([0-9]{1,2})(?:-([0-9]{1,2}))?)(?:/([1-9][0-9]?))?\Z")


def _is_plain_cron(expression: str) -> bool:
    """Whether it holds only numbers that are in bounds, `*`, `-`, `/` and `,`; no day above 28.

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


def _zone_hint(zone: str, known: set[str]) -> str:
    """The nearest name, or the one that ends in the city that was written."""
    cities = {name.rpartition("/")[2].lower(): name for name in sorted(known, reverse=True)}
    city = cities.get(zone.rpartition("/")[2].replace(" ", "_").lower())
    return f"did you mean {city!r}?" if city else did_you_mean(zone, known)


_DATE = re.compile(DATE_PATTERN)
_FIRST_YEAR, _LAST_YEAR = 1900, 2999


def _dates(value: dict[str, Any]) -> Iterator[Problem]:
    moments = {}
    zone = value.get("timezone")
    zone = zone if isinstance(zone, str) and _zone_exists(zone) else "UTC"
    for key in ("start_date", "end_date"):
        text = value.get(key)
        if not isinstance(text, str) or not _DATE.match(text):
            continue
        try:
            moments[key] = moment(text, zone)
        except ValueError as error:
            yield Problem(
                (key,),
                "date",
                f"{text!r} is not a date: {error}",
                expected="a day that the calendar has",
            )
            continue
        if not _FIRST_YEAR <= moments[key].year <= _LAST_YEAR:
            yield Problem(
                (key,),
                "date",
                f"the year of {text!r} is too far from now for Airflow to count with",
                expected=f"a year from {_FIRST_YEAR} to {_LAST_YEAR}",
                hint="leave `end_date` out for a pipeline without an end"
                if key == "end_date"
                else "",
            )
    if len(moments) == 2 and moments["end_date"] < moments["start_date"]:
        yield Problem(
            ("end_date",), "date-order", "end_date is before start_date", expected="a later date"
        )
    by_itself = is_scheduled(value.get("schedule"))
    if value.get("catchup") is True and by_itself and not value.get("start_date"):
        yield Problem(
            ("catchup",),
            "catchup",
            "catchup needs a first day",
            expected="`start_date:` as well",
            at_key=True,
        )
