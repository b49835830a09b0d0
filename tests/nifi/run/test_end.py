"""Stopping a group for good."""

import pytest

from factory.nifi import errors
from factory.nifi.job import Patience
from factory.nifi.run import stop
from tests.nifi import fake
from tests.nifi.conftest import Orders
from tests.nifi.http_server import Reply

HASTE = Patience(stop=0.1, terminate=0.1, look=0.01)


@pytest.fixture(autouse=True)
def _running(orders: Orders) -> None:
    orders.put.state = orders.source.state = "RUNNING"


def test_stops(orders: Orders) -> None:
    stopped = orders.client.run(stop(orders.group.id, HASTE))
    assert (orders.put.state, orders.source.state) == ("STOPPED", "STOPPED")
    assert str(stopped) == "the flow is stopped"
    assert len(orders.nifi.calls) == 3


def test_may_be_done_again(orders: Orders) -> None:
    orders.client.run(stop(orders.group.id, HASTE))
    assert orders.client.run(stop(orders.group.id, HASTE)).terminated == ()


def test_waits_for_threads(orders: Orders) -> None:
    orders.group.lingering = 3
    assert orders.client.run(stop(orders.group.id, Patience(stop=9, look=0))).terminated == ()
    assert orders.nifi.count("GET", "/process-groups") == 3


def test_ends_threads_that_do_not_end(orders: Orders) -> None:
    orders.group.lingering = -1
    orders.group.curve = fake.by_looks([fake.Load(queued=4)])
    orders.group.started = 0.0
    stopped = orders.client.run(stop(orders.group.id, HASTE))
    assert f"'Put' ({orders.put.id})" in stopped.terminated
    assert stopped.queued == 4
    assert "did not end by themselves and were terminated" in str(stopped)


def test_threads_that_outlive_that(orders: Orders) -> None:
    orders.group.lingering = -1
    orders.nifi.fault("DELETE", "/threads", Reply(200, {}), times=9)
    with pytest.raises(errors.NotStopped, match="still runs 0 components and 2 threads"):
        orders.client.run(stop(orders.group.id, HASTE))


def test_what_may_not_be_stopped(orders: Orders) -> None:
    orders.nifi.fault("PUT", "/flow", Reply(200, {}))
    with pytest.raises(errors.NotStopped, match="2 components") as caught:
        orders.client.run(stop(orders.group.id, HASTE))
    assert "is RUNNING, 0 threads" in str(caught.value)


def test_a_group_that_was_deleted(orders: Orders) -> None:
    del orders.nifi.groups[orders.group.id]
    stopped = orders.client.run(stop(orders.group.id, HASTE))
    assert stopped.gone
    assert "does not exist any more" in str(stopped)


def test_nifi_is_away(orders: Orders) -> None:
    orders.nifi.fault("PUT", "/flow", Reply(lost=True), times=9)
    with pytest.raises(errors.Unreachable):
        orders.client.run(stop(orders.group.id, HASTE))
