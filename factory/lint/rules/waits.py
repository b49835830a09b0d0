"""Waits for runs of other pipelines that there never are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Literal

from factory.diagnostics import Diagnostic, Path, quoted
from factory.intervals import PERIODS
from factory.lint.fires import Dates, compared
from factory.lint.rules.scope import Linted, Scope
from factory.plan.model import Assets, Awaited
from factory.problem import Problem
from factory.spec import discover, schedule
from factory.spec.resolve import Resolved

_Schedule = Dates | Literal["assets"]
"""When there are runs, by cron or by assets."""


def never_met(scope: Scope) -> Iterator[Diagnostic]:
    """A wait for a run of another pipeline, which has none at the moments of this one's.

    Runs are told by cron: of those that people or an interval start, nothing is known. Those that
    assets start have no date.
    """
    others = _Others(scope)
    for linted in scope.linted():
        yield from linted.diagnose(_problems(linted, others))


class _Others:
    """The schedules of pipelines, by name; a file that is not linted is read when it is named."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.read: dict[str, Mapping[str, _Schedule | None]] = {}

    @cached_property
    def linted(self) -> Mapping[str, _Schedule | None]:
        specs = (linted.resolved for linted in self.scope.linted())
        return dict(_schedule(resolved) for resolved in specs)

    def of(self, dag_id: str) -> _Schedule | None:
        stem = discover.file_of(dag_id)
        path = self.scope.names.get(stem)
        if dag_id in self.linted or path is None or self.scope.whole:
            return self.linted.get(dag_id)
        if stem not in self.read:
            self.read[stem] = _schedules(self.scope, stem)
        return self.read[stem].get(dag_id)


def _schedules(scope: Scope, stem: str) -> Mapping[str, _Schedule | None]:
    try:
        return dict(_schedule(resolved) for resolved in scope.project.resolved(scope.names[stem]))
    except Exception:  # told where that file is linted
        return {}


def _schedule(resolved: Resolved) -> tuple[str, _Schedule | None]:
    written, zone = resolved.value.get("schedule"), resolved.value.get("timezone", "UTC")
    cron = schedule.moments(written)
    if isinstance(written, dict) and schedule.waits_alone(written):
        return resolved.dag_id, "assets"
    found = None if cron is None else Dates(cron, zone, schedule.covers(written))
    return resolved.dag_id, found


def _problems(linted: Linted, others: _Others) -> Iterator[Problem]:
    plan = linted.plan
    for step in plan.steps:
        for awaited in step.awaits:
            theirs = others.of(awaited.dag_id)
            place = linted.place(step.id, awaited.place)
            if theirs == "assets":
                if not isinstance(plan.schedule, Assets):  # else it has no date itself
                    yield _dateless(awaited, place)
            elif theirs is not None and isinstance(plan.schedule, str):
                mine = Dates(plan.schedule, plan.timezone, plan.covers)
                yield from _compared(mine, theirs, awaited, place)


def _dateless(awaited: Awaited, place: Path) -> Problem:
    return Problem(
        place,
        "never-met",
        f"the runs of {quoted(awaited.dag_id)} that assets start have no date: none is found",
        expected="a schedule by an asset that the other updates",
        hint="a run that `trigger` starts with a `logical_date` is found",
        severity="warning",
    )


def _compared(mine: Dates, theirs: Dates, awaited: Awaited, place: Path) -> Iterator[Problem]:
    found = compared(mine, theirs, awaited.offset)
    if found is None or found.found == found.runs:
        return
    less = f", less the offset of {_duration(awaited.offset)}" if awaited.offset else ""
    if found.found:
        if awaited.skips:
            return
        lonely = f"{found.runs - found.found:,} of {found.runs:,} runs"
        message = f"for {lonely} there is no run of {quoted(awaited.dag_id)} of their date{less}"
    else:
        message = f"no run of {quoted(awaited.dag_id)} ever has the date of a run of this{less}"
    yield Problem(
        place,
        "never-met",
        f"{message}: this runs at {_said(mine)}, and that at {_said(theirs)}",
        expected=_expected(found.fits),
        hint=_hint(found.fits),
        severity="warning" if found.found else "error",
    )


def _expected(fits: int | None) -> str:
    if fits is None:
        return "a schedule whose runs have dates of the other's"
    return f"`offset: {_duration(60 * fits)}`" if fits else "no `offset`"


def _hint(fits: int | None) -> str:
    if fits is not None:
        return ""
    return "no one offset fits: let an asset that the other updates start this (`schedule:`)"


def _said(schedule: Dates) -> str:
    text = f"`{schedule.cron}`"
    if schedule.covers in PERIODS:
        text += f", for {schedule.covers},"
    return text if schedule.zone == "UTC" else f"{text} in {schedule.zone}"


def _duration(seconds: float) -> str:
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds % unit == 0:
            return f"{seconds / unit:g}{name}"
    return f"{seconds:g}s"
