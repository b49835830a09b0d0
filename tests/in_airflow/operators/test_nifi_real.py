"""What can go wrong with a flow, from YAML through a real Airflow, on a real NiFi.

What a real one does not produce on demand is in `test_nifi.py`, on a stand-in.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from factory.nifi import errors
from factory.nifi.calls import groups
from factory.nifi.client import Client
from factory.nifi.job import Job, Patience
from factory.nifi.run import hold, start, stop
from factory_embedded.services.nifi.server import Server
from tests.nifi import canvas
from tests.nifi.canvas import NOTE, POOL, PUT, SOURCE, WORK, Group
from tests.nifi.driving import prepare, without_polls
from tests.nifi.said import tells

from ..pipelines import Pipelines, Run
from .test_nifi import DONE, FAILED, NOT_STARTED, REFUSED, spec

ONCE = "source: {type: run_once, processors: [start]}"


@dataclass
class Lake:
    """A group of its own for a test, and the pipeline that drives it."""

    server: Server
    group: Group
    pipelines: Pipelines
    out: Path

    def draw(self, *ended: str, **properties: str) -> tuple[str, str, str]:
        """`start` sends one flow file, `work` works at it, `put` writes it; the ids of them."""
        start = self.group.processor(SOURCE, "start", every="1 hour")
        work = self.group.processor(WORK, "work", *(ended or ("failure",)), **properties)
        put = self.group.processor(PUT, "put", "success", "failure", Directory=str(self.out))
        self.group.connect(start, work)
        self.group.connect(work, put)
        return start, work, put

    def run(self, *more: str, wait: str = "timeout: 60s") -> Run:
        text = spec(self.group.name, *more, wait=wait, poll="0.2s")
        self.pipelines.write("orders.yaml", text)
        return self.pipelines.run("orders")

    def connect(self, **fields: str) -> None:
        own = {"conn_type": "nifi", "host": self.server.base_url, "login": self.server.user}
        extra = {"verify": str(self.server.ca_file)}
        given = {**own, "password": self.server.password, "extra": extra, **fields}
        self.pipelines.connect("nifi", **given)

    @property
    def rests(self) -> bool:
        """Nothing runs, and no thread is left."""
        running = "RUNNING" in self.group.states().values()
        return not running and self.group.load()["activeThreadCount"] == 0

    @property
    def written(self) -> int:
        return len(list(self.out.glob("*")))

    @contextmanager
    def meanwhile(self, act: Callable[[], object]) -> Iterator[None]:
        """Do something as soon as it is started and works."""

        def watch() -> None:
            while not works() and not ended.is_set():
                time.sleep(0.1)
            act()

        def works() -> bool:
            started = self.pipelines.done("orders", "lake.start", since)
            return started and bool(self.group.load()["activeThreadCount"])

        since = datetime.now(timezone.utc)

        ended = threading.Event()
        watching = threading.Thread(target=watch)
        watching.start()
        try:
            yield
        finally:
            ended.set()
            watching.join()


@pytest.fixture
def lake(
    real_nifi: Server, pipelines: Pipelines, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Lake]:
    with canvas.root(real_nifi) as root:
        group = root.group(request.node.name.removeprefix("test_").replace("[", " ").strip("]"))
        lake = Lake(real_nifi, group, pipelines, tmp_path / "out")
        lake.connect()
        yield lake


def test_a_flow_is_started_awaited_and_stopped(lake: Lake) -> None:
    lake.draw(OnTrigger_Pause_Time="1 sec")
    run = lake.run(ONCE, "expect: {min_flow_files_out: 1}")
    assert (run.state, run.states) == ("success", DONE)
    assert lake.written == 1
    assert lake.rests
    assert run.xcom("lake.wait")["flow_files_out"] == 1


class TestRequests:
    @pytest.fixture
    def sent(self, lake: Lake, caplog: pytest.LogCaptureFixture) -> Iterator[list[tuple[str, str]]]:
        """The requests to NiFi, as httpx logs them."""
        calls: list[tuple[str, str]] = []

        class Calls(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                method, url, *_ = record.args if isinstance(record.args, tuple) else ("", "")
                if str(url).startswith(lake.server.base_url):
                    path = urlsplit(str(url)).path.removeprefix("/nifi-api")
                    calls.append((str(method), path))

        handler = Calls()
        caplog.set_level(logging.INFO, "httpx")
        logging.getLogger("httpx").addHandler(handler)
        yield calls
        logging.getLogger("httpx").removeHandler(handler)

    def test_of_a_whole_run(self, lake: Lake, sent: list[tuple[str, str]]) -> None:
        _, work, _ = lake.draw()
        failed = lake.group.processor(NOTE, "look at it", "success")
        lake.group.connect(work, failed, "failure")
        sent.clear()
        run = lake.run(ONCE, "failure_connections: [failure]")
        assert (run.state, run.states) == ("success", DONE)
        told = [(method, path.replace(lake.group.id, "…")) for method, path in without_polls(sent)]
        # 20, less five for parameters and services
        assert len(told) == 15, "\n".join(map(" ".join, told))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"password": "wrong"}, ("refused user", "Correct login and password")),
        ({"extra": "{}"}, ("no trusted connection", "Give the PEM file of the authority")),
    ],
    ids=["a wrong password", "an authority that is not trusted"],
)
def test_a_login_that_is_not_possible(
    lake: Lake, fields: dict[str, str], says: tuple[str, ...]
) -> None:
    lake.draw()
    lake.connect(**fields)
    lake.pipelines.write("_defaults.yaml", "defaults: {retries: 3, retry_delay: 0.1s}")
    run = lake.run(ONCE)
    assert (run.state, run.states) == ("failed", REFUSED)
    tells(run.log, *says)
    assert run.log.count("Task failed with exception") == 1  # it is not tried again


def test_two_groups_of_one_path(lake: Lake) -> None:
    for _ in range(2):
        lake.group.group("Twin").processor(NOTE, "note", "success")
    lake.group = replace(lake.group, name=f"{lake.group.name}/Twin")
    run = lake.run()
    assert (run.state, run.states) == ("failed", REFUSED)
    tells(run.log, "2 process groups have the path", "Rename one in NiFi, or give the id")


def test_an_invalid_processor_is_not_started_not_even_later(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "__defaults__", (Patience(validation=2),))
    lake.draw()
    lost = lake.group.processor(WORK, "lost", "failure")  # `success` leads nowhere
    run = lake.run(ONCE)
    assert (run.state, run.states) == ("failed", NOT_STARTED)
    assert "'Relationship success' is invalid" in run.log
    tells(run.log, "are not valid, so nothing was started", "Correct or disable them in NiFi")
    lake.group.change(lost, autoTerminatedRelationships=["success", "failure"])
    time.sleep(1)
    assert set(lake.group.states().values()) == {"STOPPED"}
    assert lake.rests


def test_a_service_that_is_not_enabled(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "__defaults__", (Patience(services=3),))
    pool = lake.group.service(
        POOL,
        "pool",
        Database_Connection_URL="jdbc:none://127.0.0.1/none",
        Database_Driver_Class_Name="org.example.Missing",
    )
    lake.draw()
    query = {"Database Connection Pooling Service": pool, "SQL Query": "select 1"}
    reads = lake.group.processor(canvas.STANDARD + "ExecuteSQL", "reads", "success", "failure")
    lake.group.change(reads, properties=query)
    run = lake.run(ONCE)
    assert (run.state, run.states) == ("failed", NOT_STARTED)
    assert "'pool'" in run.log
    tells(run.log, "1 controller services were not enabled", "Correct them in NiFi")
    assert lake.rests


def test_a_queue_that_is_not_empty(lake: Lake) -> None:
    source, *_ = lake.draw()
    lake.group.run(source, "RUN_ONCE")
    while not lake.group.load()["flowFilesQueued"]:
        time.sleep(0.1)
    run = lake.run(ONCE)
    assert (run.state, run.states) == ("failed", REFUSED)
    tells(run.log, "1 flow files of an earlier run are queued", "Look at them in NiFi")
    run = lake.run(ONCE, "queue_before: drop")
    assert run.state == "success"
    assert lake.written == 1
    lake.group.run(source, "RUN_ONCE")
    while not lake.group.load()["flowFilesQueued"]:
        time.sleep(0.1)
    assert lake.run(ONCE, "queue_before: accept").state == "success"
    assert lake.written == 3


def test_a_flow_that_does_nothing(lake: Lake) -> None:
    source, *_ = lake.draw()
    lake.group.run(source, "DISABLED")
    run = lake.run(wait="grace: 1s, timeout: 60s")
    assert (run.state, run.states) == ("failed", FAILED)
    tells(run.log, "nothing came from its source", "Look at the source's schedule")
    assert lake.rests
    assert lake.run(wait="grace: 1s, timeout: 60s, no_activity: succeed").state == "success"


def test_a_source_that_never_ends(lake: Lake) -> None:
    source, *_ = lake.draw()
    lake.group.change(source, schedulingPeriod="100 ms")
    run = lake.run(wait="timeout: 3s")
    assert (run.state, run.states) == ("failed", FAILED)
    tells(run.log, "was not done in 0:00:03", "stopped first or run once (`source`)")
    assert lake.rests


def test_a_source_that_is_drained(lake: Lake) -> None:
    source, *_ = lake.draw()
    lake.group.change(source, schedulingPeriod="100 ms")
    run = lake.run("source: {type: drain, processors: [start], after: 1s}")
    assert (run.state, run.states) == ("success", DONE)
    assert lake.written == run.xcom("lake.wait")["flow_files_out"] > 5
    assert lake.group.load()["flowFilesQueued"] == 0


def test_an_error_bulletin(lake: Lake) -> None:
    lake.draw(FlowFile_Success_Iterations="0", FlowFile_Exception_Iterations="1")
    run = lake.run(ONCE)
    assert (run.state, run.states) == ("failed", FAILED)
    tells(run.log, "work reports ERROR", "RuntimeException", "Correct the flow")
    assert lake.rests


def test_flow_files_in_a_failure_connection(lake: Lake) -> None:
    _, work, _ = lake.draw(
        "success", FlowFile_Success_Iterations="0", FlowFile_Failure_Iterations="1"
    )
    look = lake.group.processor(NOTE, "look at it", "success")
    failed = lake.group.connect(work, look, "failure")
    lake.group.run(look, "DISABLED")
    run = lake.run(ONCE, f"failure_connections: [{failed}]")
    assert (run.state, run.states) == ("failed", FAILED)
    tells(run.log, "1 in work → look at it (failure)", "look at them in NiFi")
    assert lake.group.load()["flowFilesQueued"] == 1
    assert lake.rests


def test_a_flow_that_delivers_nothing(lake: Lake) -> None:
    lake.draw("failure", FlowFile_Success_Iterations="0", FlowFile_Failure_Iterations="1")
    assert lake.run(ONCE).state == "success"  # nobody asked
    run = lake.run(ONCE, "expect: {min_flow_files_out: 1}")
    assert (run.state, run.states) == ("failed", FAILED)
    tells(run.log, "delivered too little", "name it in `failure_connections`")
    assert lake.written == 0


def test_threads_that_do_not_end(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stop, "__defaults__", (Patience(stop=0.5, terminate=5, look=0.1),))
    lake.draw(OnTrigger_Pause_Time="60 sec")
    run = lake.run(ONCE, wait="timeout: 3s")
    assert (run.state, run.states) == ("failed", FAILED)
    assert "were terminated" in run.log
    assert lake.rests


def test_a_processor_that_a_person_stops(lake: Lake) -> None:
    _, _, put = lake.draw(OnTrigger_Pause_Time="2 sec")
    with lake.meanwhile(lambda: lake.group.run(put, "STOPPED")):
        run = lake.run(ONCE)
    assert (run.state, run.states) == ("failed", FAILED), run.log
    tells(run.log, "somebody stopped the others: 'put'", "Run again when the flow may run")
    assert lake.rests


class TestTwoRuns:
    @pytest.fixture
    def client(self, lake: Lake) -> Iterator[Client]:
        lake.draw()
        with Client(lake.server.address) as client:
            yield client

    def test_one_of_them_claims_the_group(self, lake: Lake, client: Client) -> None:
        monday, tuesday = (hold.Owner(f"orders/{day}/lake", day[:4]) for day in ("aaaa", "bbbb"))
        job, now = Job(lake.group.name), time.time()
        prepared, seen = client.run(prepare(client.server, job))
        group = client.run(groups.look(lake.group.id))
        first = client.run(hold.claim(prepared, seen, group, monday, now))
        assert first.hold.mark == monday.mark(now)
        with pytest.raises(errors.AlreadyRunning, match="driven by orders/aaaa/lake"):
            client.run(hold.claim(prepared, seen, group, tuesday, now))
        again = client.run(hold.claim(prepared, seen, group, monday, now + 1))
        assert (again.again, again.hold) == (True, first.hold)
        marked = client.run(hold.current(first.hold))
        assert marked
        client.run(hold.release(marked))
        second = client.run(hold.claim(prepared, seen, group, tuesday, now))
        assert second.hold.mark == tuesday.mark(now)

    def test_a_person_has_changed_the_processor_meanwhile(self, lake: Lake, client: Client) -> None:
        prepared, seen = client.run(prepare(client.server, Job(lake.group.name)))
        group = client.run(groups.look(lake.group.id))
        lake.group.change(seen.processor_id, comments="as a person does")
        owner, now = hold.Owner("orders/monday/lake", "aaaa"), time.time()
        claimed = client.run(hold.claim(prepared, seen, group, owner, now))
        assert claimed.hold.mark == owner.mark(now)


class TestNiFiGoes:
    """The last tests: they stop the NiFi that all others share, and start it again."""

    def test_it_is_restarted(self, lake: Lake) -> None:
        def restart() -> None:
            time.sleep(2)  # that something runs is written half a second later
            lake.server.stop()
            lake.server.start()

        lake.draw(OnTrigger_Pause_Time="5 sec")
        with lake.meanwhile(restart):
            run = lake.run(ONCE)
        assert (run.state, run.states) == ("success", DONE)
        assert "Task failed" not in run.log  # not by another try
        assert lake.written == 1
        with canvas.root(lake.server) as root:  # the token of before is of another life
            lake.group = replace(lake.group, api=root.api)
            assert lake.rests

    def test_it_is_gone_for_good(self, lake: Lake) -> None:
        lake.pipelines.write("_defaults.yaml", "defaults: {retries: 0}")
        extra = {"verify": str(lake.server.ca_file), "attempts": 1}
        lake.connect(extra=json.dumps(extra))
        lake.draw(OnTrigger_Pause_Time="60 sec")
        try:
            with lake.meanwhile(lake.server.kill):
                run = lake.run(ONCE, wait="timeout: 60s, unreachable_timeout: 2s")
        finally:
            lake.server.start()
        failed = [run.states[f"lake.{task}"] for task in ("wait", "stop")]
        assert (run.state, failed) == ("failed", ["failed", "failed"])
        tells(run.log, "NiFi did not answer for 0:00:02", "look when NiFi is back")
        assert "The flow may still run" in run.log
