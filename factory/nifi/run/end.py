"""Stop a group for good, and put back what the run changed."""

from __future__ import annotations

import time
from dataclasses import dataclass

from factory.nifi import errors
from factory.nifi.calls import groups, parameters, processors
from factory.nifi.flow import Flow, Pause
from factory.nifi.job import PATIENCE, Patience, Prepared
from factory.nifi.model import Group, Processor


@dataclass(frozen=True)
class Stopped:
    """Nothing runs.

    :param terminated: processors whose threads had to be ended.
    :param queued: flow files that are left.
    :param gone: the group does not exist any more.
    """

    terminated: tuple[str, ...] = ()
    queued: int = 0
    gone: bool = False

    def __str__(self) -> str:
        if self.gone:
            return "the process group does not exist any more, so nothing of it runs"
        left = f"; {self.queued} flow files are left in its queues" if self.queued else ""
        if not self.terminated:
            return f"the flow is stopped{left}"
        return (
            f"the flow is stopped{left}. The threads of {', '.join(self.terminated)} did not end "
            "by themselves and were terminated: see what they hang on"
        )


def stop(group_id: str, patience: Patience = PATIENCE) -> Flow[Stopped]:
    """Stop the group, wait for its threads, end those that don't end. May be done again.

    :raises NotStopped: threads outlive even that.
    """
    try:
        return (yield from _stop(group_id, patience))
    except errors.Missing:
        return Stopped(gone=True)


def _stop(group_id: str, patience: Patience) -> Flow[Stopped]:
    yield from groups.schedule(group_id, "STOPPED")
    group = yield from _await_rest(group_id, patience.stop, patience)
    terminated: tuple[str, ...] = ()
    if _busy(group):
        terminated = yield from _terminate(group_id)
        group = yield from _await_rest(group_id, patience.terminate, patience)
    if _busy(group):
        yield from _not_stopped(group)
    return Stopped(terminated, group.load.queued if group.load else 0)


def _await_rest(group_id: str, seconds: float, patience: Patience) -> Flow[Group]:
    until = time.monotonic() + seconds
    group = yield from groups.look(group_id)
    while _busy(group) and time.monotonic() < until:
        yield Pause(patience.look)
        group = yield from groups.look(group_id)
    return group


def _busy(group: Group) -> bool:
    return group.running > 0 or (group.load is not None and group.load.threads > 0)


def _terminate(group_id: str) -> Flow[tuple[str, ...]]:
    known = yield from processors.within(group_id)
    hanging = [each for each in known if each.threads and each.state != "RUNNING"]
    for each in hanging:
        yield from processors.terminate(each.id)
    return tuple(str(each) for each in hanging)


def _not_stopped(group: Group) -> Flow[None]:
    known = yield from processors.within(group.id)
    busy = [each for each in known if each.threads or each.state == "RUNNING"]
    raise errors.NotStopped(
        f"not stopped:{processors.listed(busy, _told)}\n"
        f"{group.name!r} ({group.id}) still runs {group.running} components and "
        f"{group.load.threads if group.load else 0} threads after it was stopped and its threads "
        "were ended",
        "The user may not operate them, or NiFi must be restarted",
    )


def _told(processor: Processor) -> str:
    return f"{processor} is {processor.state}, {processor.threads} threads"


def restore(prepared: Prepared, patience: Patience = PATIENCE) -> Flow[tuple[str, ...]]:
    """Give the parameters their old values; the names of those that can't have them back."""
    if prepared.context is None:
        return ()
    current = yield from parameters.read(prepared.context.id)
    values = {each.name: each for each in current.parameters}
    known = [each for each in prepared.context.parameters if not each.sensitive]
    changes = [parameters.restoring(each) for each in known if values.get(each.name) != each]
    if changes:
        yield from parameters.update(current, changes, patience.parameters)
    return tuple(each.name for each in prepared.context.parameters if each.sensitive)
