"""Processors: list, run once, stop, end their threads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from factory.nifi import errors, model
from factory.nifi.flow import Flow, Request, ask, get
from factory.nifi.model import Processor

_REVISIONS = 4


def within(group_id: str) -> Flow[tuple[Processor, ...]]:
    """All processors of the group and those below."""
    params = {"includeDescendantGroups": "true"}
    told = yield from get(f"/process-groups/{group_id}/processors", params)
    return tuple(model.processor(entity) for entity in told.get("processors") or ())


def one(processor_id: str) -> Flow[Processor]:
    """One processor as it is now."""
    return model.processor((yield from get(f"/processors/{processor_id}")))


def named(processors: Sequence[Processor], wanted: str) -> Processor:
    """The one with that id or name."""
    found = [each for each in processors if wanted in (each.id, each.name)]
    if len(found) == 1:
        return found[0]
    if found:
        ids = [each.id for each in found]
        raise errors.Ambiguous(
            f"{len(found)} processors are named {wanted!r}: {', '.join(ids)}",
            "Rename one in NiFi, or give the id",
            ids=ids,
        )
    known = {each.name for each in processors}
    raise errors.UnknownProcessor(
        f"the process group has no processor {wanted!r}",
        errors.suggestion(wanted, known),
        near=errors.nearest(wanted, known),
    )


def at_rest(processors: Sequence[Processor]) -> dict[str, Mapping[str, Any]]:
    """The revisions of those that can be started, by id."""
    return {each.id: each.revision for each in processors if each.state == "STOPPED"}


def idle(processors: Sequence[Processor], meant: Collection[str]) -> list[Processor]:
    """Those that do not run and should; `meant` are ids of those that are meant to rest."""
    resting = [each for each in processors if each.state not in ("RUNNING", "DISABLED")]
    return [each for each in resting if each.id not in meant]


def run_once(processor_id: str, revision: Mapping[str, Any]) -> Flow[None]:
    """Let it do its work one time; `revision` as it was seen last.

    When the answer is lost, the revision tells whether it was heard: NiFi counts it up.
    """
    try:
        yield from _set_state(processor_id, revision, "RUN_ONCE")
    except errors.Unreachable as error:
        if not error.sent:
            raise
        after = (yield from one(processor_id)).revision
        if after.get("version") == revision.get("version"):
            yield from _set_state(processor_id, after, "RUN_ONCE")
    except errors.StaleRevision:
        yield from set_state(processor_id, "RUN_ONCE")


def stop(processor_id: str) -> Flow[None]:
    """Stop one processor; its threads may still run for a while."""
    yield from set_state(processor_id, "STOPPED", already="STOPPED")


def set_state(processor_id: str, state: str, *, already: str = "") -> Flow[None]:
    """Set it with the fresh revision, again when someone else was faster."""
    for last in (False,) * (_REVISIONS - 1) + (True,):
        current = yield from one(processor_id)
        if current.state == already:
            return
        try:
            yield from _set_state(processor_id, current.revision, state)
        except errors.StaleRevision:
            if last:
                raise
        else:
            return


def _set_state(processor_id: str, revision: Mapping[str, Any], state: str) -> Flow[None]:
    path = f"/processors/{processor_id}/run-status"
    body = {"revision": dict(revision), "state": state}
    yield from ask(Request("PUT", path, json=body, on_conflict=state == "STOPPED"))


def terminate(processor_id: str) -> Flow[None]:
    """End the threads of a stopped processor; its flow files stay."""
    yield from ask(Request("DELETE", f"/processors/{processor_id}/threads", repeat=True))


def listed(
    processors: Sequence[Processor], line: Callable[[Processor], str] = str, most: int = 10
) -> str:
    """Some processors, one a line."""
    lines = [f"\n  {line(each)}" for each in processors[:most]]
    more = len(processors) - most
    return "".join(lines) + (f"\n  and {more} more" if more > 0 else "")
