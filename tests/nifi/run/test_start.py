"""Starting a group, and all that may go wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from factory.nifi import errors
from factory.nifi.job import Job, Patience, Prepared
from factory.nifi.model import Counters
from factory.nifi.run import restore, start
from factory.nifi.run.start import Started
from tests.nifi import fake
from tests.nifi.conftest import Orders
from tests.nifi.driving import prepare, take
from tests.nifi.http_server import Reply

HASTE = Patience(start=0.2, services=0.2, validation=0.2, look=0.02)
RUNNING = "PUT", "/flow/process-groups/[^/]+$"


def _begin(orders: Orders, **options: Any) -> tuple[Job, Prepared]:
    job = Job("Lake/Orders", **options)
    return job, orders.client.run(prepare(orders.server, job))[0]


def _run(orders: Orders, job: Job, prepared: Prepared, now: float = 0, **how: bool) -> Started:
    claimed = orders.client.run(take(prepared, **how))
    return orders.client.run(start(job, claimed, now, HASTE))


def _start(orders: Orders, **options: Any) -> Started:
    job, prepared = _begin(orders, **options)
    return _run(orders, job, prepared, 100.0)


def test_starts_everything(orders: Orders) -> None:
    inner = orders.nifi.processor(orders.nifi.group("Inner", orders.group.id), "Sort")
    started = _start(orders)
    assert {orders.source.state, orders.put.state, inner.state} == {"RUNNING"}
    assert started.state.expected == 3
    assert started.state.started == 100.0
    assert started.notes == ()


def test_disabled_processors_are_not_awaited(orders: Orders) -> None:
    orders.nifi.processor(orders.group, "Old", state="DISABLED")
    assert _start(orders).state.expected == 2


def test_counters_begin_where_they_are(orders: Orders) -> None:
    orders.group.before = fake.Load(moved=40, sent=7)
    latest = _start(orders).state.totals.latest
    assert (latest.flow_files_moved, latest.flow_files_out) == (40, 7)


def test_an_invalid_processor_is_never_started(orders: Orders) -> None:
    orders.put.errors.append("'Bucket' is required")
    with pytest.raises(errors.InvalidProcessors, match="'Bucket' is required"):
        _start(orders)
    assert orders.nifi.count(*RUNNING) == 0
    orders.nifi.validate(orders.put)
    assert orders.put.state == "STOPPED"


def test_the_trap_of_an_earlier_start_is_told(orders: Orders) -> None:
    orders.put.state = "STARTING"
    with pytest.raises(errors.Conflict, match="Current state is STARTING"):
        _start(orders)


def test_a_processor_that_becomes_valid_in_time(orders: Orders) -> None:
    job, prepared = _begin(orders)
    orders.put.errors.append("is being validated")
    looks = iter(range(3))

    def sleep(_: float) -> None:
        if next(looks, None) is None:
            orders.put.errors.clear()

    orders.client._sleep = sleep
    assert _run(orders, job, prepared).state.expected == 2


class TestAnswers:
    def test_a_lost_one_is_looked_for(self, orders: Orders) -> None:
        orders.nifi.fault(*RUNNING, Reply(lost=True), after=True)
        assert _start(orders).state.expected == 2
        assert orders.nifi.count(*RUNNING) == 1

    def test_a_lost_request_is_made_again(self, orders: Orders) -> None:
        orders.nifi.fault(*RUNNING, Reply(lost=True))
        assert _start(orders).state.expected == 2
        assert orders.nifi.count(*RUNNING) == 2

    def test_a_conflict_that_passes(self, orders: Orders) -> None:
        orders.nifi.fault(*RUNNING, Reply(409, "Current state is STOPPING"), times=2)
        assert _start(orders).state.expected == 2

    def test_accepted_and_not_done(self, orders: Orders) -> None:
        orders.nifi.fault(*RUNNING, Reply(200, {"state": "RUNNING"}))
        with pytest.raises(errors.NotStarted, match=r"0 of 2 components .*run 0 s after") as caught:
            _start(orders)
        assert f"'Put' ({orders.put.id}) is STOPPED" in str(caught.value)

    def test_a_user_who_may_not_operate(self, orders: Orders) -> None:
        orders.nifi.forbidden = True
        with pytest.raises(errors.Refused):
            _start(orders)


class TestAgain:
    def test_finds_it_running(self, orders: Orders) -> None:
        job, prepared = _begin(orders)
        first = _run(orders, job, prepared)
        again = _run(orders, job, prepared, 5, again=True)
        assert again.state.expected == first.state.expected
        assert again.notes == ("the group runs already, started by an earlier try",)
        assert orders.nifi.count(*RUNNING) == 1

    def test_what_it_moved_meanwhile_is_seen(self, orders: Orders) -> None:
        job, prepared = _begin(orders)
        _run(orders, job, prepared)
        orders.group.looks = 9
        again = _run(orders, job, prepared, 5, again=True)
        assert again.state.totals.latest == Counters()

    def test_goes_on_with_half_a_start(self, orders: Orders) -> None:
        job, prepared = _begin(orders)
        orders.source.state = "RUNNING"
        assert _run(orders, job, prepared).state.expected == 2
        assert orders.put.state == "RUNNING"


class TestRunOnce:
    options: dict[str, Any] = {"source": "run_once", "sources": ("Query",)}  # noqa: RUF012

    def test_runs_the_source_after_the_rest(self, orders: Orders) -> None:
        started = _start(orders, **self.options)
        assert (orders.source.state, orders.source.once) == ("STOPPED", 1)
        assert orders.put.state == "RUNNING"
        assert started.state.expected == 1
        assert started.notes == ("ran Query once",)

    def test_ports_are_started_with_the_rest(self, orders: Orders) -> None:
        inner = orders.nifi.group("Inner", orders.group.id)
        ports = [
            orders.nifi.port(orders.group, "in"),
            orders.nifi.port(inner, "out", "output-ports"),
        ]
        assert _start(orders, **self.options).state.expected == 3
        assert [each.state for each in ports] == ["RUNNING", "RUNNING"]
        assert orders.source.state == "STOPPED"

    def test_not_again_after_a_lost_answer(self, orders: Orders) -> None:
        orders.nifi.fault("PUT", "/run-status", Reply(lost=True), after=True)
        _start(orders, **self.options)
        assert orders.source.once == 1

    def test_again_after_a_lost_request(self, orders: Orders) -> None:
        orders.nifi.fault("PUT", "/run-status", Reply(lost=True))
        _start(orders, **self.options)
        assert orders.source.once == 1

    def test_with_a_fresh_revision(self, orders: Orders) -> None:
        orders.nifi.fault("PUT", "/run-status", Reply(400, "not the most up-to-date revision"))
        _start(orders, **self.options)
        assert orders.source.once == 1

    def test_not_again_by_the_next_try(self, orders: Orders) -> None:
        job, prepared = _begin(orders, **self.options)
        _run(orders, job, prepared)
        again = _run(orders, job, prepared, 5, again=True)
        assert orders.source.once == 1
        assert again.notes[-1] == "an earlier try ran the sources"

    def test_by_the_next_try_when_the_first_did_not_come_so_far(self, orders: Orders) -> None:
        job, prepared = _begin(orders, **self.options)
        orders.put.state = "RUNNING"
        _run(orders, job, prepared)
        assert orders.source.once == 1


class TestServices:
    @pytest.fixture
    def pool(self, orders: Orders) -> fake.Component:
        orders.source.errors.append("Controller Service 'Pool' is disabled")
        return orders.nifi.service(orders.group, "Pool")

    def test_are_enabled(self, orders: Orders, pool: fake.Component) -> None:
        assert _start(orders).notes == ("enabled the controller services",)
        assert pool.state == "ENABLED"

    def test_an_invalid_one_is_not_left_enabling(
        self, orders: Orders, pool: fake.Component
    ) -> None:
        pool.errors.append("'Password' is required")
        with pytest.raises(errors.ServicesNotEnabled, match="'Password' is required"):
            _start(orders)
        assert pool.state == "DISABLED"

    def test_one_that_does_not_enable(self, orders: Orders, pool: fake.Component) -> None:
        pool.stuck = True
        orders.nifi.bulletin(orders.group, "no suitable driver", source=pool.id)
        with pytest.raises(
            errors.ServicesNotEnabled, match=r"is ENABLING: no suitable driver"
        ) as caught:
            _start(orders)
        assert "passwords are not part of an exported flow" in str(caught.value)
        assert orders.nifi.count(*RUNNING) == 0


class TestQueue:
    def test_is_dropped(self, orders: Orders) -> None:
        orders.group.before = fake.Load(queued=7)
        started = _start(orders, queue_before="drop")
        assert started.notes == ("dropped 7 flow files of an earlier run",)
        assert orders.nifi.requests == {}

    def test_is_accepted(self, orders: Orders) -> None:
        orders.group.before = fake.Load(queued=7)
        assert _start(orders, queue_before="accept").notes == ()


class TestParameters:
    def _values(self, orders: Orders) -> dict[str, str]:
        assert orders.group.context
        listed = orders.nifi.contexts[orders.group.context]["parameters"]
        return {name: each["value"] for name, each in listed.items()}

    def test_are_set_and_restored(self, orders: Orders) -> None:
        orders.nifi.parameters(orders.group, day="2024-01-01", other="x", empty=None)
        job, prepared = _begin(orders, parameters={"day": "2024-01-02", "empty": "full"})
        started = _run(orders, job, prepared)
        assert started.notes == ("set the parameters day, empty",)
        assert self._values(orders) == {"day": "2024-01-02", "other": "x", "empty": "full"}
        assert orders.client.run(restore(prepared)) == ()
        assert self._values(orders) == {"day": "2024-01-01", "other": "x", "empty": None}
        assert orders.nifi.requests == {}

    def test_are_left_when_they_have_the_value(self, orders: Orders) -> None:
        orders.nifi.parameters(orders.group, day="2024-01-01")
        assert _start(orders, parameters={"day": "2024-01-01"}).notes == ()

    def test_secrets_are_set_and_can_not_be_restored(self, orders: Orders) -> None:
        orders.nifi.parameters(orders.group, ["key"], key="hidden")
        job, prepared = _begin(orders, parameters={"key": "new"})
        _run(orders, job, prepared)
        assert self._values(orders) == {"key": "new"}
        assert orders.client.run(restore(prepared)) == ("key",)
        assert self._values(orders) == {"key": "new"}

    def test_with_a_fresh_revision(self, orders: Orders) -> None:
        context = orders.nifi.parameters(orders.group, day="2024-01-01")
        job, prepared = _begin(orders, parameters={"day": "2024-01-02"})
        orders.nifi.contexts[context]["version"] = 9
        _run(orders, job, prepared)
        assert self._values(orders) == {"day": "2024-01-02"}

    def test_restoring_twice_changes_nothing(self, orders: Orders) -> None:
        orders.nifi.parameters(orders.group, day="2024-01-01")
        _, prepared = _begin(orders, parameters={"day": "2024-01-02"})
        assert orders.client.run(restore(prepared)) == ()
        assert orders.nifi.count("POST", "update-requests") == 0
