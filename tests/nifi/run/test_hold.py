"""Of two runs that want one group, one gets it."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from factory.nifi import errors
from factory.nifi.calls import groups, processors
from factory.nifi.client import Client
from factory.nifi.flow import Flow, Pause, Request
from factory.nifi.job import Job, Prepared
from factory.nifi.run import hold, start, stop
from factory.nifi.run.hold import CLAIM, Claimed, Hold, Keeper, Owner, claim, keeper, release
from tests.nifi.conftest import Orders
from tests.nifi.driving import prepare
from tests.nifi.http_server import Reply

A, B = Owner("orders/monday/lake", "aaaa"), Owner("copy/monday/lake", "bbbb")
JOB = Job("Lake/Orders")
ONCE = Job("Lake/Orders", source="run_once", sources=("Query",))
NOW = 1_700_000_000.0


def _prepare(client: Client, job: Job = JOB) -> tuple[Prepared, Keeper]:
    return client.run(prepare(client.server, job))


def claiming(prepared: Prepared, seen: Keeper, owner: Owner, now: float = NOW) -> Flow[Claimed]:
    group = yield from groups.look(prepared.group_id)
    return (yield from claim(prepared, seen, group, owner, now))


def look(client: Client, processor_id: str) -> Keeper:
    return client.run(hold._look(processor_id))


def in_turns(client: Client, *flows: Flow[Any]) -> list[Any]:
    """Each flow sends one request after the other's; their results, or errors."""
    results: list[Any] = [None] * len(flows)
    answers: dict[int, Any] = dict.fromkeys(range(len(flows)))
    for turn in itertools.cycle(range(len(flows))):
        if not answers:
            return results
        if turn not in answers:
            continue
        try:
            step = flows[turn].send(answers[turn])
            answers[turn] = client.run(_one(step))
        except StopIteration as end:
            results[turn] = end.value
            del answers[turn]
        except errors.NiFiError as error:
            try:
                step = flows[turn].throw(error)
                answers[turn] = client.run(_one(step))
            except errors.NiFiError as refused:
                results[turn] = refused
                del answers[turn]
    return results


def _one(step: Request | Pause) -> Flow[Any]:
    return (yield step)


def test_of_two_that_looked_at_once_one_gets_it(orders: Orders) -> None:
    prepared, seen = _prepare(orders.client)
    first, second = in_turns(
        orders.client,
        claiming(prepared, seen, A, NOW),
        claiming(prepared, seen, B, NOW),
    )
    assert first.hold.mark == A.mark(NOW)
    assert isinstance(second, errors.AlreadyRunning)
    assert "driven by orders/monday/lake" in second.message


def test_of_many_real_runs_one_starts_the_group(orders: Orders) -> None:
    def run(number: int) -> str:
        with Client(orders.server) as client:
            owner = Owner(f"copy/{number}/lake", f"{number:04x}")
            try:
                prepared, seen = _prepare(client)
                claimed = client.run(claiming(prepared, seen, owner, NOW))
                client.run(start(JOB, claimed, NOW))
            except errors.AlreadyRunning:
                return ""
            return claimed.hold.mark

    with ThreadPoolExecutor(4) as pool:
        marks = [mark for mark in pool.map(run, range(4)) if mark]
    assert len(marks) == 1
    assert orders.nifi.processors[min(orders.nifi.processors)].client == marks[0]
    assert orders.nifi.count("PUT", "/flow/process-groups") == 1


def test_another_try_of_the_same_run_goes_on(orders: Orders) -> None:
    prepared, seen = _prepare(orders.client)
    first = orders.client.run(claiming(prepared, seen, A, NOW))
    again = orders.client.run(claiming(prepared, seen, A, NOW + 5))
    assert again.again
    assert again.hold == first.hold


def test_the_answer_to_a_claim_is_lost(orders: Orders) -> None:
    prepared, seen = _prepare(orders.client)
    orders.nifi.fault("PUT", "run-status", Reply(lost=True), after=True)
    assert orders.client.run(claiming(prepared, seen, A, NOW)).hold.mark == A.mark(NOW)


def test_a_run_that_was_killed_blocks_nobody_for_long(orders: Orders) -> None:
    prepared, seen = _prepare(orders.client)
    orders.client.run(claiming(prepared, seen, A, NOW))
    with pytest.raises(errors.AlreadyRunning):
        orders.client.run(claiming(prepared, seen, B, NOW + CLAIM - 1))
    later = NOW + CLAIM + 1
    assert orders.client.run(claiming(prepared, seen, B, later)).hold.mark == B.mark(later)


def test_a_group_that_runs_is_nobodys_to_claim(orders: Orders) -> None:
    prepared, seen = _prepare(orders.client)
    orders.put.state = "RUNNING"
    with pytest.raises(errors.AlreadyRunning, match="another run, or a person"):
        orders.client.run(claiming(prepared, seen, A, NOW))


def test_it_is_given_back(orders: Orders) -> None:
    prepared, seen = _prepare(orders.client)
    orders.client.run(claiming(prepared, seen, A, NOW))
    marked = look(orders.client, seen.processor_id)
    orders.client.run(release(marked))
    assert orders.client.run(claiming(prepared, seen, B, NOW)).hold.mark == B.mark(NOW)
    orders.client.run(release(marked))  # is not A's any more
    assert look(orders.client, seen.processor_id).client == B.mark(NOW)


def test_a_mark_outlives_start_and_stop_of_the_group(orders: Orders) -> None:
    prepared, seen = _prepare(orders.client)
    claimed = orders.client.run(claiming(prepared, seen, A, NOW))
    orders.client.run(start(JOB, claimed, NOW))
    marked = orders.client.run(hold.current(claimed.hold))
    assert marked
    assert marked.held_by(A) == claimed.hold
    orders.client.run(stop(prepared.group_id))
    assert look(orders.client, seen.processor_id).held_by(A) == claimed.hold


@pytest.mark.parametrize("job", [JOB, ONCE], ids=["all", "run once"])
def test_it_is_given_back_after_the_run_by_one_request(orders: Orders, job: Job) -> None:
    orders.nifi.members[orders.group.id] = [orders.source, orders.put]
    prepared, seen = _prepare(orders.client, job)
    claimed = orders.client.run(claiming(prepared, seen, A))
    orders.client.run(start(job, claimed, NOW))
    marked = orders.client.run(hold.current(claimed.hold))
    assert marked
    orders.client.run(stop(prepared.group_id))
    orders.nifi.calls.clear()
    orders.client.run(release(marked))
    assert look(orders.client, seen.processor_id).client == hold.FREE
    assert [method for method, _ in orders.nifi.calls] == ["PUT", "GET"]


def test_it_is_given_back_although_a_person_touched_the_processor(orders: Orders) -> None:
    prepared, seen = _prepare(orders.client)
    orders.client.run(claiming(prepared, seen, A))
    marked = look(orders.client, seen.processor_id)
    orders.nifi.processors[seen.processor_id].version += 3
    orders.client.run(release(marked))
    assert look(orders.client, seen.processor_id).client == hold.FREE


def test_a_claim_of_what_was_looked_at_just_now_is_one_request(orders: Orders) -> None:
    prepared, seen = _prepare(orders.client)
    orders.nifi.calls.clear()
    orders.client.run(claiming(prepared, seen, A))
    assert [method for method, _ in orders.nifi.calls] == ["GET", "PUT"]


def test_a_processor_that_was_changed_since_the_preflight(orders: Orders) -> None:
    prepared, seen = _prepare(orders.client)
    orders.nifi.processors[seen.processor_id].version += 3
    claimed = orders.client.run(claiming(prepared, seen, A))
    assert claimed.hold.mark == A.mark(NOW)
    orders.client.run(start(JOB, claimed, NOW))


def test_a_group_that_was_started_since_the_look(orders: Orders) -> None:
    prepared, seen = _prepare(orders.client)
    group = orders.client.run(groups.look(prepared.group_id))
    keeping = orders.nifi.processors[seen.processor_id]
    keeping.state, keeping.version = "RUNNING", keeping.version + 1
    with pytest.raises(errors.AlreadyRunning):
        orders.client.run(claim(prepared, seen, group, A, NOW))
    assert keeping.state == "RUNNING"


def test_a_person_who_touches_the_processor_takes_nothing_over(orders: Orders) -> None:
    prepared, seen = _prepare(orders.client)
    held = orders.client.run(claiming(prepared, seen, A, NOW)).hold
    keeping = orders.nifi.processors[seen.processor_id]
    keeping.client = "c7a1c0f2-browser"
    assert orders.client.run(hold.current(held))
    keeping.client = B.mark(NOW)
    assert orders.client.run(hold.current(held)) is None


def test_a_source_that_keeps_the_mark_still_runs_once(orders: Orders) -> None:
    orders.nifi.members[orders.group.id] = [orders.source, orders.put]
    prepared, seen = _prepare(orders.client, ONCE)
    assert seen.processor_id == orders.source.id
    for _ in range(2):  # the second try, after the first was killed, finds that it ran
        claimed = orders.client.run(claiming(prepared, seen, A, NOW))
        orders.client.run(start(ONCE, claimed, NOW))
    assert orders.source.once == 1


def test_a_group_without_processors(orders: Orders) -> None:
    prepared, _ = _prepare(orders.client)
    for each in (orders.source, orders.put):
        each.state = "DISABLED"
    assert keeper(orders.client.run(processors.within(prepared.group_id))) == Keeper()
    assert orders.client.run(claiming(prepared, Keeper(), A)).hold == Hold()
    assert orders.client.run(hold.current(Hold())) == Keeper()
    orders.client.run(release(Keeper()))


@pytest.fixture
def restarted(orders: Orders) -> Orders:
    """NiFi forgets who changed what."""
    prepared, seen = _prepare(orders.client)
    orders.client.run(claiming(prepared, seen, A, NOW))
    for each in orders.nifi.processors.values():
        each.client, each.version = "", 0
    return orders


def test_nifi_was_restarted(restarted: Orders) -> None:
    held = Hold(min(restarted.nifi.processors), A.mark(NOW))
    marked = restarted.client.run(hold.current(held))
    assert marked
    assert marked.client == ""
    assert restarted.client.run(hold.taken(held.processor_id, A)) is None
    restarted.client.run(release(marked))


def test_the_keeper_was_deleted(orders: Orders) -> None:
    held = Hold("00000000-0000-1000-0000-00000000dead", A.mark(NOW))
    assert orders.client.run(hold.current(held)) == Keeper()
    assert orders.client.run(hold.taken(held.processor_id, A)) is None
