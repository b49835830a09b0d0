"""Look whether a group can be driven. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from factory.nifi import errors
from factory.nifi.calls import groups, parameters, processors, queues
from factory.nifi.flow import Flow
from factory.nifi.job import Job, Prepared
from factory.nifi.model import Context, Counters, Group, Processor
from factory.nifi.run.validity import refuse_invalid
from factory.nifi.server import Server, ui_link
from factory.nifi.wait.state import marks


@dataclass(frozen=True)
class Seen:
    """A group and all of its processors."""

    group: Group
    processors: tuple[Processor, ...]


def look(job: Job) -> Flow[Seen]:
    """Log in, and find the group."""
    group = yield from groups.find(job.group)
    return Seen(group, (yield from processors.within(group.id)))


def preflight(server: Server, job: Job, seen: Seen) -> Flow[Prepared]:
    """See that the group rests, is valid, and has what the job names."""
    group = seen.group
    _check_rests(job, group)
    notes = _check_queue(job, group)
    if group.invalid and job.services == "leave":
        refuse_invalid(group, seen.processors)
    sources = {name: _source(seen, name) for name in job.sources}
    found = yield from failures(job, group)
    context = yield from _context(job, group)
    return Prepared(
        group_id=group.id,
        name=group.name,
        link=ui_link(server.base, group.id, group.generation),
        context=context,
        sources={name: each.id for name, each in sources.items()},
        revisions=processors.at_rest(seen.processors) if job.source == "run_once" else {},
        failures=found,
        counters=group.load.counters if group.load else Counters(),
        marks=marks(group.bulletins),
        notes=notes,
    )


def _check_rests(job: Job, group: Group) -> None:
    if group.running:
        raise errors.AlreadyRunning(
            f"{group.running} components of the process group {job.group!r} ({group.id}) run "
            "already",
            "Another run, or a person, started them: wait for it, or stop the group in NiFi",
        )
    if not group.stopped + group.invalid:
        raise errors.CannotStart(
            f"the process group {job.group!r} ({group.id}) has nothing to run: "
            f"{group.disabled} components are disabled",
            "Is it the right group? Enable its processors in NiFi",
        )


def _check_queue(job: Job, group: Group) -> tuple[str, ...]:
    queued = group.load.queued if group.load else 0
    if not queued:
        return ()
    if job.queue_before == "fail":
        raise errors.QueueNotEmpty(
            f"{queued} flow files of an earlier run are queued in {job.group!r} ({group.id})",
            "Look at them in NiFi; `queue_before: drop` throws such away, `accept` works them off",
        )
    what = "will be dropped" if job.queue_before == "drop" else "are worked off too"
    return (f"{queued} flow files of an earlier run {what}",)


def _source(seen: Seen, name: str) -> Processor:
    found = processors.named(seen.processors, name)
    if found.state == "DISABLED":
        raise errors.CannotStart(
            f"the source {found} is disabled", "Enable it in NiFi, or name another processor"
        )
    return found


def failures(job: Job, group: Group) -> Flow[tuple[tuple[str, str], ...]]:
    """The failure connections that a job names: (id, label)."""
    if not job.failure_connections:
        return ()
    known = yield from groups.connections(group.id)
    found = [each for name in job.failure_connections for each in queues.named(known, name)]
    return tuple({each.id: str(each) for each in found}.items())


def _context(job: Job, group: Group) -> Flow[Context | None]:
    if not job.parameters:
        return None
    if group.context_id is None:
        raise errors.UnknownParameter(
            f"the process group {job.group!r} ({group.id}) has no parameter context",
            f"Create one in NiFi with {errors.named(sorted(job.parameters))}, and bind it to the "
            "group",
        )
    context = yield from parameters.read(group.context_id)
    for name, value in job.parameters.items():
        parameters.setting(context, name, value)  # raises for an unknown one
    changed = tuple(each for each in context.parameters if each.name in job.parameters)
    return replace(context, parameters=changed)
