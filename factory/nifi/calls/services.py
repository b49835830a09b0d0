"""Controller services of a group: list, enable."""

from __future__ import annotations

from factory.nifi import model
from factory.nifi.flow import Flow, Request, ask, get
from factory.nifi.model import Service


def within(group_id: str) -> Flow[tuple[Service, ...]]:
    """The services of the group and those below; not those that it uses from above."""
    params = {"includeAncestorGroups": "false", "includeDescendantGroups": "true"}
    told = yield from get(f"/flow/process-groups/{group_id}/controller-services", params)
    return tuple(model.service(entity) for entity in told.get("controllerServices") or ())


def enable(group_id: str) -> Flow[None]:
    """Ask to enable them all; NiFi answers before they are, and passes over invalid ones."""
    path = f"/flow/process-groups/{group_id}/controller-services"
    body = {"id": group_id, "state": "ENABLED"}
    yield from ask(Request("PUT", path, json=body, repeat=True, on_conflict=True))
