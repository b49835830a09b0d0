"""A group that is always on: handed work through a real Airflow, on a real NiFi."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from factory.nifi.client import Client
from factory.nifi.job import Job, Prepared
from factory.nifi.older import RUN
from factory.nifi.poll import look
from factory.nifi.run import handed_over, standby
from factory.nifi.run import preflight as started_and_stopped
from factory.nifi.run.preflight import look as find
from factory.nifi.wait import Rules, Sample
from factory.nifi.wait.state import State
from factory_embedded.ports import free_port
from factory_embedded.services.nifi.server import Server
from tests.nifi import canvas
from tests.nifi.canvas import NOTE, PUT, STANDARD, WORK, Group
from tests.nifi.said import tells
from tests.patience import until

from ..pipelines import Pipelines, Run

SPEC = """
version: 1
start_date: 2024-01-01
tasks:
  - id: orders
    uses: nifi
    with:
      conn_id: nifi
      group: {group}
      source: {{type: always_on{request}}}
      failure_connections: [work/failure]
      wait: {{poll_interval: 0.3s, timeout: {timeout}{wait}}}
  - {{id: after, needs: [orders], run: "true"}}
"""
REQUEST = ", request: {conn_id: flow, endpoint: /orders, body: '{{ ds }}'}"
DONE = dict.fromkeys(["orders.preflight", "orders.start", "orders.wait", "after"], "success")
FAILED = {**DONE, "orders.wait": "failed", "after": "upstream_failed"}
FAIL = {"FlowFile_Success_Iterations": "0", "FlowFile_Failure_Iterations": "1"}


@dataclass
class Flow:
    """`listen` → `work` → `put`, and what fails in `work` stays in front of a stopped `failed`."""

    server: Server
    group: Group
    pipelines: Pipelines
    out: Path
    url: str
    ids: dict[str, str]

    def run(self, request: str = REQUEST, wait: str = "", timeout: str = "60s") -> Run:
        name = self.group.name
        text = SPEC.format(group=name, request=request, wait=wait, timeout=timeout)
        self.pipelines.write("orders.yaml", text)
        return self.pipelines.run("orders")

    def post(self, run: str = "") -> None:
        headers = {RUN: run} if run else {}
        httpx.post(self.url, content=b"x", headers=headers, trust_env=False).raise_for_status()

    def configure(self, **properties: str) -> None:
        """Set what `work` does, as a person does."""
        work = self.ids["work"]
        self.group.run(work, "STOPPED")
        until(lambda: self.group.load()["activeThreadCount"] == 0)
        named = {key.replace("_", " "): value for key, value in properties.items()}
        self.group.change(work, properties=named)
        self.group.run(work, "RUNNING")

    def stand_by(self, client: Client) -> Prepared:
        job = Job(self.group.name, source="always_on", failure_connections=("work/failure",))
        return client.run(standby(client.server, job, client.run(find(job))))

    @property
    def written(self) -> int:
        return len(list(self.out.glob("*")))


@pytest.fixture
def flow(
    real_nifi: Server, pipelines: Pipelines, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Flow]:
    port, out = free_port(), tmp_path / "out"
    with canvas.root(real_nifi) as root:
        group = root.group(request.node.name.removeprefix("test_"))
        flow = Flow(real_nifi, group, pipelines, out, f"http://127.0.0.1:{port}/orders", {})
        flow.ids = _draw(group, port, out)
        extra = {"verify": str(real_nifi.ca_file)}
        login = {"login": real_nifi.user, "password": real_nifi.password, "extra": extra}
        pipelines.connect("nifi", conn_type="nifi", host=real_nifi.base_url, **login)
        pipelines.connect("flow", conn_type="http", host="127.0.0.1", port=port)
        for name in ("listen", "work", "put"):
            until(lambda name=name: _valid(group, flow.ids[name]))  # type: ignore[misc]
            group.run(flow.ids[name], "RUNNING")
        until(lambda: _answers(port))
        yield flow
        for name in ("listen", "work", "put"):
            group.run(flow.ids[name], "STOPPED")


def _draw(group: Group, port: int, out: Path) -> dict[str, str]:
    regex = {"HTTP_Headers_to_receive_as_Attributes_(Regex)": RUN}
    listen = group.processor(
        STANDARD + "ListenHTTP", "listen", Listening_Port=str(port), Base_Path="orders", **regex
    )
    work = group.processor(WORK, "work", FlowFile_Failure_Iterations="0")
    put = group.processor(PUT, "put", "success", "failure", Directory=str(out))
    failed = group.processor(NOTE, "failed", "success")
    group.connect(listen, work)
    group.connect(work, put)
    group.connect(work, failed, "failure")
    return {"listen": listen, "work": work, "put": put, "failed": failed}


def _valid(group: Group, processor_id: str) -> bool:
    told: str = group.get(f"/processors/{processor_id}")["component"]["validationStatus"]
    return told == "VALID"


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/orders/healthcheck", trust_env=False).is_success
    except httpx.TransportError:
        return False


@contextmanager
def _meanwhile(act: Callable[[], object], every: float) -> Iterator[None]:
    ended = threading.Event()

    def go() -> None:
        while not ended.wait(every):
            act()

    acting = threading.Thread(target=go)
    acting.start()
    try:
        yield
    finally:
        ended.set()
        acting.join()


def test_work_is_handed_over_and_awaited(flow: Flow) -> None:
    flow.configure(OnTrigger_Pause_Time="2 sec")
    run = flow.run()
    assert (run.state, run.states) == ("success", DONE)
    assert flow.written == 1
    assert run.xcom("orders.wait")["verdict"] == "succeeded"
    assert run.xcom("orders.wait")["seconds"] > 2
    assert flow.group.states() == {
        **dict.fromkeys(["listen", "work", "put"], "RUNNING"),
        "failed": "STOPPED",
    }
    assert "1 components of" in run.log  # the stopped one is told


def test_others_work_meanwhile(flow: Flow) -> None:
    flow.configure(OnTrigger_Pause_Time="100 ms")
    with _meanwhile(flow.post, 0.5):
        until(lambda: flow.written > 2)
        run = flow.run()
    assert (run.state, run.states) == ("success", DONE)
    assert flow.written > 5


def test_what_comes_later_is_not_waited_for(flow: Flow) -> None:
    """It stays in a queue for ever."""
    with Client(flow.server.address) as client:
        prepared = flow.stand_by(client)
        begun = client.run(handed_over(prepared, "", time.time()))
        flow.group.run(flow.ids["put"], "STOPPED")
        time.sleep(2.5)  # NiFi tells whole seconds
        flow.post()
        until(lambda: flow.group.load()["flowFilesQueued"] == 1)
        assert client.run(look(prepared, Rules(), begun)).quiet  # type: ignore[union-attr]
        time.sleep(1)
        later = client.run(handed_over(prepared, "", time.time()))
        waits = client.run(look(prepared, Rules(), later))
        assert isinstance(waits, Sample)
        assert (waits.quiet, waits.load.queued) == (False, 1)


def test_what_is_made_of_old_work_is_old(flow: Flow) -> None:
    """A copy, a part, and what it is merged into with later work."""
    group, ids = flow.group, flow.ids
    for name in ("work", "put"):
        group.run(ids[name], "STOPPED")
    split = group.processor(
        STANDARD + "SplitText", "split", "original", "failure", Line_Split_Count="1"
    )
    merge = group.processor(
        STANDARD + "MergeContent", "merge", "original", "failure", Minimum_Number_of_Entries="2"
    )
    for each, relationship in ((split, "splits"), (merge, "merged")):
        group.connect(ids["work"], each)
        group.connect(each, ids["failed"], relationship)
    with Client(flow.server.address) as client:
        prepared = flow.stand_by(client)
        flow.post()
        begun = client.run(handed_over(prepared, "", time.time()))
        time.sleep(2.5)  # NiFi tells whole seconds
        flow.post()
        for each in (ids["work"], ids["put"], split, merge):
            until(lambda each=each: _valid(group, each))  # type: ignore[misc]
            group.run(each, "RUNNING")
        until(lambda: flow.written == 2 and group.load()["flowFilesQueued"] == 3)
        sample = client.run(look(prepared, Rules(), begun))
        assert isinstance(sample, Sample)
        assert sample.load.queued == 2  # of two parts one, and what was merged
    for each in (split, merge):
        group.run(each, "STOPPED")


def test_what_is_there_is_waited_for(flow: Flow) -> None:
    flow.configure(OnTrigger_Pause_Time="2 sec")
    flow.post()
    flow.post()
    run = flow.run(request="")
    assert (run.state, run.states) == ("success", DONE)
    assert flow.written == 2


def test_work_that_fails_fails_the_run(flow: Flow) -> None:
    flow.configure(**FAIL)
    flow.post()  # what failed before is not this run's
    until(lambda: flow.group.load()["flowFilesQueued"] == 1)
    time.sleep(2.5)  # NiFi tells whole seconds
    run = flow.run()
    assert (run.state, run.states) == ("failed", FAILED)
    tells(run.log, "flow files failed: 1 in work → failed (failure)")
    flow.configure(FlowFile_Success_Iterations="1", FlowFile_Failure_Iterations="0")
    time.sleep(2.5)
    assert flow.run().state == "success"


def test_two_runs_at_once_know_their_own_failures(flow: Flow) -> None:
    flow.configure(**FAIL)
    with Client(flow.server.address) as client:
        prepared = flow.stand_by(client)
        flow.post("monday")
        flow.post("tuesday")
        flow.post("tuesday")
        begun = client.run(handed_over(prepared, "monday", time.time()))
        seen: dict[str, Sample] = {}

        def told(run: str, number: int) -> bool:
            state: State = replace(begun, run=run)
            sample = client.run(look(prepared, Rules(), state))
            assert isinstance(sample, Sample)
            seen[run] = sample
            return sample.left_over == number and sample.quiet

        until(lambda: told("monday", 1))
        until(lambda: told("tuesday", 2))
        until(lambda: told("wednesday", 0))
    assert seen["monday"].left == (("work → failed (failure)", 1),)


def test_unmarked_work_that_fails_may_be_ours(flow: Flow) -> None:
    flow.configure(**FAIL)
    with Client(flow.server.address) as client:
        prepared = flow.stand_by(client)
        flow.post()
        state = client.run(handed_over(prepared, "monday", time.time()))
        until(lambda: client.run(look(prepared, Rules(), state)).left_over == 1)  # type: ignore[union-attr]


def test_work_that_is_stuck_is_told(flow: Flow) -> None:
    flow.group.run(flow.ids["put"], "STOPPED")
    run = flow.run(wait=", stall_timeout: 3s")
    assert (run.state, run.states) == ("failed", FAILED)
    tells(run.log, "1 flow file (10 bytes) did not move for 0:00:03 and nothing ran")


def test_work_that_takes_too_long_is_told(flow: Flow) -> None:
    flow.configure(OnTrigger_Pause_Time="30 sec")
    run = flow.run(wait=", stall_timeout: 1s", timeout="4s")
    assert (run.state, run.states) == ("failed", FAILED)
    tells(run.log, "not done in 0:00:04: active: 1 flow file", "threads ran without moving")


def test_a_processor_that_a_person_stops_for_good(flow: Flow) -> None:
    flow.configure(OnTrigger_Pause_Time="5 sec")

    def stop() -> None:
        if flow.group.load()["flowFilesQueued"] and flow.group.states()["put"] == "RUNNING":
            flow.group.run(flow.ids["put"], "STOPPED")

    with _meanwhile(stop, 0.3):
        run = flow.run()
    assert (run.state, run.states) == ("failed", FAILED)
    tells(run.log, "somebody stopped the others", "'put'")


def test_what_is_stopped_while_work_is_handed_over_is_missed(flow: Flow) -> None:
    with Client(flow.server.address) as client:
        prepared = flow.stand_by(client)
        flow.group.run(flow.ids["put"], "STOPPED")
        flow.post()
        state = client.run(handed_over(prepared, "", time.time()))
    assert state.expected == prepared.running == 3


def test_a_group_that_does_not_run_is_refused(flow: Flow) -> None:
    for name in ("listen", "work", "put"):
        flow.group.run(flow.ids[name], "STOPPED")
    run = flow.run()
    assert run.states["orders.preflight"] == "failed"
    tells(run.log, "does not run", "start it in NiFi")


def test_a_listener_that_refuses_is_told(flow: Flow) -> None:
    flow.pipelines.connect("flow", conn_type="http", host="127.0.0.1", port=free_port())
    run = flow.run()
    assert (run.states["orders.start"], run.states["after"]) == ("failed", "upstream_failed")
    assert "got no answer" in run.log


def test_one_that_starts_and_stops_it_refuses_it(flow: Flow) -> None:
    job = Job(flow.group.name)
    with Client(flow.server.address) as client, pytest.raises(Exception, match="run already"):
        client.run(started_and_stopped(client.server, job, client.run(find(job))))
