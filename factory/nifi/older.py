"""What of the work in a group is as old as what was handed over: a flow that is always on.

A flow file tells since when its lineage is in NiFi, and what is made of several has the age of the
oldest; so nothing of some work is left when no flow file is as old as it. All is told by NiFi's
clock. Where it cannot be seen (in the hands of a processor, or behind the first hundred of a
queue), it counts as that old.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from factory.nifi.calls import groups, queues
from factory.nifi.flow import Flow, Pause
from factory.nifi.job import Prepared
from factory.nifi.model import Connection, Listing, Load, Queued
from factory.nifi.wait.state import State

RUN = "Airflow-Run"
"""The header of the request, and the attribute of what came of it, that tells whose work it is."""
_AGAIN = 3
_PAUSE = 0.2

Left = tuple[tuple[str, int], ...]


def older(prepared: Prepared, state: State, load: Load) -> Flow[tuple[Load, Left]]:
    """What is under way of that work, as the load of the group, and what of it has failed.

    What failed is looked at only when the rest is through.
    """
    nothing = replace(load, queued=0, queued_bytes=0, threads=0)
    if not load.queued:
        return nothing, ()
    known = [each for each in (yield from groups.connections(prepared.group_id)) if each.queued]
    labels = dict(prepared.failures)
    old: list[Queued] = []
    hidden = 0
    for each in known:
        if each.id not in labels:
            found = yield from _listed(each, state)
            old += _as_old(found, state)
            hidden += found.hidden
    left: Left = ()
    if not old and not hidden:
        ends = [each for each in known if each.id in labels]
        left, hidden = yield from _failed(prepared, state, ends)
    queued = (len(old) or hidden) + sum(number for _, number in left)
    size = sum(each.size for each in old)
    return replace(
        load, queued=queued, queued_bytes=size, threads=load.threads if hidden else 0
    ), left


def _listed(connection: Connection, state: State) -> Flow[Listing]:
    """Again, where something is in the hands of a processor: at another moment it may be seen."""
    found = yield from queues.listing(connection.id)
    for _ in range(_AGAIN):
        if not 0 < found.hidden < queues.MOST_LISTED or _as_old(found, state):
            break
        yield Pause(_PAUSE)
        found = yield from queues.listing(connection.id)
    return found


def _as_old(found: Listing, state: State) -> list[Queued]:
    return [each for each in found.files if each.began <= state.until]


def _failed(
    prepared: Prepared, state: State, known: Sequence[Connection]
) -> Flow[tuple[Left, int]]:
    """What came to failure connections since, and is not marked as the work of another run.

    And how much of it is in the hands of a processor, so that its end is not known.
    """
    labels = dict(prepared.failures)
    left: list[tuple[str, int]] = []
    hidden = 0
    for connection in known:
        found = yield from queues.listing(connection.id)
        hidden += found.hidden if len(found.files) < queues.MOST_LISTED else 0
        number = 0
        for each in _as_old(found, state):
            if each.came >= prepared.since:
                number += yield from _is_ours(connection, each, state)
        left += [(labels[connection.id], number)] if number else []
    return tuple(left), hidden


def _is_ours(connection: Connection, flow_file: Queued, state: State) -> Flow[bool]:
    """It is, unless it says that it is of another run: what is merged says nothing."""
    if not state.run:
        return True
    told = yield from queues.attributes(connection.id, flow_file)
    if told is None:
        return False
    runs = {value for name, value in told.items() if name.lower().endswith(RUN.lower())}
    return not runs or state.run in runs
