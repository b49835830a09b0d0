"""One step of the wait: what a look found → what is known now, and whether it is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from factory.nifi.model import Bulletin
from factory.nifi.wait import say
from factory.nifi.wait.rules import MOST, Rules
from factory.nifi.wait.sample import Missed, Sample
from factory.nifi.wait.state import Phase, Sources, State, marks
from factory.nifi.wait.verdict import Verdict

_SHORT = 2
"""Looks in a row: a person who changes a parameter restarts processors for a moment."""


def step(
    rules: Rules, state: State, sample: Sample | Missed, now: float
) -> tuple[State, Verdict | None]:
    """Go on by one look, made at `now`. The first reason to end is the verdict."""
    if isinstance(sample, Missed):
        state = _missed(state, now)
        return state, _unreachable(rules, state, sample, now) or _timeout(rules, state, now)
    state = _seen(rules, state, sample, now)
    for end in _ENDS:
        verdict = end(rules, state, sample, now)
        if verdict:
            return state, verdict
    return state, _timeout(rules, state, now)


def _missed(state: State, now: float) -> State:
    """Neutral, but what was seen before does not count as "in a row" any more."""
    return replace(
        state,
        polls=state.polls + 1,
        phase="starting",
        idle=0,
        short=0,
        missed=now if state.missed is None else state.missed,
        totals=state.totals.missed(),
    )


def _seen(rules: Rules, state: State, sample: Sample, now: float) -> State:
    if state.missed is not None:
        state = replace(state, missed=None, starting=now, changed=now, moved=now)
    state = replace(state, expected=max(state.expected - sample.sources_stopped, 0))
    complete = sample.running >= state.expected and not sample.invalid
    totals = state.totals.add(sample.load.counters, now)
    # where others work, too, only the older flow files tell how far this run is
    rose = totals.rose(state.totals) and not state.always_on
    moved = rose or _moved(state, sample)
    changed = moved or sample.load.threads > 0
    active = state.active if state.active is not None else _first_sign(state, sample, rose, now)
    quiet = sample.quiet and not rose
    sources: Sources = "ended" if sample.sources_stopped else state.sources
    starting = state.phase == "starting" and not complete
    idle = state.idle + 1 if quiet and not starting and sources != "running" else 0
    return replace(
        state,
        polls=state.polls + 1,
        phase=_phase(active is not None, starting, sources, idle),
        active=active,
        changed=now if changed else state.changed,
        moved=now if moved else state.moved,
        queued=sample.load.queued,
        queued_bytes=sample.load.queued_bytes,
        threads=sample.load.threads,
        idle=idle,
        short=0 if complete else state.short + 1,
        marks={**state.marks, **marks(sample.bulletins)},
        **_warnings(rules, state, sample),
        sources=sources,
        stop_sources=sources == "running" and _due(rules, active, now),
        totals=totals,
    )


def _due(rules: Rules, active: float | None, now: float) -> bool:
    return active is not None and now - active >= rules.source_time


def _warnings(rules: Rules, state: State, sample: Sample) -> dict[str, Any]:
    matter = _matter(rules, sample)
    if not matter:
        return {}
    return {
        "warnings": state.warnings + len(matter),
        "last_warning": matter[-1].message[:MOST],
    }


def _matter(rules: Rules, sample: Sample) -> list[Bulletin]:
    if rules.bulletins == "ignore":
        return []
    return [each for each in sample.bulletins if rules.matters(each)]


def _moved(state: State, sample: Sample) -> bool:
    queue = (sample.load.queued, sample.load.queued_bytes)
    return queue != (state.queued, state.queued_bytes)


def _first_sign(state: State, sample: Sample, rose: bool, now: float) -> float | None:
    """A queue, a rise, or threads at two looks: at one, it may be a processor that starts."""
    load = sample.load
    lasting = load.threads > 0 and state.threads > 0
    return now if load.queued or lasting or rose else None


def _phase(active: bool, starting: bool, sources: Sources, idle: int) -> Phase:
    if starting:
        return "starting"
    if not active:
        return "waiting"
    if idle:
        return "idle"
    return "draining" if sources == "ended" else "active"


def _bulletin(rules: Rules, state: State, sample: Sample, now: float) -> Verdict | None:
    matter = _matter(rules, sample) if rules.bulletins == "fail" else []
    return say.bulletin(matter) if matter else None


def _broken(rules: Rules, state: State, sample: Sample, now: float) -> Verdict | None:
    if state.phase == "starting":
        late = now - state.starting >= rules.start_timeout
        return say.not_started(state, sample, rules) if late else None
    if state.short < _SHORT:
        return None
    return say.invalid(sample) if sample.invalid else say.stopped(state, sample)


def _done(rules: Rules, state: State, sample: Sample, now: float) -> Verdict | None:
    if state.idle < rules.idle_polls or state.active is None or state.short:
        return None
    if sample.left_over:
        return say.failure_connection(sample)
    out = state.totals.sums
    if out.flow_files_out < rules.min_flow_files_out or out.bytes_out < rules.min_bytes_out:
        return say.too_little(rules, state)
    return say.succeeded(rules, state, now)


def _no_activity(rules: Rules, state: State, sample: Sample, now: float) -> Verdict | None:
    waited = now - state.starting
    busy = sample.load.threads > 0
    if state.active is not None or state.phase == "starting" or waited < rules.grace or busy:
        return None
    return say.no_activity(rules, state)


def _stalled(rules: Rules, state: State, sample: Sample, now: float) -> Verdict | None:
    if rules.stall_timeout is None or not sample.load.queued or sample.load.threads:
        return None
    if now - state.changed < rules.stall_timeout:
        return None
    return say.stalled(rules, state, sample)


def _unreachable(rules: Rules, state: State, missed: Missed, now: float) -> Verdict | None:
    since = state.missed if state.missed is not None else now
    return say.unreachable(rules, missed) if now - since >= rules.unreachable_timeout else None


def _timeout(rules: Rules, state: State, now: float) -> Verdict | None:
    return say.timeout(rules, state, now) if now - state.started >= rules.timeout else None


_ENDS: tuple[Callable[[Rules, State, Sample, float], Verdict | None], ...] = (
    _bulletin,
    _broken,
    _done,
    _stalled,
    _no_activity,
)
