"""Start a group: set, enable, check, start, and see that it runs.

Safe to do again: a task that was killed half-way finds what runs already and goes on.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from factory.nifi import errors
from factory.nifi.calls import groups, parameters, ports, processors, queues
from factory.nifi.flow import Flow, Pause
from factory.nifi.job import PATIENCE, Job, Patience, Prepared
from factory.nifi.model import NOTHING, Counters, Group, Processor
from factory.nifi.run.hold import Claimed
from factory.nifi.run.validity import await_valid, enable_services
from factory.nifi.wait.state import Sources, State, first


@dataclass(frozen=True)
class Started:
    """The group runs. `state` is where the wait begins; `notes` are for the log."""

    state: State
    notes: tuple[str, ...] = ()


def start(job: Job, claimed: Claimed, now: float, patience: Patience = PATIENCE) -> Flow[Started]:
    """Start the group that was claimed; `now` is in seconds since 1970.

    :raises CannotStart: nothing was started, or not everything.
    """
    prepared, group = claimed.prepared, claimed.group
    notes: list[str] = []
    before = prepared.counters
    if _runs(job, prepared, group):
        notes.append("the group runs already, started by an earlier try")
    else:
        notes += yield from _make_ready(job, prepared, group, patience)
        if notes:
            group = yield from groups.look(prepared.group_id)
        group = yield from await_valid(group, patience)
        before = _counters(group)
        group = yield from _run(job, prepared, group, patience)
    if job.source == "run_once":
        notes += yield from _trigger(claimed)
    begun = first(
        now=now,
        expected=_expected(job, prepared, group),
        counters=before,
        marks=prepared.marks,
        sources=_sources(job),
    )
    # it is known that everything runs
    return Started(replace(begun, phase="waiting"), tuple(notes))


def _sources(job: Job) -> Sources:
    return {"none": "none", "run_once": "ended", "drain": "running"}[job.source]  # type: ignore[return-value]


def _expected(job: Job, prepared: Prepared, group: Group) -> int:
    """How many components are to run: all but the disabled, and sources that run once."""
    held_back = len(prepared.sources) if job.source == "run_once" else 0
    return max(group.running + group.stopped + group.invalid - held_back, 0)


def _runs(job: Job, prepared: Prepared, group: Group) -> bool:
    return group.running > 0 and group.running >= _expected(job, prepared, group)


def _counters(group: Group) -> Counters:
    return group.load.counters if group.load else NOTHING


def _make_ready(job: Job, prepared: Prepared, group: Group, patience: Patience) -> Flow[list[str]]:
    """Queues, parameters, services; what was done."""
    notes: list[str] = []
    queued = group.load.queued if group.load else 0
    if queued and job.queue_before == "drop" and not group.running:
        dropped = yield from queues.drop(group.id, patience.drop)
        notes.append(f"dropped {dropped} flow files of an earlier run")
    changed = yield from _set_parameters(job, prepared, patience)
    if changed:
        notes.append(f"set the parameters {', '.join(changed)}")
    # with everything valid, all services that are used are enabled
    if group.invalid and job.services == "enable":
        enabled = yield from enable_services(group.id, patience)
        notes += ["enabled the controller services"] if enabled else []
    return notes


def _set_parameters(job: Job, prepared: Prepared, patience: Patience) -> Flow[list[str]]:
    context = prepared.context
    if context is None:
        return []
    old = {each.name: each for each in context.parameters}
    changed = [
        name
        for name, value in job.parameters.items()
        if old[name].sensitive or old[name].value != value
    ]
    if changed:
        changes = [parameters.setting(context, name, job.parameters[name]) for name in changed]
        yield from parameters.update(context, changes, patience.parameters)
    return changed


def _run(job: Job, prepared: Prepared, group: Group, patience: Patience) -> Flow[Group]:
    """Start, and look until everything runs."""
    yield from _put_running(job, prepared, group)
    until = time.monotonic() + patience.start
    while True:
        group = yield from groups.look(prepared.group_id)
        if _runs(job, prepared, group):
            return group
        if time.monotonic() >= until:
            yield from _not_started(job, prepared, group, patience)
        yield Pause(patience.look)


def _put_running(job: Job, prepared: Prepared, group: Group) -> Flow[None]:
    """Start once; when the answer is lost, look whether it was heard before asking again."""
    revisions = prepared.revisions
    for last in (False, False, True):
        chosen = yield from _chosen(job, prepared, group, revisions)
        try:
            return (yield from groups.schedule(group.id, "RUNNING", chosen))
        except errors.StaleRevision:
            if last:
                raise
        except errors.Unreachable as error:
            if last or not error.sent:
                raise
            group = yield from groups.look(group.id)
            if _runs(job, prepared, group):
                return None
        revisions = processors.at_rest((yield from processors.within(group.id)))
    return None


def _chosen(
    job: Job, prepared: Prepared, group: Group, revisions: Mapping[str, Mapping[str, Any]]
) -> Flow[dict[str, Mapping[str, Any]] | None]:
    """What to start; None for all. A source that runs once is triggered when the rest runs."""
    if job.source != "run_once":
        return None
    sources = set(prepared.sources.values())
    chosen = {each: revision for each, revision in revisions.items() if each not in sources}
    if group.stopped + group.invalid > len(revisions):
        chosen.update((yield from ports.revisions(group.id)))
    return chosen


def _not_started(job: Job, prepared: Prepared, group: Group, patience: Patience) -> Flow[None]:
    known = yield from processors.within(group.id)
    later = prepared.sources.values() if job.source == "run_once" else ()
    waiting = processors.idle(known, tuple(later))
    raise errors.NotStarted(
        f"not started:{processors.listed(waiting, lambda each: f'{each} is {each.state}')}\n"
        f"{group.running} of {group.running + group.stopped + group.invalid} components of "
        f"{group.name!r} ({group.id}) run {patience.start:.0f} s after the start",
        "NiFi passes over components that the user may not operate",
    )


def _trigger(claimed: Claimed) -> Flow[list[str]]:
    """Run the sources once; not those that an earlier try has run."""
    prepared, ran = claimed.prepared, []
    known = (yield from processors.within(prepared.group_id)) if claimed.again else ()
    for name, processor_id in prepared.sources.items():
        before = prepared.revisions[processor_id]
        if claimed.again and _has_run(processors.named(known, processor_id), before):
            continue
        yield from processors.run_once(processor_id, before)
        ran.append(name)
    return [f"ran {', '.join(ran)} once"] if ran else ["an earlier try ran the sources"]


def _has_run(source: Processor, before: Mapping[str, Any]) -> bool:
    return bool(source.revision.get("version", 0) != before.get("version", 0))
