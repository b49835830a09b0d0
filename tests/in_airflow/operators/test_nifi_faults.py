"""More of what can go wrong on a real NiFi: certificates, tokens, back-pressure, hanging threads.

Of each, the last line of the log must tell what happened and what to do.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from factory.nifi.calls import processors
from factory.nifi.client import AsyncClient, Client
from factory.nifi.job import Patience
from tests.nifi import canvas, certificates
from tests.nifi.canvas import SOURCE, WORK
from tests.nifi.said import tells

from ..pipelines import Run
from . import test_nifi_real as real
from .test_nifi import DONE, FAILED, REFUSED

lake = real.lake
Lake = real.Lake
GATE = canvas.STANDARD + "ControlRate"


def draw_gate(lake: Lake, period: str) -> None:
    """`start` sends without end, and `gate` lets one pass in a period; no thread is held."""
    start = lake.group.processor(SOURCE, "start")
    rule = {"Rate_Control_Criteria": "flowfile count", "Maximum_Rate": "1"}
    gate = lake.group.processor(GATE, "gate", "success", "failure", **rule, Time_Duration=period)
    lake.group.connect(start, gate, full_at=5)


def failed(lake: Lake, run: Run, states: Mapping[str, str], *says: str) -> None:
    """The run failed, nothing of the flow runs, and the last line of the log tells why."""
    assert (run.state, run.states) == ("failed", states)
    tells(run.log, *says)
    assert lake.rests


class TestClientCertificate:
    def _connect(self, lake: Lake, **extra: str) -> None:
        given = {"verify": str(lake.server.ca_file), **extra}
        lake.connect(login="", password="", extra=json.dumps(given))

    def test_is_a_login(self, lake: Lake) -> None:
        lake.draw()
        self._connect(lake, client_certificate=str(lake.server.client_file))
        run = lake.run(real.ONCE)
        assert (run.state, run.states) == ("success", DONE)

    @pytest.mark.parametrize(
        ("another", "says"),
        [(False, "wants a login"), (True, "no trusted connection")],
        ids=["missing", "of another authority"],
    )
    def test_is_not_taken(self, lake: Lake, tmp_path: Path, another: bool, says: str) -> None:
        lake.draw()
        own = {"client_certificate": certificates.write(tmp_path).client} if another else {}
        self._connect(lake, **own)
        lake.pipelines.write("_defaults.yaml", "defaults: {retries: 3, retry_delay: 0.1s}")
        run = lake.run(real.ONCE)
        failed(lake, run, REFUSED, says, "a client certificate")
        assert run.log.count("Task failed with exception") == 1  # it is not tried again


def test_an_unknown_group(lake: Lake) -> None:
    group = lake.group
    lake.group = replace(group, name=f"{group.name}s")
    run = lake.run()
    lake.group = group
    says = (f"no process group '{group.name}s' in the root", f"Did you mean '{group.name}'")
    failed(lake, run, REFUSED, *says)


def test_a_token_that_expires(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """NiFi forgets the token right after it gave it to the wait."""
    logins = []
    log_in = AsyncClient._renew

    async def log_in_and_out(client: AsyncClient) -> None:
        await log_in(client)
        logins.append(client)
        if len(logins) == 1:
            own = {"Authorization": f"Bearer {client._tokens.current}"}
            lake.group.api.delete("/access/logout", headers=own).raise_for_status()

    monkeypatch.setattr(AsyncClient, "_renew", log_in_and_out)
    lake.draw()
    run = lake.run(real.ONCE)
    assert (run.state, run.states) == ("success", DONE)
    assert len(logins) == 2


def test_a_processor_that_turns_invalid(lake: Lake) -> None:
    _, _, put = lake.draw(OnTrigger_Pause_Time="2 sec")

    def spoil() -> None:
        lake.group.run(put, "STOPPED")
        lake.group.change(put, properties={"Conflict Resolution Strategy": "none"})

    with lake.meanwhile(spoil):
        run = lake.run(real.ONCE)
    says = ("turned invalid", "'Conflict Resolution Strategy'", "Correct it in NiFi")
    failed(lake, run, FAILED, *says)


class TestBackPressure:
    def test_of_a_slow_processor_is_work(self, lake: Lake) -> None:
        """The queue is full for longer than the stall timeout, and no look finds a thread."""
        draw_gate(lake, "1 sec")
        run = lake.run(
            "source: {type: drain, processors: [start], after: 5s}",
            wait="timeout: 60s, stall_timeout: 3s",
        )
        assert (run.state, run.states) == ("success", DONE)
        assert lake.group.load()["flowFilesQueued"] == 0
        assert run.xcom("lake.wait")["seconds"] > 8  # what was queued was waited for
        assert lake.rests

    def test_of_one_that_takes_nothing_is_stuck(self, lake: Lake) -> None:
        draw_gate(lake, "1 day")
        run = lake.run(wait="timeout: 60s, stall_timeout: 3s")
        says = ("5 flow files (0 bytes) did not move", "see what the next processor waits for")
        failed(lake, run, FAILED, *says, "back-pressure")
        assert run.xcom("lake.wait")["verdict"] == "stalled"

    def test_of_a_thread_that_hangs_is_told(
        self, lake: Lake, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        short = Patience(stop=1, terminate=20, look=0.1)
        monkeypatch.setattr("factory.nifi.run.end.stop.__defaults__", (short,))
        start = lake.group.processor(SOURCE, "start")
        work = lake.group.processor(
            WORK, "work", "success", "failure", OnTrigger_Pause_Time="10 min"
        )
        lake.group.connect(start, work, full_at=5)
        run = lake.run(wait="timeout: 6s, grace: 5s, stall_timeout: 2s")
        says = ("1 thread", "without moving a flow file", "see what the processors")
        failed(lake, run, FAILED, *says)
        assert "The threads of 'work'" in run.log
        assert lake.group.load()["flowFilesQueued"] == 5


def test_a_revision_that_is_old(lake: Lake) -> None:
    """A person moves the source while the task goes to run it."""
    source, *_ = lake.draw()
    with Client(lake.server.address) as client:
        seen = client.run(processors.one(source))
        lake.group.change(source, comments="moved")
        client.run(processors.run_once(seen.id, seen.revision))
    while not lake.group.load()["flowFilesQueued"]:
        time.sleep(0.1)
