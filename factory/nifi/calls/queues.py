"""Connections: find them by name, empty their queues."""

from __future__ import annotations

import time
from collections.abc import Sequence

from factory.nifi import errors
from factory.nifi.flow import Flow, Pause, Request, ask, get
from factory.nifi.model import Connection

_LOOK = 0.5


def named(connections: Sequence[Connection], wanted: str) -> tuple[Connection, ...]:
    """Those with that id or name, or all that come from a processor: `Validate/failure`."""
    found = tuple(
        each for each in connections if wanted in (each.id, each.name, f"{each.source}/{each.name}")
    )
    if found:
        return found
    known = {name for each in connections for name in (each.name, f"{each.source}/{each.name}")}
    raise errors.UnknownConnection(
        f"the process group has no connection {wanted!r}",
        errors.suggestion(wanted, known),
        near=errors.nearest(wanted, known),
    )


def drop(group_id: str, timeout: float) -> Flow[int]:
    """Empty all queues of the group and those below; how many flow files were dropped."""
    path = f"/process-groups/{group_id}/empty-all-connections-requests"
    until = time.monotonic() + timeout
    told = (yield from ask(Request("POST", path, repeat=True)))["dropRequest"]
    request = f"{path}/{told['id']}"
    while not told["finished"] and time.monotonic() < until:
        yield Pause(_LOOK)
        told = (yield from get(request))["dropRequest"]
    yield from ask(Request("DELETE", request, repeat=True))
    if not told["finished"] or told.get("failureReason"):
        raise errors.QueuesNotEmptied(
            f"the queues were not emptied: {told.get('failureReason') or told.get('state')}",
            "See the flow in NiFi; a running processor may hold flow files",
        )
    return int(told.get("droppedCount") or 0)
