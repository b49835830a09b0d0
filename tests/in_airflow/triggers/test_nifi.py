"""The trigger of a `nifi` step by itself: ended, begun again, killed by a person."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from factory.in_airflow.triggers.nifi import NiFiWait
from factory.nifi.calls import groups
from factory.nifi.client import Client
from factory.nifi.job import Job
from factory.nifi.run import start
from factory.nifi.run.hold import Owner, claim
from factory.nifi.server import Server, UserPassword
from tests.nifi import fake
from tests.nifi.driving import prepare

OWNER = Owner("orders/monday/lake", "aaaa")
NOW = 1_700_000_000.0
BUSY = fake.Load(queued=1, threads=1)


@dataclass
class Started:
    """A group that runs, and what a wait for it is given."""

    nifi: fake.FakeNiFi
    group: fake.Group
    put: fake.Component
    given: dict[str, Any]

    def trigger(self, **more: Any) -> NiFiWait:
        """As Airflow makes it: from what was serialized."""
        path, given = NiFiWait(**{**self.given, **more}).serialize()
        assert path == "factory.in_airflow.triggers.nifi.NiFiWait"
        return NiFiWait(**json.loads(json.dumps(given)))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[Started]:
    with fake.serving() as running:
        nifi = running.nifi
        group = nifi.group("Orders", curve=fake.by_looks([BUSY]))
        put = nifi.processor(group, "Put")
        connection = {"conn_type": "nifi", "host": running.url, "login": fake.USER}
        monkeypatch.setenv(
            "AIRFLOW_CONN_NIFI", json.dumps({**connection, "password": fake.PASSWORD})
        )
        server, job = Server(running.url, UserPassword(fake.USER, fake.PASSWORD)), Job("Orders")
        with Client(server) as client:
            prepared, seen = client.run(prepare(server, job))
            looked = client.run(groups.look(prepared.group_id))
            claimed = client.run(claim(prepared, seen, looked, OWNER, NOW))
            state = client.run(start(job, claimed, NOW)).state
        given = {
            "conn_id": "nifi",
            "prepared": prepared.to_dict(),
            "rules": {"poll_interval": 0.02, "timeout": 1e12},
            "state": state.to_dict(),
            "hold": claimed.hold.to_dict(),
            "stop": "always",
            "place": {"dag_id": "orders", "run_id": "monday", "task_id": "lake.wait"},
        }
        yield Started(nifi, group, put, given)


async def events(trigger: NiFiWait) -> list[Any]:
    found: list[Any] = [event.payload async for event in trigger.run()]
    return found


async def looks(started: Started, more: int) -> None:
    wanted = started.group.looks + more
    while started.group.looks < wanted:
        await asyncio.sleep(0.01)


def test_a_triggerer_that_ends_leaves_the_flow_alone(started: Started) -> None:
    async def cut_short() -> None:
        trigger = started.trigger()
        waiting = asyncio.ensure_future(events(trigger))
        await looks(started, 3)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        await trigger.cleanup()

    asyncio.run(cut_short())
    assert started.put.state == "RUNNING"
    started.group.curve = fake.by_looks([fake.Load(moved=5, received=2, sent=2)])
    (event,) = asyncio.run(events(started.trigger()))
    assert event["verdict"]["word"] == "succeeded"
    assert event["report"]["flow_files_out"] == 2


def test_many_waits_share_one_login(started: Started) -> None:
    before = started.nifi.count("POST", "/access/token")

    async def all_at_once() -> list[Any]:
        waits = [asyncio.ensure_future(events(started.trigger())) for _ in range(30)]
        await looks(started, 60)
        started.group.curve = fake.by_looks([fake.Load(moved=5)])
        return list(await asyncio.gather(*waits))

    found = asyncio.run(all_at_once())
    assert {event["verdict"]["word"] for (event,) in found} == {"succeeded"}
    assert started.nifi.count("POST", "/access/token") == before + 1


def test_what_cannot_be_looked_at(started: Started) -> None:
    (event,) = asyncio.run(events(started.trigger(conn_id="nowhere")))
    assert "nowhere" in event["error"]
    assert not event["final"]
    started.nifi.user = "somebody else"
    (event,) = asyncio.run(events(started.trigger()))
    assert event["final"]


@pytest.mark.parametrize(
    ("state", "stop", "runs"),
    [
        ("failed", "always", False),
        (None, "always", False),
        ("deferred", "always", True),
        ("failed", "never", True),
        ("success", "on_failure", True),
        ("failed", "on_failure", False),
    ],
)
def test_a_person_ends_the_wait(
    started: Started,
    monkeypatch: pytest.MonkeyPatch,
    state: str | None,
    stop: str,
    runs: bool,
) -> None:
    async def told(_: NiFiWait) -> str | None:
        return state

    monkeypatch.setattr(NiFiWait, "_task_state", told)
    started.group.curve = fake.by_looks([fake.Load()])
    asyncio.run(started.trigger(stop=stop).on_kill())
    assert (started.put.state == "RUNNING") is runs


def test_a_flow_that_another_run_has_taken_over(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failed(_: NiFiWait) -> str:
        return "failed"

    monkeypatch.setattr(NiFiWait, "_task_state", failed)
    started.put.client = Owner("copy/tuesday/lake", "bbbb").mark(NOW)
    asyncio.run(started.trigger().on_kill())
    assert started.put.state == "RUNNING"


def test_operators_import_no_client_before_they_run() -> None:
    """What a worker pays at the start of each task, whatever it is."""
    code = (
        "import sys, airflow.sdk; before = set(sys.modules);"
        "from factory.in_airflow.operators.nifi import preflight, start, stop, wait;"
        "print(sorted({'httpx', 'ssl', 'factory.nifi.client'} & (set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
