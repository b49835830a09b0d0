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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from factory.nifi import errors, model
from factory.nifi.calls import groups, processors
from factory.nifi.flow import Flow, Request, ask
from factory.nifi.job import Prepared
from factory.nifi.model import Group, Processor

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
    group: Group
    again: bool = False


@dataclass(frozen=True)
class Keeper:
    """The processor that carries the mark: the same one for all. `client` marked it last."""

    processor_id: str = ""
    version: int = 0
    client: str = ""
    state: str = ""

    @property
    def who(self) -> str:
        """The run that did, if one did."""
        found = _MARK.fullmatch(self.client)
        return found["who"] if found else ""

    def held_by(self, owner: Owner) -> Hold:
        """What a run has in hand, from an earlier try; empty when it has nothing."""
        found = _MARK.fullmatch(self.client)
        mine = found is not None and found["key"] == owner.key
        return Hold(self.processor_id, self.client) if mine else Hold()

    def is_reserved(self, now: float) -> bool:
        """A run has claimed the group, and may be about to start it."""
        found = _MARK.fullmatch(self.client)
        return found is not None and now - float(found["time"]) < CLAIM

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for XCom."""
        return dict(vars(self))


def keeper(known: Sequence[Processor]) -> Keeper:
    """The one of a group's processors; without any, there is none."""
    able = [each for each in known if each.state != "DISABLED"]
    return _keeper(min(able, key=lambda each: each.id)) if able else Keeper()


def drivers(known: Sequence[Processor]) -> list[str]:
    """Who has marked any of a group's processors: of a group in it, another carries the mark."""
    return [who for each in known if (who := _keeper(each).who)]


def claim(
    prepared: Prepared, seen: Keeper, group: Group, owner: Owner, now: float
) -> Flow[Claimed]:
    """Claim the group, as it was looked at just now, for this run, unless another has.

    `seen` is what the preflight saw. NiFi takes a claim that names its revision only if nothing
    has happened since.

    :raises AlreadyRunning: another run drives it, or is about to.
    """
    if not seen.processor_id:
        return Claimed(Hold(), prepared, group)
    claimed = yield from _try(prepared, seen, group, owner, now)
    if claimed is not None:
        return claimed
    current = yield from _look(seen.processor_id)
    hold = current.held_by(owner)
    if hold.mark:
        return Claimed(hold, _counted(prepared, hold, seen.version + 1), group, again=True)
    group = yield from groups.look(group.id)
    claimed = yield from _try(prepared, current, group, owner, now)
    if claimed is not None:
        return claimed
    raise _held(prepared, (yield from _look(seen.processor_id)))


def _try(
    prepared: Prepared, seen: Keeper, group: Group, owner: Owner, now: float
) -> Flow[Claimed | None]:
    """Set the mark; None where it is another's, or somebody was faster."""
    if group.running or seen.is_reserved(now):
        return None
    mark = owner.mark(now)
    try:
        after = yield from _set_mark(seen, mark)
    except errors.StaleRevision:
        return None
    except errors.Unreachable as error:
        if not error.sent:
            raise
        after = yield from _look(seen.processor_id)
        if after.client != mark:
            raise
    # a NiFi, or a proxy, may keep none
    hold = Hold(seen.processor_id, mark if after.client == mark else "")
    counted = _counted(prepared, hold, after.version)
    return Claimed(hold if hold.mark else Hold(), counted, group)


def _counted(prepared: Prepared, hold: Hold, version: int) -> Prepared:
    """The claim counts the revision up."""
    if hold.processor_id not in prepared.revisions:
        return prepared
    client = {"clientId": hold.mark} if hold.mark else {}
    revision = {"version": version, **client}
    return replace(prepared, revisions={**prepared.revisions, hold.processor_id: revision})


def current(hold: Hold) -> Flow[Keeper | None]:
    """Who has marked the group now; None when another run has taken it over.

    A person who touched it, or a restart of NiFi, has not.
    """
    if not hold.processor_id:
        return Keeper()
    try:
        found = yield from _look(hold.processor_id)
    except errors.Missing:
        return Keeper()
    return None if found.who and found.client != hold.mark else found


def taken(processor_id: str, owner: Owner) -> Flow[Keeper | None]:
    """The mark that an earlier task of this run has set and could not tell of; None without one."""
    try:
        found = (yield from _look(processor_id)) if processor_id else Keeper()
    except errors.Missing:
        return None
    return found if found.held_by(owner).mark else None


def release(seen: Keeper) -> Flow[None]:
    """Give back a group that was stopped since its keeper was seen; a stop counts up once.

    Whoever has taken it over meanwhile keeps it.
    """
    if not seen.who:
        return
    stopped = replace(seen, version=seen.version + (seen.state == "RUNNING"), state="STOPPED")
    try:
        try:
            yield from _set_mark(stopped, FREE)
        except errors.StaleRevision:
            found = yield from _look(seen.processor_id)
            if found.client == seen.client:
                yield from _set_mark(found, FREE)
    except (errors.StaleRevision, errors.Missing, errors.Conflict):
        return


def _look(processor_id: str) -> Flow[Keeper]:
    return _keeper((yield from processors.one(processor_id)))


def _keeper(processor: Processor) -> Keeper:
    revision = processor.revision
    return Keeper(
        processor.id, revision.get("version", 0), revision.get("clientId") or "", processor.state
    )


def _set_mark(seen: Keeper, mark: str) -> Flow[Keeper]:
    if seen.state != "STOPPED":
        raise errors.StaleRevision(f"{seen.processor_id} is {seen.state}")
    body = {"revision": {"version": seen.version, "clientId": mark}, "state": "STOPPED"}
    path = f"/processors/{seen.processor_id}/run-status"
    return _keeper(model.processor((yield from ask(Request("PUT", path, json=body)))))


def _held(prepared: Prepared, current: Keeper) -> errors.AlreadyRunning:
    return errors.AlreadyRunning(
        f"the process group {prepared.name!r} ({prepared.group_id}) is driven by "
        f"{current.who or 'another run, or a person'}",
        "With `retries` the step waits its turn; better, let one pipeline with "
        "`max_active_runs: 1` drive it",
    )
