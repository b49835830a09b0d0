"""What a look asks for, and whole runs."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from typing import Any

import pytest

from factory.nifi import errors
from factory.nifi.calls import groups
from factory.nifi.client import AsyncClient, Client, Shared
from factory.nifi.job import Job, Patience, Prepared
from factory.nifi.poll import look, waiting, waiting_async
from factory.nifi.run import hold, report, restore, start, stop
from factory.nifi.server import Server, UserPassword
from factory.nifi.wait import Missed, Rules, Sample, State, Verdict, step
from tests.nifi import fake
from tests.nifi.conftest import Orders
from tests.nifi.driving import begin, prepare, without_polls
from tests.nifi.fake import Load
from tests.nifi.http_server import Reply

HASTE = Patience(start=0.2, services=0.2, validation=0.2, look=0.02)
RULES = Rules(poll_interval=1, grace=20, stall_timeout=30, timeout=300, unreachable_timeout=20)


def _begin(orders: Orders, **options: Any) -> tuple[Prepared, State]:
    job = Job("Lake/Orders", **options)
    prepared, begun = orders.client.run(begin(orders.server, job, patience=HASTE))
    orders.group.looks = 0
    orders.nifi.calls.clear()
    return prepared, begun.state


def _wait(
    orders: Orders, prepared: Prepared, state: State, rules: Rules = RULES
) -> tuple[State, Verdict]:
    """Wait in no time: the clock goes on by a second with each look."""
    seconds = iter(range(1, 1000))
    looks = waiting(
        orders.client,
        prepared,
        rules,
        state,
        clock=lambda: float(next(seconds)),
        sleep=lambda _: None,
    )
    *_, (state, _, verdict) = looks
    assert verdict
    return state, verdict


def _look(
    orders: Orders, prepared: Prepared, state: State, rules: Rules = RULES
) -> Sample | Missed:
    return orders.client.run(look(prepared, rules, state))


def test_a_look_is_one_request(orders: Orders) -> None:
    prepared, state = _begin(orders)
    orders.nifi.bulletin(orders.group, "slow", "WARNING")
    sample = _look(orders, prepared, state)
    assert isinstance(sample, Sample)
    assert (sample.running, sample.load.threads) == (2, 1)
    assert [each.message for each in sample.bulletins] == ["slow"]
    assert len(orders.nifi.calls) == 1


def test_a_whole_run(orders: Orders) -> None:
    prepared, state = _begin(orders)
    state, verdict = _wait(orders, prepared, state)
    assert verdict.word == "succeeded"
    # the fourth look sees the last rise, three more see nothing
    assert state.polls == 7
    told = orders.client.run(report(prepared, state, 9.5))
    assert (told.flow_files_in, told.flow_files_out, told.exact) == (3, 3, True)
    assert json.loads(json.dumps(told.to_dict()))["seconds"] == 9.5


def test_a_flow_that_is_faster_than_the_first_look(orders: Orders) -> None:
    orders.group.curve = fake.by_looks([Load(moved=3, sent=3)])
    prepared, state = _begin(orders)
    assert _wait(orders, prepared, state)[1].word == "succeeded"


def test_requests_of_a_whole_run(running: fake.Running) -> None:
    """Each task logs in for itself. Parameters are set, services enabled, a source runs once."""
    nifi = running.nifi
    group = nifi.group("Orders")
    query = nifi.processor(group, "Query")
    nifi.processor(group, "Put", "Controller Service 'Pool' is disabled")
    nifi.connection(group, "Put", "failure", "Funnel")
    nifi.service(group, "Pool")
    nifi.parameters(group, day="2024-01-01")
    server = Server(running.url, UserPassword(fake.USER, fake.PASSWORD))
    job = Job(
        "Orders",
        {"day": "2024-01-02"},
        source="run_once",
        sources=("Query",),
        failure_connections=("failure",),
    )
    with Client(server) as client:
        prepared, seen = client.run(prepare(server, job))
    with Client(server) as client:
        looked = client.run(groups.look(prepared.group_id))
        owner, now = hold.Owner("orders/monday/lake", "aaaa"), time.time()
        claimed = client.run(hold.claim(prepared, seen, looked, owner, now))
        state = client.run(start(job, claimed, now, HASTE)).state
    before = len(nifi.calls)
    assert query.once == 1

    async def wait() -> State:
        async with AsyncClient(server) as client:
            rules = replace(RULES, poll_interval=0.01)
            async for last, _, verdict in waiting_async(client, prepared, rules, state):
                if verdict:
                    assert verdict.ok
                    await client.run(report(prepared, last, 9))
                    return last
        raise AssertionError("no verdict")

    last = asyncio.run(wait())
    assert len(nifi.calls) - before == last.polls + 2
    with Client(server) as client:
        marked = client.run(hold.current(claimed.hold))
        assert marked
        client.run(stop(prepared.group_id, HASTE))
        client.run(hold.release(marked))
    assert len(without_polls(nifi.calls)) == 20
    assert len(nifi.calls) == 20 + last.polls + 5  # set, enabled, valid, running, stopped


def test_all_bulletins_are_asked_for_when_there_are_many(orders: Orders) -> None:
    prepared, state = _begin(orders)
    inner = orders.nifi.group("Inner", orders.group.id)
    sort = orders.nifi.processor(inner, "Sort", state="RUNNING")
    orders.nifi.bulletin(inner, "no space left", source=sort.id)
    for _ in range(6):
        orders.nifi.bulletin(orders.group, "slow", "WARNING", source=orders.put.id)
    sample = _look(orders, prepared, state)
    assert isinstance(sample, Sample)
    assert sample.bulletins[0].message == "no space left"
    assert len(sample.bulletins) == 7
    _, verdict = step(RULES, state, sample, 1)
    assert verdict
    assert verdict.word == "bulletin"


def test_all_bulletins_are_counted_where_they_only_warn(orders: Orders) -> None:
    rules = replace(RULES, bulletins="warn")
    prepared, state = _begin(orders)
    for _ in range(7):
        orders.nifi.bulletin(orders.group, "no space left", source=orders.put.id)
    sample = _look(orders, prepared, state, rules)
    state, verdict = step(rules, state, sample, 1)
    assert (state.warnings, verdict) == (7, None)


def test_bulletins_of_services_leave_no_marks(orders: Orders) -> None:
    prepared, state = _begin(orders)
    pool = orders.nifi.service(orders.group, "Pool")
    for _ in range(6):
        orders.nifi.bulletin(orders.group, "slow", "WARNING", source=orders.put.id)
    orders.nifi.bulletin(orders.group, "slow too", "WARNING", source=pool.id)
    sample = _look(orders, prepared, state)
    state, _ = step(RULES, state, sample, 1)
    assert state.warnings == 0
    again = _look(orders, prepared, state)
    assert isinstance(again, Sample)
    assert again.bulletins == ()


def test_old_bulletins_do_not_count(orders: Orders) -> None:
    orders.nifi.bulletin(orders.group, "yesterday's trouble")
    prepared, state = _begin(orders)
    sample = _look(orders, prepared, state)
    assert isinstance(sample, Sample)
    assert sample.bulletins == ()


def test_an_error(orders: Orders) -> None:
    prepared, state = _begin(orders)
    orders.nifi.bulletin(orders.group, "access denied")
    _, verdict = _wait(orders, prepared, state)
    assert verdict.message.startswith("Put reports ERROR: access denied. Correct")


def test_failure_connections(orders: Orders) -> None:
    failed = orders.nifi.connection(orders.group, "Put", "failure", "Funnel")
    failed.queued = 2
    busy, rest = Load(queued=2, threads=1, moved=5), Load(queued=2, moved=5)
    orders.group.curve = fake.by_looks([busy, busy, rest])
    prepared, state = _begin(orders, failure_connections=("Put/failure",))
    _, verdict = _wait(orders, prepared, state)
    assert verdict.word == "failure_connection"
    assert "2 in Put → Funnel (failure)" in verdict.message
    # only while nothing runs
    assert orders.nifi.count("GET", "/status") == 3


def test_a_stopped_processor_is_named(orders: Orders) -> None:
    prepared, state = _begin(orders)
    orders.put.state = "STOPPED"
    _, verdict = _wait(orders, prepared, state)
    assert verdict.word == "stopped"
    assert f"'Put' ({orders.put.id}) is stopped" in verdict.message
    assert orders.nifi.count("GET", "/processors") == 1


def test_a_source_that_ran_once_is_not_to_blame(orders: Orders) -> None:
    prepared, state = _begin(orders, source="run_once", sources=("Query",))
    orders.put.state = "STOPPED"
    _, verdict = _wait(orders, prepared, state)
    assert verdict.word == "stopped"
    assert f"'Put' ({orders.put.id}) is stopped" in verdict.message
    assert "'Query'" not in verdict.message


def test_an_invalid_processor_is_named(orders: Orders) -> None:
    prepared, state = _begin(orders)
    orders.put.state, orders.put.errors = "STOPPED", ["'Bucket' is required"]
    _, verdict = _wait(orders, prepared, state)
    assert verdict.word == "invalid"
    assert f"'Put' ({orders.put.id}) is invalid: 'Bucket' is required" in verdict.message


def test_a_source_is_stopped_and_the_rest_drained(orders: Orders) -> None:
    orders.group.curve = lambda looks, _: Load(queued=max(0, 6 - looks), moved=looks)
    prepared, state = _begin(orders, source="drain", sources=("Query",))
    orders.group.curve = lambda looks, _: Load(queued=max(0, 6 - looks), moved=min(looks, 6))
    rules = replace(RULES, source_time=3)
    state, verdict = _wait(orders, prepared, state, rules)
    assert verdict.word == "succeeded"
    assert orders.source.state == "STOPPED"
    assert orders.put.state == "RUNNING"
    assert orders.nifi.count("PUT", "/run-status") == 1


def test_a_token_that_expires_in_the_middle(orders: Orders) -> None:
    prepared, state = _begin(orders)
    _look(orders, prepared, state)
    orders.nifi.expire_tokens()
    _, verdict = _wait(orders, prepared, state)
    assert verdict.ok
    assert orders.nifi.count("POST", "/access/token") == 1


def test_a_password_that_is_changed_in_the_middle(orders: Orders) -> None:
    prepared, state = _begin(orders)
    orders.nifi.expire_tokens()
    orders.nifi.password = "another"
    with pytest.raises(errors.BadCredentials):
        _look(orders, prepared, state)


def test_nifi_is_restarted(running: fake.Running, orders: Orders) -> None:
    prepared, state = _begin(orders)
    orders.nifi.bulletin(orders.group, "slow", "WARNING")
    state, _ = step(RULES, state, _look(orders, prepared, state), 1)
    running.http.stop()
    sample = _look(orders, prepared, state)
    assert isinstance(sample, Missed)
    assert "did not answer" in sample.reason
    state, verdict = step(RULES, state, sample, 2)
    assert verdict is None
    running.nifi.restarted()
    running.http.start()
    orders.nifi.bulletin(orders.group, "slow again", "WARNING")
    sample = _look(orders, prepared, state)
    assert isinstance(sample, Sample)
    assert [each.message for each in sample.bulletins] == ["slow again"]
    state, _ = step(RULES, state, sample, 3)
    assert _wait(orders, prepared, state)[1].ok


def test_nifi_is_gone_for_good(running: fake.Running, orders: Orders) -> None:
    prepared, state = _begin(orders)
    running.http.stop()
    _, verdict = _wait(orders, prepared, state)
    assert verdict.word == "unreachable"


@pytest.mark.parametrize(
    "reply", [Reply(503), Reply(409, "voting"), Reply(500, "oops"), Reply(200, "<html>wait</html>")]
)
def test_a_nifi_that_starts(orders: Orders, reply: Reply) -> None:
    prepared, state = _begin(orders)
    orders.nifi.fault("GET", "/process-groups", reply, times=2)
    assert isinstance(_look(orders, prepared, state), Missed)
    assert len(orders.nifi.calls) <= 2


def test_a_nifi_that_signs_no_tokens_yet(orders: Orders) -> None:
    prepared, state = _begin(orders)
    orders.nifi.expire_tokens()
    orders.nifi.fault("POST", "/access/token", fake.NO_KEY_YET, times=4)
    assert isinstance(_look(orders, prepared, state), Missed)
    assert isinstance(_look(orders, prepared, state), Sample)


def test_a_group_that_is_deleted(orders: Orders) -> None:
    prepared, state = _begin(orders)
    del orders.nifi.groups[orders.group.id]
    with pytest.raises(errors.Missing, match="Was it deleted"):
        _look(orders, prepared, state)
    away = replace(state, missed=1.0)
    assert isinstance(_look(orders, prepared, away), Missed)


def test_a_version_that_tells_no_load_with_the_group(orders: Orders) -> None:
    prepared, state = _begin(orders)
    entity = orders.nifi._entity(orders.group)
    entity["status"] = {}
    orders.nifi.fault("GET", "/process-groups/", Reply(200, entity))
    sample = _look(orders, prepared, state)
    assert isinstance(sample, Sample)
    assert sample.load.threads == 1
    assert len(orders.nifi.calls) == 2


def test_restored_and_stopped_after_all(orders: Orders) -> None:
    orders.nifi.parameters(orders.group, day="2024-01-01")
    prepared, _ = _begin(orders, parameters={"day": "2024-01-02"})
    orders.client.run(stop(prepared.group_id, HASTE))
    orders.client.run(restore(prepared))
    assert orders.client.run(stop(prepared.group_id, HASTE)).terminated == ()


def test_many_waits_share_a_client(running: fake.Running) -> None:
    nifi = running.nifi
    names = [f"Flow {number}" for number in range(100)]
    for name in names:
        nifi.processor(nifi.group(name), "Put")
    server = Server(running.url, UserPassword(fake.USER, fake.PASSWORD))
    rules = replace(RULES, poll_interval=0.05)
    shared = Shared()

    async def one(name: str) -> bool:
        async with shared.lease(server) as client:
            job = Job(nifi_id[name])
            prepared, begun = await client.run(begin(server, job, time.time(), HASTE))
            async for _, _, verdict in waiting_async(client, prepared, rules, begun.state):
                if verdict:
                    return verdict.ok
        return False

    async def all_of_them() -> list[bool]:
        return await asyncio.gather(*map(one, names))

    nifi_id = {group.name: group.id for group in nifi.groups.values()}
    assert asyncio.run(all_of_them()) == [True] * 100
    assert nifi.count("POST", "/access/token") == 1
