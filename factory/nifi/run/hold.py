"""One run at a time: a claim on a group, kept by NiFi itself.

NiFi stores with the revision of a component who changed it last (`clientId`), and refuses a change
that names an old revision. So setting a stopped processor to STOPPED with one's own mark changes
nothing but the mark, and of two runs that try, one gets it. It takes the right to operate, no more,
and leaves no trace in the flow. While the group runs, that is the lock, and the mark tells whose
run it is. On a group that rests, a mark is void after some minutes: what is between the claim and
the start takes no longer, so a run that was killed blocks nobody. NiFi forgets marks at a restart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from factory.nifi import errors, model
from factory.nifi.calls import groups, processors
from factory.nifi.flow import Flow, Request, ask
from factory.nifi.job import Prepared
from factory.nifi.model import Processor

CLAIM = 900.0
"""Seconds from the claim to the start, at most."""
FREE = "airflow:free"
_MARK = re.compile(r"airflow:(?P<who>.*)#(?P<key>[0-9a-f]+)@(?P<time>\d+)")


@dataclass(frozen=True)
class Owner:
    """Who drives a group: `who` (pipeline/run/step) for people, `key` for us.

    Both are the same at every try of a run.
    """

    who: str
    key: str

    def is_of_run(self, who: str) -> bool:
        """Whether that is a step of the same run."""
        return who.rpartition("/")[0] == self.who.rpartition("/")[0]

    def mark(self, now: float) -> str:
        """What NiFi stores."""
        return f"airflow:{self.who}#{self.key}@{now:.0f}"


@dataclass(frozen=True)
class Hold:
    """A claim: the processor that carries the mark, and the mark. Without both, there is none."""

    processor_id: str = ""
    mark: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for XCom."""
        return dict(vars(self))


@dataclass(frozen=True)
class Claimed:
    """`again`: an earlier try of this run had claimed it. `prepared` knows the new revision."""

    hold: Hold
    prepared: Prepared
    again: bool = False


@dataclass(frozen=True)
class Keeper:
    """The processor that carries the mark: the same one for all. `who` marked it last, if known."""

    processor_id: str = ""
    who: str = ""
    hold: Hold = Hold()
    """What this run has in hand, from an earlier try."""


def keeper(group_id: str, owner: Owner) -> Flow[Keeper]:
    """Look at the mark of a group; there is none when it has no processor."""
    known = yield from processors.within(group_id)
    able = [each for each in known if each.state != "DISABLED"]
    if not able:
        return Keeper()
    first = min(able, key=lambda each: each.id)
    found = _MARK.fullmatch(_client(first))
    held = Hold(first.id, _client(first)) if _is(owner, first) else Hold()
    return Keeper(first.id, found["who"] if found else "", held)


def claim(prepared: Prepared, processor_id: str, owner: Owner, now: float) -> Flow[Claimed]:
    """Claim the group for this run, unless another has.

    :raises AlreadyRunning: another run drives it, or is about to.
    """
    if not processor_id:
        return Claimed(Hold(), prepared)
    current = yield from processors.one(processor_id)
    if _is(owner, current):
        hold = Hold(processor_id, _client(current))
        return Claimed(hold, _counted(prepared, processor_id), again=True)
    yield from _refuse(prepared, current, now)
    mark = owner.mark(now)
    try:
        after = yield from _set_mark(current, mark)
    except errors.StaleRevision:
        current = yield from processors.one(processor_id)
        raise _held(prepared, current) from None
    except errors.Unreachable as error:
        if not error.sent:
            raise
        after = yield from processors.one(processor_id)
        if _client(after) != mark:
            raise
    if _client(after) != mark:  # a NiFi, or a proxy, that keeps none
        return Claimed(Hold(), _counted(prepared, processor_id))
    return Claimed(Hold(processor_id, mark), _counted(prepared, processor_id))


def _refuse(prepared: Prepared, current: Processor, now: float) -> Flow[None]:
    group = yield from groups.look(prepared.group_id)
    found = _MARK.fullmatch(_client(current))
    fresh = found is not None and now - float(found["time"]) < CLAIM
    if group.running or fresh:
        raise _held(prepared, current)


def _counted(prepared: Prepared, processor_id: str) -> Prepared:
    """The claim counts the revision up by one."""
    if processor_id not in prepared.versions:
        return prepared
    version = prepared.versions[processor_id] + 1
    return replace(prepared, versions={**prepared.versions, processor_id: version})


def is_held(hold: Hold) -> Flow[bool]:
    """No other run has taken the group over. A person who touched it, or a restart, did not."""
    if not hold.processor_id:
        return True
    try:
        client = _client((yield from processors.one(hold.processor_id)))
    except errors.Missing:
        return True
    return client == hold.mark or _MARK.fullmatch(client) is None


def taken(processor_id: str, owner: Owner) -> Flow[Hold]:
    """The claim of an earlier task of this run that could not tell of it; empty without one."""
    try:
        current = (yield from processors.one(processor_id)) if processor_id else None
    except errors.Missing:
        current = None
    if current is not None and _is(owner, current):
        return Hold(processor_id, _client(current))
    return Hold()


def release(hold: Hold) -> Flow[None]:
    """Give a group that was stopped back; whoever has taken it over keeps it."""
    if not hold.processor_id:
        return
    try:
        current = yield from processors.one(hold.processor_id)
        if _client(current) == hold.mark and current.state == "STOPPED":
            yield from _set_mark(current, FREE)
    except (errors.StaleRevision, errors.Missing, errors.Conflict):
        return


def _set_mark(current: Processor, mark: str) -> Flow[Processor]:
    if current.state != "STOPPED":
        raise errors.StaleRevision(f"{current} is {current.state}")
    revision: Mapping[str, Any] = {"version": current.revision.get("version", 0), "clientId": mark}
    body = {"revision": dict(revision), "state": "STOPPED"}
    path = f"/processors/{current.id}/run-status"
    return model.processor((yield from ask(Request("PUT", path, json=body))))


def _client(processor: Processor) -> str:
    return processor.revision.get("clientId") or ""


def _is(owner: Owner, processor: Processor) -> bool:
    found = _MARK.fullmatch(_client(processor))
    return found is not None and found["key"] == owner.key


def _held(prepared: Prepared, current: Processor) -> errors.AlreadyRunning:
    found = _MARK.fullmatch(_client(current))
    by = found["who"] if found else "another run, or a person"
    return errors.AlreadyRunning(
        f"the process group {prepared.name!r} ({prepared.group_id}) is driven by {by}",
        "Wait until that is done (`retries` does), and let one pipeline with `max_active_runs: 1` "
        "drive it",
    )
