"""Connections: find them by name, empty their queues."""

from __future__ import annotations

import time
from collections.abc import Sequence

from factory.nifi import errors, model
from factory.nifi.flow import Flow, Pause, Request, ask, get
from factory.nifi.model import Connection, Listing, Queued

_LOOK = 0.5
_LISTED = 0.1
_LISTING = 10.0
MOST_LISTED = 100
"""NiFi lists no more of a queue."""


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


def listing(connection_id: str) -> Flow[Listing]:
    """What is in a queue now, by NiFi's clock."""
    path = f"/flowfile-queues/{connection_id}/listing-requests"
    try:
        return (yield from _listing(path))
    except errors.Refused as error:
        hint = "In NiFi, give the user the policy *view the data* on the process group"
        raise errors.Refused(error.message, hint, status=error.status) from None


def _listing(path: str) -> Flow[Listing]:
    request = Request("POST", path, repeat=True)
    until = time.monotonic() + _LISTING
    answer = yield request
    asked = answered = answer.date or time.time()
    told = answer.json(request)["listingRequest"]
    own = f"{path}/{told['id']}"
    while not told["finished"] and time.monotonic() < until:
        yield Pause(_LISTED)
        again = Request("GET", own, repeat=True)
        answer = yield again
        answered = answer.date or time.time()
        told = answer.json(again)["listingRequest"]
    yield from ask(Request("DELETE", own, repeat=True))
    if not told["finished"] or told.get("failureReason"):
        raise errors.Unreachable(
            f"NiFi did not list a queue: {told.get('failureReason') or told.get('state')}"
        )
    return model.listing(told, asked, answered + 1)


def attributes(connection_id: str, flow_file: Queued) -> Flow[dict[str, str] | None]:
    """Of a flow file in a queue; None when it has left."""
    params = {"clusterNodeId": flow_file.node} if flow_file.node else {}
    path = f"/flowfile-queues/{connection_id}/flowfiles/{flow_file.uuid}"
    try:
        told = yield from get(path, params)
    except errors.Missing:
        return None
    found: dict[str, str] = told["flowFile"].get("attributes") or {}
    return found


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
