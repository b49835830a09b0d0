"""A group that is always on: see that it runs, and when it was handed work. Changes nothing."""

from __future__ import annotations

from dataclasses import replace

from factory.nifi import errors
from factory.nifi.calls import groups, processors, queues, system
from factory.nifi.flow import Flow
from factory.nifi.job import Job, Prepared
from factory.nifi.model import Counters, Group
from factory.nifi.run.hold import keeper
from factory.nifi.run.preflight import Seen, failures
from factory.nifi.server import Server, ui_link
from factory.nifi.wait.state import State, first, marks


def standby(server: Server, job: Job, seen: Seen) -> Flow[Prepared]:
    """See that the group runs, that its queues can be listed, and what the time is in NiFi."""
    group = seen.group
    _check_runs(job, seen)
    found = yield from failures(job, group)
    yield from _check_lists(job, group, found)
    notes = (f"{group.stopped} components of {group.name} are stopped",) if group.stopped else ()
    return Prepared(
        group_id=group.id,
        name=group.name,
        link=ui_link(server.base, group.id, group.generation),
        failures=found,
        counters=group.load.counters if group.load else Counters(),
        marks=marks(group.bulletins),
        notes=notes,
        since=(yield from system.clock()),
        running=group.running,
    )


def handed_over(prepared: Prepared, run: str, now: float) -> Flow[State]:
    """Where the wait begins, once NiFi has all that it is to work on.

    :param run: what that is marked with; `now` in seconds since 1970.
    """
    group = yield from groups.look(prepared.group_id)
    until = (yield from system.clock()) + 1  # it tells whole seconds
    # what is stopped while it is handed work would else not be missed
    expected = max(group.running, prepared.running)
    begun = first(now=now, expected=expected, counters=prepared.counters, marks=prepared.marks)
    return replace(begun, phase="active", active=now, until=until, run=run)


def _check_runs(job: Job, seen: Seen) -> None:
    group, who = seen.group, keeper(seen.processors).who
    what = f"the process group {job.group!r} ({group.id})"
    if not group.running:
        raise errors.NotRunning(
            f"{what} does not run", "`always_on` does not start it: start it in NiFi"
        )
    if who:
        raise errors.NotRunning(
            f"{what} was started by {who}, which will stop it",
            "Let one of the two pipelines have it: always on, or started and stopped",
        )
    if group.invalid:
        odd = [each for each in seen.processors if each.validation == "INVALID"]
        raise errors.NotRunning(
            f"not valid:{processors.listed(odd)}\n{group.invalid} components of {what} are not "
            "valid",
            "Correct or disable them in NiFi: work would wait before them",
        )


def _check_lists(job: Job, group: Group, found: tuple[tuple[str, str], ...]) -> Flow[None]:
    """The user may list queues, and what fails can be told from what failed before."""
    known = [each for each, _ in found] or [
        each.id for each in (yield from groups.connections(group.id))[:1]
    ]
    labels = dict(found)
    for connection in known:
        listed = yield from queues.listing(connection)
        if connection in labels and listed.hidden:
            raise errors.QueueNotEmpty(
                f"{len(listed.files) + listed.hidden} flow files wait in {labels[connection]} of "
                f"{job.group!r}: NiFi lists {queues.MOST_LISTED}, so new ones cannot be told",
                "Look at them in NiFi, then empty the connection",
            )
