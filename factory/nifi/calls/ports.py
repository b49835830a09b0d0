"""Input and output ports of a group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from factory.nifi.flow import Flow, get

_KINDS = (
    ("inputPortStatusSnapshots", "input-ports"),
    ("outputPortStatusSnapshots", "output-ports"),
)


def revisions(group_id: str) -> Flow[dict[str, Mapping[str, Any]]]:
    """The revision of each port of the group and those below, by id."""
    told = yield from get(f"/flow/process-groups/{group_id}/status", {"recursive": "true"})
    found: dict[str, Mapping[str, Any]] = {}
    for kind, port_id in _ports(told["processGroupStatus"]["aggregateSnapshot"]):
        found[port_id] = (yield from get(f"/{kind}/{port_id}"))["revision"]
    return found


def _ports(snapshot: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for listed, kind in _KINDS:
        for entity in snapshot.get(listed) or ():
            yield kind, entity["id"]
    for entity in snapshot.get("processGroupStatusSnapshots") or ():
        yield from _ports(entity.get("processGroupStatusSnapshot") or {})
