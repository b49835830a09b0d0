"""What counts as old in a group that is always on, on a stand-in for NiFi."""

import time
from dataclasses import dataclass, replace

import pytest

from factory.nifi import errors
from factory.nifi.job import Job, Prepared
from factory.nifi.older import RUN
from factory.nifi.poll import look
from factory.nifi.run import handed_over, standby
from factory.nifi.run.preflight import look as find
from factory.nifi.wait import Missed, Rules, Sample
from factory.nifi.wait.state import State
from factory.nifi.wait.step import step
from tests.nifi import fake
from tests.nifi.conftest import Orders
from tests.nifi.fake import FlowFile, Load
from tests.nifi.http_server import Reply

JOB = Job("Lake/Orders", source="always_on", failure_connections=("Put/failure",))
NEW, OLD = -60.0, 60.0
"""Ages: it will come in a minute; it came a minute ago."""


@dataclass
class On:
    """`Lake/Orders` runs, with a connection on its way and one for what failed."""

    orders: Orders
    way: fake.Connection
    failure: fake.Connection

    def stand_by(self) -> Prepared:
        client = self.orders.client
        return client.run(standby(client.server, JOB, client.run(find(JOB))))

    def begin(self, run: str = "") -> tuple[Prepared, State]:
        prepared = self.stand_by()
        return prepared, self.orders.client.run(handed_over(prepared, run, time.time()))

    def queue(self, *files: FlowFile, failed: tuple[FlowFile, ...] = (), threads: int = 0) -> None:
        self.way.files, self.failure.files = list(files), list(failed)
        self.way.queued, self.failure.queued = len(files), len(failed)
        self.way.queued += max(self.way.in_hand, default=0)
        queued = self.way.queued + self.failure.queued
        self.orders.group.curve = fake.by_looks([Load(queued=queued, threads=threads)])

    def look(self, begun: tuple[Prepared, State]) -> Sample:
        found = self.orders.client.run(look(begun[0], Rules(), begun[1]))
        assert isinstance(found, Sample)
        return found


@pytest.fixture
def on(orders: Orders) -> On:
    for each in (orders.source, orders.put):
        each.state = "RUNNING"
    nifi, group = orders.nifi, orders.group
    group.started, group.curve = time.monotonic(), fake.by_looks([Load()])
    way = nifi.connection(group, "Query", "success", "Put")
    return On(orders, way, nifi.connection(group, "Put", "failure", "Failed"))


def test_an_empty_group_is_through_at_one_request(on: On) -> None:
    begun = on.begin()
    before = len(on.orders.nifi.calls)
    assert on.look(begun).quiet
    assert len(on.orders.nifi.calls) == before + 1


@pytest.mark.parametrize("skew", [0.0, -3600.0, 3600.0])
def test_age_is_told_by_nifis_clock(on: On, skew: float) -> None:
    on.orders.nifi.skew = skew
    begun = on.begin()
    on.queue(FlowFile(OLD), FlowFile(NEW), FlowFile(NEW))
    seen = on.look(begun)
    assert (seen.quiet, seen.load.queued) == (False, 1)
    on.queue(FlowFile(NEW), threads=1)
    assert on.look(begun).quiet


def test_what_is_not_listed_counts_as_old(on: On) -> None:
    begun = on.begin()
    on.queue(*(FlowFile(NEW) for _ in range(101)))
    assert not on.look(begun).quiet


def test_what_is_in_hand_is_looked_for_again(on: On) -> None:
    begun = on.begin()
    on.way.in_hand = [1, 1]
    on.queue(FlowFile(NEW), threads=1)
    assert on.look(begun).quiet
    on.way.in_hand = [1] * 9
    on.queue(FlowFile(NEW), threads=1)
    seen = on.look(begun)
    assert (seen.quiet, seen.load.threads) == (False, 1)


def test_what_failed_is_told_when_the_rest_is_through(on: On) -> None:
    begun = on.begin()
    before, later = FlowFile(OLD, waited=OLD), FlowFile(NEW, waited=NEW)
    on.queue(FlowFile(OLD), failed=(FlowFile(OLD), before, later))
    assert (on.look(begun).quiet, on.look(begun).left) == (False, ())
    on.queue(failed=(FlowFile(OLD), before, later))
    seen = on.look(begun)
    assert (seen.quiet, seen.left) == (True, (("Put → Failed (failure)", 1),))
    state, verdict = begun[1], None
    for at in range(3):
        assert verdict is None
        state, verdict = step(Rules(), state, seen, time.time() + at)
    assert verdict
    assert (verdict.ok, verdict.word) == (False, "failure_connection")


def test_what_is_marked_as_another_runs_is_not_ours(on: On) -> None:
    begun = on.begin("ours")
    theirs = FlowFile(OLD, attributes={f"http.headers.{RUN.lower()}": "theirs"})
    ours, unmarked = FlowFile(OLD, attributes={RUN: "ours"}), FlowFile(OLD)
    on.queue(failed=(theirs, ours, unmarked))
    assert on.look(begun).left_over == 2
    on.queue(failed=(theirs,))
    seen = on.look(begun)
    assert (seen.quiet, seen.left) == (True, ())


def test_a_failure_connection_that_is_too_long_to_tell_new_ones(on: On) -> None:
    on.queue(failed=tuple(FlowFile(OLD) for _ in range(101)))
    with pytest.raises(errors.QueueNotEmpty, match="101 flow files wait in Put"):
        on.stand_by()


def test_a_user_who_may_not_see_the_queues(on: On) -> None:
    on.orders.nifi.fault("POST", "listing-requests", Reply(403, "Unable to view the data"))
    with pytest.raises(errors.Refused, match="view the data"):
        on.stand_by()


def test_nifi_is_away(on: On) -> None:
    prepared, state = on.begin()
    on.queue(FlowFile(OLD))
    on.orders.nifi.fault("POST", "listing-requests", Reply(503, ""), times=9)
    seen = on.orders.client.run(look(prepared, Rules(), state))
    assert isinstance(seen, Missed)
    on.orders.nifi.faults.clear()
    assert not on.look((prepared, replace(state, missed=time.time()))).quiet


@pytest.mark.parametrize("who", ["", "lint/run/step"])
def test_a_group_that_is_not_on(on: On, who: str) -> None:
    mark = f"airflow:{who}#abc@1" if who else ""
    for each in (on.orders.source, on.orders.put):
        each.state, each.client = "RUNNING" if who else "STOPPED", mark
    with pytest.raises(errors.NotRunning, match=who or "does not run"):
        on.stand_by()


def test_the_state_goes_on_elsewhere(on: On) -> None:
    _, state = on.begin("ours")
    assert State.from_dict(state.to_dict()) == state
