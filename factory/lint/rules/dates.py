"""Tasks that need a date which the runs of their pipeline do not have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from factory.definitions.writes import INTERVAL
from factory.diagnostics import Diagnostic, Path
from factory.intervals import PERIODS
from factory.lint import fires
from factory.lint.rules.scope import Linted, Scope
from factory.lint.rules.templates import conditions, file_text
from factory.plan.model import Assets, Dated, Every, Pipeline
from factory.problem import Problem
from factory.spec import schedule


def of_asset_runs(scope: Scope) -> Iterator[Diagnostic]:
    """A run that assets start has no date, but the interval of the runs that updated them."""
    given = {
        uri
        for linted in scope.linted()
        if linted.plan.covers != "none"
        for step in linted.plan.steps
        for uri in step.writes
    }
    for linted in scope.linted():
        waits = linted.plan.waits
        if waits is not None and not given.intersection(waits.every):
            starter = "assets start" if any(waits.every) else "an event starts"
            yield from linted.diagnose(
                _problem(linted.place(step.id, dated.place), dated, starter)
                for step in linted.plan.steps
                for dated in step.dates
                if dated.what != INTERVAL or _by_updates(linted.plan)
            )


def _by_updates(plan: Pipeline) -> bool:
    """Whether what a run is of is said by those that update assets, and by nothing else."""
    return plan.covers == "none" and isinstance(plan.schedule, Assets) and any(plan.schedule.every)


def _problem(place: Path, dated: Dated, starter: str) -> Problem:
    message = f"a run that {starter} has no date, so {dated.what} is not known: this task fails"
    return Problem(place, "no-date", message, expected=dated.instead, severity="warning")


def without_interval(scope: Scope) -> Iterator[Diagnostic]:
    """A step that needs to know what a run is of, where the schedule does not say it."""
    for linted in scope.linted():
        plan = linted.plan
        if plan.covers == "none" and not _by_updates(plan):
            yield from linted.diagnose(_lacking(place, plan) for place in _needing(linted))


def _needing(linted: Linted) -> Iterator[Path]:
    for step in linted.plan.steps:
        folder = linted.folder(step.id)
        yield from (linted.place(step.id, it.place) for it in step.dates if it.what == INTERVAL)
        for place, text in linted.texts(step.id):
            if _uses_interval(file_text(text, folder) or text):
                yield place
        yield from (place for place, text in conditions(linted, step.id) if _uses_interval(text))


def _uses_interval(template: str) -> bool:
    return any(_INTERVAL.search(tag[0]) for tag in _TAG.finditer(template))


_TAG = re.compile(r"(?s)\{[{%].*?(?:[%}]\}|\Z)")
_INTERVAL = re.compile(r"(?<![\w.'\"])interval\b(?!\s*(?:=|\(|['\"]|is\s+defined))")


def _lacking(place: Path, plan: Pipeline) -> Problem:
    """A run that nobody schedules may be given one by the run or the person that starts it."""
    return Problem(
        place,
        "no-interval",
        "the runs of this pipeline have no data interval: `schedule` does not say what they cover",
        expected="`covers:` in `schedule`",
        hint=_covering(plan),
        severity="warning" if plan.schedule is None else "error",
    )


def _covering(plan: Pipeline) -> str:
    if plan.schedule is None:
        return "write `schedule: {covers: previous_day}`, which starts no run by itself"
    if isinstance(plan.schedule, Assets):
        return "write `covers: previous_day` beside `event:`"
    return "write `schedule: {cron: …, covers: previous_day}`"


def cut_days(scope: Scope) -> Iterator[Diagnostic]:
    """Rows of whole days, loaded by runs of intervals that begin or end within a day."""
    for linted in scope.linted():
        places = [
            linted.place(step.id, dated.place)
            for step in linted.plan.steps
            for dated in step.dates
            if dated.days
        ]
        found = _within_a_day(linted.plan) if places else ""  # reading crons costs 0.1 s
        if found:
            yield from linted.diagnose(_cutting(place, found) for place in places)


def _within_a_day(plan: Pipeline) -> str:
    """What runs are of, when that is known not to be whole days; else nothing."""
    if plan.covers == "previous_hour":
        return "an hour"
    if plan.covers != "since_last_run":
        return ""
    if isinstance(plan.schedule, Every):
        return "the time since the last run" if plan.schedule.seconds % _DAY else ""
    times = fires.cron(plan.schedule) if isinstance(plan.schedule, str) else None
    if times is None or times.minutes == (0,):
        return ""
    hour, minute = divmod(times.minutes[-1], 60)
    return f"the time since the last run, which ends at {hour:02}:{minute:02}"


_DAY = 86400


def _cutting(place: Path, found: str) -> Problem:
    return Problem(
        place,
        "cut-days",
        f"a run is of {found}, but the column is a date: this task fails",
        expected="runs of whole days",
        hint="write `covers: previous_day` in `schedule`, beside `cron:`",
        severity="warning",
    )


def skipping(scope: Scope) -> Iterator[Diagnostic]:
    """A cron that leaves out periods of the calendar, of which there is then no run."""
    for linted in scope.linted():
        plan = linted.plan
        if plan.covers in PERIODS and isinstance(plan.schedule, str):
            found = schedule.skipped(plan.schedule, plan.covers)
            if found is not None:
                yield from linted.diagnose([_skipping(plan, found)])


def _skipping(plan: Pipeline, found: datetime) -> Problem:
    name = plan.covers.removeprefix("previous_")
    return Problem(
        ("schedule", "covers"),
        "covers",
        f"it does not run in the {name} that begins on {found:%Y-%m-%d %H:%M}, so that no run is "
        f"of the {name} before that",
        expected=f"a cron that fires in each {name}",
        hint="`since_last_run` leaves nothing out",
        severity="warning",
    )
