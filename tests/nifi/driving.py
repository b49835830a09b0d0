"""The steps of a run that come before the one under test."""

from __future__ import annotations

import re
from collections.abc import Sequence

from factory.nifi.calls import groups
from factory.nifi.flow import Flow
from factory.nifi.job import PATIENCE, Job, Patience, Prepared
from factory.nifi.run import preflight, start
from factory.nifi.run.hold import Claimed, Hold, Keeper, keeper
from factory.nifi.run.preflight import look
from factory.nifi.run.start import Started
from factory.nifi.server import Server

_LOOK = re.compile("/process-groups/[^/]+")


def prepare(server: Server, job: Job) -> Flow[tuple[Prepared, Keeper]]:
    """The preflight, and who has marked the group."""
    seen = yield from look(job)
    return (yield from preflight(server, job, seen)), keeper(seen.processors)


def take(prepared: Prepared, *, again: bool = False) -> Flow[Claimed]:
    """The group as it is now, without a mark on it."""
    group = yield from groups.look(prepared.group_id)
    return Claimed(Hold(), prepared, group, again)


def begin(
    server: Server, job: Job, now: float = 0, patience: Patience = PATIENCE
) -> Flow[tuple[Prepared, Started]]:
    """From the login to a group that runs."""
    prepared, _ = yield from prepare(server, job)
    claimed = yield from take(prepared)
    return prepared, (yield from start(job, claimed, now, patience))


def without_polls(calls: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The requests of a run, but for those that ask whether NiFi has done what it was told.

    These are the looks at the group from the first change on, so those of the wait too, and what
    asks after a request or after services that were to be enabled.
    """
    told: set[str] = set()
    kept = []
    for method, path in calls:
        looks = _LOOK.fullmatch(path) and told
        if method == "GET" and (looks or path in told or "-requests/" in path):
            continue
        if method == "PUT":
            told.add(path)
        kept.append((method, path))
    return kept
