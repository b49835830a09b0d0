"""The bulletin board."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from factory.nifi import model
from factory.nifi.flow import Flow, get
from factory.nifi.model import Bulletin

_GROUPS = 25
_LIMIT = 200


def after(
    mark: int, group_ids: Sequence[str], *, attempts: int | None = None
) -> Flow[tuple[Bulletin, ...]]:
    """Bulletins of those very groups (not below) with an id above `mark`, oldest first.

    -1 asks for all that NiFi still has: five of each component, for five minutes.
    """
    found: set[Bulletin] = set()
    for some in _batches(group_ids):
        params = {"groupId": "|".join(some), "limit": str(_LIMIT)}
        if mark >= 0:
            params["after"] = str(mark)
        told = yield from get("/flow/bulletin-board", params, attempts=attempts)
        found.update(model.bulletins(told["bulletinBoard"].get("bulletins") or ()))
    return tuple(sorted(found, key=lambda each: (each.id, each.node)))


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _GROUPS):
        yield ids[start : start + _GROUPS]
