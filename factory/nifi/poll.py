"""One look of the wait: one request, and more only where the first calls for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator

from factory.nifi import errors
from factory.nifi.calls import bulletins, groups, processors
from factory.nifi.client import AsyncClient, Client
from factory.nifi.flow import Flow
from factory.nifi.job import Prepared
from factory.nifi.model import Bulletin, Group, Load
from factory.nifi.older import older
from factory.nifi.wait import Missed, Rules, Sample, State, Verdict, step
from factory.nifi.wait.state import marks

_ATTEMPTS = 2
"""The next look comes anyway."""
_SHOWN = 5
"""As many bulletins come with a group at most."""


def look(prepared: Prepared, rules: Rules, state: State) -> Flow[Sample | Missed]:
    """What the group does now. That NiFi is away is an answer too.

    :raises NiFiError: the group is gone, the login is refused: the next look would not help.
    """
    try:
        return (yield from _look(prepared, rules, state))
    except errors.Unreachable as error:
        return Missed(error.message)
    except errors.UnexpectedAnswer as error:
        return Missed(error.message)  # a proxy's page while NiFi starts
    except errors.Rejected as error:
        # a NiFi that starts answers 409, a broken one 500; 404 then, before its flow is loaded
        if error.status >= 500 or error.status == 409 or state.missed is not None:
            return Missed(error.message)
        raise


def _look(prepared: Prepared, rules: Rules, state: State) -> Flow[Sample]:
    stopped = 0
    if state.stop_sources:
        for processor_id in prepared.sources.values():
            yield from processors.stop(processor_id)
        stopped = len(prepared.sources)
    group = yield from groups.look(prepared.group_id, attempts=_ATTEMPTS)
    found = yield from _bulletins(rules, state, group)
    load = group.load or Load()
    if state.always_on:
        load, left = yield from older(prepared, state, load)
    else:
        left = yield from _left(prepared, group)
    expected = state.expected - stopped
    detail = yield from _detail(prepared, state, group, expected)
    return Sample(
        running=group.running,
        invalid=group.invalid,
        load=load,
        bulletins=found,
        left=left,
        detail=detail,
        sources_stopped=stopped,
    )


def _bulletins(rules: Rules, state: State, group: Group) -> Flow[tuple[Bulletin, ...]]:
    """The new ones. When there are more than come with the group, the board has them."""
    new = state.unseen(group.bulletins)
    enough = rules.bulletins == "ignore" or (
        rules.bulletins == "fail" and any(map(rules.matters, new))
    )
    if enough or len(new) < _SHOWN:
        return new
    known = yield from processors.within(group.id)
    ids = sorted({group.id, *(each.group_id for each in known)})
    oldest = min((state.marks.get(node, (-1, ""))[0] for node in marks(new)), default=-1)
    board = yield from bulletins.after(oldest, ids, attempts=_ATTEMPTS)
    # the board also has those of services, which don't come with the group: a mark that is one of
    # theirs would look like one of another life of NiFi
    sources = {each.id for each in known}
    more = [each for each in board if each.source_id in sources]
    return tuple(dict.fromkeys((*state.unseen(more), *new)))


def _left(prepared: Prepared, group: Group) -> Flow[tuple[tuple[str, int], ...]]:
    """What lies in failure connections; asked only while nothing runs and something is queued."""
    load = group.load
    if not prepared.failures or load is None or not load.queued or load.threads:
        return ()
    known = yield from groups.connections(group.id, attempts=_ATTEMPTS)
    queued = {each.id: each.queued for each in known}
    left = ((label, queued.get(each, 0)) for each, label in prepared.failures)
    return tuple((label, number) for label, number in left if number)


def _detail(prepared: Prepared, state: State, group: Group, expected: int) -> Flow[str]:
    """Which processors do not run and should, where a verdict may come of it."""
    if not state.short or (group.running >= expected and not group.invalid):
        return ""
    known = yield from processors.within(group.id)
    ended = prepared.sources.values() if state.sources == "ended" else ()
    odd = processors.idle(known, tuple(ended))
    return errors.named(
        [
            f"{each} is {'invalid' if each.validation == 'INVALID' else each.state.lower()}"
            f"{': ' if each.errors else ''}{'; '.join(each.errors)}"
            for each in odd
        ]
    )


def waiting(
    client: Client,
    prepared: Prepared,
    rules: Rules,
    state: State,
    *,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[tuple[State, Sample | Missed, Verdict | None]]:
    """Look and sleep until there is a verdict; each look is yielded."""
    while True:
        sample = client.run(look(prepared, rules, state))
        state, verdict = step(rules, state, sample, clock())
        yield state, sample, verdict
        if verdict:
            return
        sleep(rules.poll_interval)


async def waiting_async(
    client: AsyncClient, prepared: Prepared, rules: Rules, state: State
) -> AsyncIterator[tuple[State, Sample | Missed, Verdict | None]]:
    """The same in an event loop."""
    while True:
        begun = time.monotonic()
        sample = await client.run(look(prepared, rules, state))
        state, verdict = step(rules, state, sample, time.time())
        yield state, sample, verdict
        if verdict:
            return
        await asyncio.sleep(max(rules.poll_interval - (time.monotonic() - begun), 0))
