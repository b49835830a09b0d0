"""Process groups: find, look at, start, stop."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from factory.nifi import errors, model
from factory.nifi.flow import Flow, Request, ask, get
from factory.nifi.model import Connection, Group, Load

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def look(group_id: str, *, attempts: int | None = None) -> Flow[Group]:
    """Counts, load and newest bulletins in one request."""
    group = model.group((yield from get(f"/process-groups/{group_id}", attempts=attempts)))
    if group.load is None:  # not all versions tell it there
        load = yield from status(group_id, attempts=attempts)
        return replace(group, load=load)
    return group


def status(group_id: str, *, attempts: int | None = None) -> Flow[Load]:
    """The load alone."""
    told = yield from _status(group_id, {}, attempts)
    return model.load(told) or Load()


def connections(group_id: str, *, attempts: int | None = None) -> Flow[tuple[Connection, ...]]:
    """All connections of the group and those below, with their queues."""
    told = yield from _status(group_id, {"recursive": "true"}, attempts)
    return tuple(model.connections(told))


def _status(
    group_id: str, params: Mapping[str, str], attempts: int | None
) -> Flow[Mapping[str, Any]]:
    path = f"/flow/process-groups/{group_id}/status"
    told = yield from get(path, params, attempts=attempts)
    snapshot: Mapping[str, Any] = (told.get("processGroupStatus") or {}).get(
        "aggregateSnapshot"
    ) or {}
    return snapshot


def schedule(
    group_id: str, state: str, components: Mapping[str, Mapping[str, Any]] | None = None
) -> Flow[None]:
    """RUNNING or STOPPED, for all that the group holds or for some (id → revision).

    STOPPED may be sent again; RUNNING not blindly, see `start`.
    """
    body: dict[str, Any] = {"id": group_id, "state": state}
    if components is not None:
        body["components"] = {each: dict(revision) for each, revision in components.items()}
    path = f"/flow/process-groups/{group_id}"
    stop = state == "STOPPED"
    yield from ask(Request("PUT", path, json=body, repeat=stop, on_conflict=True))


def find(wanted: str) -> Flow[Group]:
    """A group by its id or by the path of names from the root, `Lake/Orders`.

    A slash in a name is written twice. `root` is the root group.
    """
    if wanted == "root" or _ID.fullmatch(wanted):
        try:
            return (yield from look(wanted))
        except errors.Missing:
            raise errors.UnknownGroup(
                f"NiFi has no process group with id {wanted}",
                "It may be of another NiFi, or deleted; a path such as Lake/Orders outlives that",
            ) from None
    return (yield from _walk(wanted, split(wanted)))


def split(path: str) -> list[str]:
    """The names in a path: `a/b//c` is `a`, then `b/c`."""
    parts = path.replace("//", "\0").strip("/").split("/")
    names = [part.replace("\0", "/").strip() for part in parts]
    if not all(names):
        raise errors.UnknownGroup(
            f"{path!r} is no path of a process group", "Expected names such as Lake/Orders"
        )
    return names


def _walk(wanted: str, names: Sequence[str]) -> Flow[Group]:
    parents = ["root"]
    found: list[Group] = []
    for depth, name in enumerate(names):
        below: list[Group] = []
        for parent in parents:
            below += yield from _children(parent)
        found = [group for group in below if group.readable and group.name == name]
        if not found:
            raise _unknown(wanted, names[:depth], name, below)
        parents = [group.id for group in found]
    if len(found) > 1:
        listed = ", ".join(parents)
        raise errors.AmbiguousGroup(
            f"{len(found)} process groups have the path {wanted!r}: {listed}",
            "Rename one in NiFi, or give the id",
            ids=parents,
        )
    return found[0]


def _children(parent: str) -> Flow[list[Group]]:
    told = yield from get(f"/flow/process-groups/{parent}")
    listed = told["processGroupFlow"]["flow"].get("processGroups") or ()
    return [model.group(entity) for entity in listed]


def _unknown(
    wanted: str, above: Sequence[str], name: str, below: Sequence[Group]
) -> errors.UnknownGroup:
    where = "/".join(above) or "the root"
    known = {group.name for group in below if group.readable}
    hidden = len([group for group in below if not group.readable])
    unreadable = f"; {hidden} more are not readable by this user" if hidden else ""
    return errors.UnknownGroup(
        f"no process group {name!r} in {where} (looking for {wanted!r}){unreadable}",
        errors.suggestion(name, known),
        near=errors.nearest(name, known),
    )
