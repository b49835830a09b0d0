"""Of two runs that want one group, one gets it."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from factory.nifi import errors
from factory.nifi.client import Client
from factory.nifi.flow import Flow, Pause, Request
from factory.nifi.job import Job, Prepared
from factory.nifi.run import hold, preflight, start, stop
from factory.nifi.run.hold import CLAIM, Hold, Owner, claim, keeper, release
from tests.nifi.conftest import Orders
from tests.nifi.http_server import Reply

A, B = Owner("orders/monday/lake", "aaaa"), Owner("copy/monday/lake", "bbbb")
JOB = Job("Lake/Orders")
NOW = 1_700_000_000.0


def prepare(client: Client, job: Job = JOB) -> tuple[Prepared, str]:
    prepared = client.run(preflight(client.server, job))
    return prepared, client.run(keeper(prepared.group_id, A)).processor_id


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
    prepared, processor_id = prepare(orders.client)
    first, second = in_turns(
        orders.client,
        claim(prepared, processor_id, A, NOW),
        claim(prepared, processor_id, B, NOW),
    )
    assert first.hold.mark == A.mark(NOW)
    assert isinstance(second, errors.AlreadyRunning)
    assert "driven by orders/monday/lake" in second.message


def test_of_many_real_runs_one_starts_the_group(orders: Orders) -> None:
    def run(number: int) -> str:
        with Client(orders.server) as client:
            owner = Owner(f"copy/{number}/lake", f"{number:04x}")
            try:
                prepared, processor_id = prepare(client)
                claimed = client.run(claim(prepared, processor_id, owner, NOW))
                client.run(start(JOB, claimed.prepared, NOW))
            except errors.AlreadyRunning:
                return ""
            return claimed.hold.mark

    with ThreadPoolExecutor(4) as pool:
        marks = [mark for mark in pool.map(run, range(4)) if mark]
    assert len(marks) == 1
    assert orders.nifi.processors[min(orders.nifi.processors)].client == marks[0]
    assert orders.nifi.count("PUT", "/flow/process-groups") == 1


def test_another_try_of_the_same_run_goes_on(orders: Orders) -> None:
    prepared, processor_id = prepare(orders.client)
    first = orders.client.run(claim(prepared, processor_id, A, NOW))
    again = orders.client.run(claim(prepared, processor_id, A, NOW + 5))
    assert again.again
    assert again.hold == first.hold


def test_the_answer_to_a_claim_is_lost(orders: Orders) -> None:
    prepared, processor_id = prepare(orders.client)
    orders.nifi.fault("PUT", "run-status", Reply(lost=True), after=True)
    assert orders.client.run(claim(prepared, processor_id, A, NOW)).hold.mark == A.mark(NOW)


def test_a_run_that_was_killed_blocks_nobody_for_long(orders: Orders) -> None:
    prepared, processor_id = prepare(orders.client)
    orders.client.run(claim(prepared, processor_id, A, NOW))
    with pytest.raises(errors.AlreadyRunning):
        orders.client.run(claim(prepared, processor_id, B, NOW + CLAIM - 1))
    later = NOW + CLAIM + 1
    assert orders.client.run(claim(prepared, processor_id, B, later)).hold.mark == B.mark(later)


def test_a_group_that_runs_is_nobodys_to_claim(orders: Orders) -> None:
    prepared, processor_id = prepare(orders.client)
    orders.put.state = "RUNNING"
    with pytest.raises(errors.AlreadyRunning, match="another run, or a person"):
        orders.client.run(claim(prepared, processor_id, A, NOW))


def test_it_is_given_back(orders: Orders) -> None:
    prepared, processor_id = prepare(orders.client)
    held = orders.client.run(claim(prepared, processor_id, A, NOW)).hold
    orders.client.run(release(held))
    assert orders.client.run(claim(prepared, processor_id, B, NOW)).hold.mark == B.mark(NOW)
    orders.client.run(release(held))  # is not A's any more
    assert orders.client.run(keeper(prepared.group_id, B)).hold.mark == B.mark(NOW)


def test_a_mark_outlives_start_and_stop_of_the_group(orders: Orders) -> None:
    prepared, processor_id = prepare(orders.client)
    held = orders.client.run(claim(prepared, processor_id, A, NOW)).hold
    orders.client.run(start(JOB, prepared, NOW))
    assert orders.client.run(hold.is_held(held))
    orders.client.run(stop(prepared.group_id))
    assert orders.client.run(keeper(prepared.group_id, A)).hold == held


def test_a_person_who_touches_the_processor_takes_nothing_over(orders: Orders) -> None:
    prepared, processor_id = prepare(orders.client)
    held = orders.client.run(claim(prepared, processor_id, A, NOW)).hold
    keeping = orders.nifi.processors[processor_id]
    keeping.client = "c7a1c0f2-browser"
    assert orders.client.run(hold.is_held(held))
    keeping.client = B.mark(NOW)
    assert not orders.client.run(hold.is_held(held))


def test_a_source_that_keeps_the_mark_still_runs_once(orders: Orders) -> None:
    orders.nifi.members[orders.group.id] = [orders.source, orders.put]
    job = Job("Lake/Orders", source="run_once", sources=("Query",))
    prepared, processor_id = prepare(orders.client, job)
    assert processor_id == orders.source.id
    for _ in range(2):  # the second try, after the first was killed, finds that it ran
        claimed = orders.client.run(claim(prepared, processor_id, A, NOW))
        orders.client.run(start(job, claimed.prepared, NOW))
    assert orders.source.once == 1


def test_a_group_without_processors(orders: Orders) -> None:
    prepared, _ = prepare(orders.client)
    for each in (orders.source, orders.put):
        each.state = "DISABLED"
    found = orders.client.run(keeper(prepared.group_id, A))
    assert found.processor_id == ""
    assert orders.client.run(claim(prepared, "", A, NOW)).hold == Hold()
    assert orders.client.run(hold.is_held(Hold()))
    orders.client.run(release(Hold()))


@pytest.fixture
def restarted(orders: Orders) -> Orders:
    """NiFi forgets who changed what."""
    prepared, processor_id = prepare(orders.client)
    orders.client.run(claim(prepared, processor_id, A, NOW))
    for each in orders.nifi.processors.values():
        each.client, each.version = "", 0
    return orders


def test_nifi_was_restarted(restarted: Orders) -> None:
    held = Hold(min(restarted.nifi.processors), A.mark(NOW))
    assert restarted.client.run(hold.is_held(held))
    assert restarted.client.run(hold.taken(held.processor_id, A)) == Hold()
    restarted.client.run(release(held))


def test_the_keeper_was_deleted(orders: Orders) -> None:
    held = Hold("00000000-0000-1000-0000-00000000dead", A.mark(NOW))
    assert orders.client.run(hold.is_held(held))
    assert orders.client.run(hold.taken(held.processor_id, A)) == Hold()
    orders.client.run(release(held))
