"""The `nifi` kind, from YAML through a real Airflow, against a stand-in for NiFi."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from factory.in_airflow.operators.nifi.preflight import stopping
from factory.nifi.job import Patience
from factory.nifi.model import Group, Processor
from factory.nifi.run.hold import Owner, keeper
from factory.nifi.run.preflight import Seen
from tests.nifi import fake
from tests.nifi.http_server import Reply
from tests.nifi.said import tells

from ..pipelines import Pipelines, Run

SHORT = Patience(stop=0.2, terminate=5, look=0.05)
SPEC = """
version: 1
start_date: 2024-01-01
schedule: "@daily"
tasks:
  - id: lake
    uses: nifi
    {beside}
    with:
      conn_id: nifi
      group: {group}
      wait: {{poll_interval: {poll}, {wait}}}
      {more}
  - {{id: after, needs: [lake], run: "true"}}
"""
TASKS = ("preflight", "start", "wait", "stop", "done")


def spec(group: str, *more: str, wait: str, poll: str, beside: str = "") -> str:
    """A pipeline that drives a group, and a task after that."""
    lines = "\n      ".join(more)
    return SPEC.format(group=group, more=lines, wait=wait, poll=poll, beside=beside)


def states(*own: str, after: str) -> Mapping[str, str]:
    return {f"lake.{name}": state for name, state in zip(TASKS, own, strict=True)} | {
        "after": after
    }


DONE = states(*["success"] * 5, after="success")
REFUSED = states("failed", *["upstream_failed"] * 4, after="upstream_failed")
NOT_STARTED = states(
    "success", "failed", "upstream_failed", "success", "upstream_failed", after="upstream_failed"
)
FAILED = states(
    "success", "success", "failed", "success", "upstream_failed", after="upstream_failed"
)


@dataclass
class Lake:
    """A group `Lake/Orders` of two processors in a NiFi, and the pipeline that drives it."""

    nifi: fake.FakeNiFi
    group: fake.Group
    source: fake.Component
    put: fake.Component
    running: fake.Running
    pipelines: Pipelines

    def write(
        self, *more: str, wait: str = "timeout: 20s", name: str = "orders", beside: str = ""
    ) -> None:
        text = spec("Lake/Orders", *more, wait=wait, poll="0.05s", beside=beside)
        self.pipelines.write(f"{name}.yaml", text)

    def run(self, *more: str, wait: str = "timeout: 20s", beside: str = "") -> Run:
        self.write(*more, wait=wait, beside=beside)
        return self.pipelines.run("orders")

    def connect(self, **fields: Any) -> None:
        own = {"conn_type": "nifi", "host": self.running.url, "login": fake.USER}
        self.pipelines.connect("nifi", **{**own, "password": fake.PASSWORD, **fields})

    @property
    def states(self) -> list[str]:
        return [self.source.state, self.put.state]


@pytest.fixture
def lake(pipelines: Pipelines) -> Iterator[Lake]:
    with fake.serving() as running:
        nifi = running.nifi
        group = nifi.group("Orders", nifi.group("Lake").id)
        source, put = nifi.processor(group, "Query"), nifi.processor(group, "Put")
        lake = Lake(nifi, group, source, put, running, pipelines)
        lake.connect()
        yield lake


def test_a_flow_is_started_awaited_and_stopped(lake: Lake) -> None:
    run = lake.run()
    assert (run.state, run.states) == ("success", DONE)
    assert lake.states == ["STOPPED", "STOPPED"]
    report = run.xcom("lake.wait")
    assert report["verdict"] == "succeeded"
    assert (report["flow_files_in"], report["flow_files_out"]) == (3, 3)
    assert "the flow is done after" in run.log
    assert "the flow is stopped" in run.log
    link = f"{lake.running.url}/nifi/#/process-groups/{lake.group.id}"
    assert run.xcom("lake.wait", "_link_GroupLink") == link
    assert run.xcom("lake.stop", "_link_GroupLink") == link


def test_neither_password_nor_token_is_told(lake: Lake) -> None:
    run = lake.run()
    secrets = {fake.PASSWORD, *lake.nifi.tokens}
    handed = str([run.xcom(f"lake.{task}") for task in TASKS])
    assert not [secret for secret in secrets if secret in run.log + handed]


def test_parameters_reach_the_flow_and_are_restored(lake: Lake) -> None:
    context = lake.nifi.parameters(lake.group, day="never", limit="1")
    seen: list[str] = []

    def curve(looks: int, seconds: float) -> fake.Load:
        seen.append(lake.nifi.contexts[context]["parameters"]["day"]["value"])
        return fake.WORK(looks, seconds)

    lake.group.curve = curve
    run = lake.run('parameters: {day: "{{ ds }}", limit: 5}', "restore_parameters: true")
    assert run.state == "success"
    assert set(seen) == {"2024-01-02"}
    values = lake.nifi.contexts[context]["parameters"]
    assert (values["day"]["value"], values["limit"]["value"]) == ("never", "1")


def test_an_asset_tells_what_the_run_moved(lake: Lake) -> None:
    run = lake.run(beside="updates: [s3://lake/orders]")
    assert run.state == "success"
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session

    with create_session() as session:
        event = session.query(AssetEvent).filter_by(source_run_id=run.run_id).one()
        assert event.extra["flow_files_out"] == 3
        assert event.extra["verdict"] == "succeeded"


def test_a_source_that_runs_once(lake: Lake) -> None:
    run = lake.run("source: {type: run_once, processors: [Query]}")
    assert run.state == "success"
    assert lake.source.once == 1


def test_a_source_that_is_drained(lake: Lake) -> None:
    run = lake.run("source: {type: drain, processors: [Query]}")
    assert run.state == "success"
    assert lake.nifi.count("PUT", f"processors/{lake.source.id}/run-status") >= 1


# before the start


@pytest.mark.parametrize(
    ("fields", "says", "todo"),
    [
        ({"password": "wrong"}, "refused user", "Correct login and password"),
        (
            {"host": "http://127.0.0.1:1", "extra": {"attempts": 1}},
            "did not answer",
            "Is NiFi running, and is its address right?",
        ),
        ({"host": "nifi://x"}, "is no URL", "Write it as https://"),
        ({"host": "https://u:SECRET123@x"}, "holds a login", "Give user and password beside"),
        ({"host": "https://u:SECRET123/x@y"}, "is no URL", "Write it as https://"),
        ({"host": "u:SECRET123@y"}, "holds a login", "Give user and password beside"),
        (
            {"extra": {"proxy": "http://u:SECRET123/@y"}},
            "the address of the proxy is no URL",
            "Write it as http://host:3128",
        ),
    ],
)
def test_a_login_that_is_not_possible(
    lake: Lake, fields: dict[str, Any], says: str, todo: str
) -> None:
    lake.connect(**fields)
    run = lake.run()
    assert (run.state, run.states) == ("failed", REFUSED)
    tells(run.log, says, todo)
    assert "SECRET123" not in run.log
    assert lake.nifi.count("PUT") == 0


def test_a_wrong_password_is_tried_once(lake: Lake) -> None:
    lake.connect(password="wrong")
    lake.pipelines.write("_defaults.yaml", "defaults: {retries: 3, retry_delay: 0.1s}")
    assert lake.run().state == "failed"
    assert lake.nifi.count("POST", "/access/token") == 1


def test_an_unknown_group(lake: Lake) -> None:
    lake.group.name = "Order"
    run = lake.run()
    assert (run.state, run.states) == ("failed", REFUSED)
    tells(run.log, "no process group 'Orders' in Lake", "Did you mean 'Order'?")


def test_two_groups_of_one_path(lake: Lake) -> None:
    twin = lake.nifi.group("Orders", lake.group.parent)
    run = lake.run()
    assert (run.state, run.states) == ("failed", REFUSED)
    tells(run.log, "2 process groups have the path 'Lake/Orders'", lake.group.id, twin.id)
    tells(run.log, "give the id")


def test_an_invalid_processor_is_not_started(lake: Lake) -> None:
    lake.put.errors = ["'Bucket' is required"]
    run = lake.run("services: leave")
    assert (run.state, run.states) == ("failed", REFUSED)
    assert "'Bucket' is required" in run.log
    tells(run.log, "are not valid, so nothing was started", "Correct or disable them in NiFi")
    assert lake.nifi.count("PUT", "/flow/process-groups") == 0


def test_a_service_that_is_not_enabled(lake: Lake) -> None:
    lake.nifi.service(lake.group, "Pool", "'Database URL' is required")
    lake.put.errors = ["Pool is disabled"]
    run = lake.run()
    assert (run.state, run.states) == ("failed", NOT_STARTED)
    assert "'Database URL' is required" in run.log
    tells(run.log, "1 controller services were not enabled", "Correct them in NiFi")
    assert lake.states == ["STOPPED", "STOPPED"]


def test_a_queue_that_is_not_empty(lake: Lake) -> None:
    lake.group.before = fake.Load(queued=7)
    run = lake.run()
    assert (run.state, run.states) == ("failed", REFUSED)
    tells(run.log, "7 flow files of an earlier run are queued", "`queue_before: drop` throws")
    assert lake.run("queue_before: drop").state == "success"
    assert lake.nifi.count("POST", "empty-all-connections-requests") == 1


def test_a_node_that_left_its_cluster(lake: Lake) -> None:
    lake.nifi.disconnected = True
    run = lake.run()
    assert (run.state, run.states["lake.start"]) == ("failed", "failed")
    tells(run.log, "has left its cluster", "Reconnect it", "`acknowledge_disconnected`")
    lake.connect(extra={"acknowledge_disconnected": True})
    assert lake.run().state == "success"


# during the wait


def test_a_bulletin(lake: Lake) -> None:
    lake.nifi.bulletin(lake.group, "of the run before")

    def curve(looks: int, seconds: float) -> fake.Load:
        if looks == 1:
            lake.nifi.bulletin(lake.group, "relation orders does not exist")
        return fake.Load(queued=1, threads=1)

    lake.group.curve = curve
    run = lake.run()
    assert (run.state, run.states) == ("failed", FAILED)
    tells(run.log, "Put reports ERROR: relation orders does not exist", "Correct the flow")
    assert lake.states == ["STOPPED", "STOPPED"]
    assert run.xcom("lake.wait")["verdict"] == "bulletin"


def test_a_flow_that_does_nothing(lake: Lake) -> None:
    lake.group.curve = fake.by_looks([fake.Load()])
    run = lake.run(wait="grace: 0.2s")
    assert (run.state, run.states) == ("failed", FAILED)
    tells(run.log, "nothing came from its source", "say `no_activity: succeed`")
    assert lake.run(wait="grace: 0.2s, no_activity: succeed").state == "success"


def test_a_source_that_never_ends(lake: Lake) -> None:
    lake.group.curve = lambda looks, _: fake.Load(queued=1, threads=1, moved=looks)
    run = lake.run(wait="timeout: 0.5s")
    assert (run.state, run.states) == ("failed", FAILED)
    tells(run.log, "was not done in", "A source that never ends must be stopped first")
    assert lake.states == ["STOPPED", "STOPPED"]


def test_a_stuck_queue(lake: Lake) -> None:
    lake.group.curve = fake.by_looks([fake.Load(queued=4)])
    run = lake.run(wait="stall_timeout: 0.3s")
    assert (run.state, run.states) == ("failed", FAILED)
    tells(run.log, "4 flow files (400 bytes) did not move", "see what the next processor")


def test_a_processor_that_turns_invalid(lake: Lake) -> None:
    def curve(looks: int, seconds: float) -> fake.Load:
        if looks >= 1:
            lake.put.state, lake.put.errors = "STOPPED", ["the folder is gone"]
        return fake.Load(queued=1)

    lake.group.curve = curve
    run = lake.run()
    assert (run.state, run.states) == ("failed", FAILED)
    tells(run.log, "turned invalid", "the folder is gone", "Correct it in NiFi")


def test_flow_files_in_a_failure_connection(lake: Lake) -> None:
    failed = lake.nifi.connection(lake.group, "Put", "failure", "Funnel")

    def curve(looks: int, seconds: float) -> fake.Load:
        failed.queued = 2
        return fake.Load(queued=2, moved=2)

    lake.group.curve = curve
    run = lake.run("failure_connections: [Put/failure]")
    assert (run.state, run.states) == ("failed", FAILED)
    tells(run.log, "flow files failed: 2 in Put", "look at them in NiFi")


def test_a_flow_that_delivers_nothing(lake: Lake) -> None:
    lake.group.curve = fake.by_looks([fake.Load(queued=1)] * 5 + [fake.Load(moved=1)])
    assert lake.run().state == "success"
    run = lake.run("expect: {min_flow_files_out: 1}")
    assert (run.state, run.states) == ("failed", FAILED)
    tells(run.log, "delivered too little", "name it in `failure_connections`")


def test_a_token_that_expires(lake: Lake) -> None:
    def curve(looks: int, seconds: float) -> fake.Load:
        if looks == 1:
            lake.nifi.expire_tokens()
        return fake.WORK(looks, seconds)

    lake.group.curve = curve
    assert lake.run().state == "success"


def test_nifi_is_restarted(lake: Lake) -> None:
    begun: list[threading.Thread] = []

    def curve(looks: int, seconds: float) -> fake.Load:
        if looks == 1 and not begun:
            begun.append(threading.Thread(target=lake.running.restart))
            begun[0].start()
        return fake.WORK(looks, seconds)

    lake.group.curve = curve
    assert lake.run().state == "success"


def test_nifi_is_back_and_signs_no_tokens_yet(lake: Lake) -> None:
    """The wait goes on with the token that it has, the stop has to log in."""

    def curve(looks: int, seconds: float) -> fake.Load:
        if looks == 3 and not lake.nifi.faults:
            lake.nifi.fault("POST", "/access/token", fake.NO_KEY_YET, times=2)
        return fake.WORK(looks, seconds)

    lake.group.curve = curve
    run = lake.run()
    assert (run.state, run.states) == ("success", DONE)
    assert [fault.times for fault in lake.nifi.faults] == [0]
    assert lake.states == ["STOPPED", "STOPPED"]


def test_nifi_is_gone_for_good(lake: Lake) -> None:
    begun: list[threading.Thread] = []

    def curve(looks: int, seconds: float) -> fake.Load:
        if looks == 1 and not begun:
            begun.append(threading.Thread(target=lake.running.http.stop))
            begun[0].start()
        return fake.Load(queued=1, threads=1)

    lake.group.curve = curve
    lake.pipelines.write("_defaults.yaml", "defaults: {retries: 0}")
    lake.connect(extra={"attempts": 1})
    run = lake.run(wait="unreachable_timeout: 0.3s")
    assert (run.state, run.states["lake.wait"], run.states["lake.stop"]) == (
        "failed",
        "failed",
        "failed",
    )
    tells(run.log, "NiFi did not answer", "Nobody knows whether the flow still runs: look when")


# the start and the stop


def test_a_start_whose_answer_is_lost(lake: Lake) -> None:
    lake.nifi.fault("PUT", "/flow/process-groups", Reply(lost=True), after=True)
    assert lake.run().state == "success"
    assert lake.nifi.count("PUT", "/flow/process-groups") == 2  # it and the stop


def test_threads_that_do_not_end(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("factory.nifi.run.end.PATIENCE", SHORT)
    monkeypatch.setattr("factory.nifi.run.end.stop.__defaults__", (SHORT,))
    monkeypatch.setattr("factory.in_airflow.operators.nifi.preflight._STEP", 0.0)
    lake.group.lingering = -1
    run = lake.run("queue_before: accept")
    assert run.state == "success"
    assert "were terminated" in run.log


def test_a_stop_that_fails_fails_the_run(lake: Lake) -> None:
    def curve(looks: int, seconds: float) -> fake.Load:
        lake.nifi.forbidden = True
        return fake.WORK(looks, seconds)

    lake.group.curve = curve
    run = lake.run()
    assert run.states == states(*["success"] * 3, "failed", "success", after="success")
    assert run.state == "failed"
    tells(run.log, "Contact the administrator", f"give user '{fake.USER}' the policies")


@pytest.mark.parametrize(
    ("policy", "works", "left"),
    [("on_failure", True, True), ("on_failure", False, False), ("never", False, True)],
)
def test_a_flow_may_be_left_running(lake: Lake, policy: str, works: bool, left: bool) -> None:
    if not works:
        lake.group.curve = fake.by_looks([fake.Load(queued=4)])
    run = lake.run(f"stop: {policy}", wait="stall_timeout: 0.3s")
    assert run.state == ("success" if works else "failed")
    assert lake.states == (["RUNNING"] * 2 if left else ["STOPPED"] * 2)


# two at once


def test_a_group_that_another_drives_is_left_alone(lake: Lake) -> None:
    lake.run("stop: never")
    run = lake.run()
    assert (run.state, run.states) == ("failed", REFUSED)
    tells(run.log, "driven by orders/manual__", "wait for it, or stop the group in NiFi")
    assert lake.states == ["RUNNING", "RUNNING"]


def test_two_steps_of_one_run_drive_a_group_one_after_the_other(lake: Lake) -> None:
    text = """
version: 1
start_date: 2024-01-01
schedule: "@daily"
tasks:
  - id: first
    uses: nifi
    with: &drive {conn_id: nifi, group: Lake/Orders, wait: {poll_interval: 0.05s}}
  - {id: second, needs: [first], uses: nifi, with: *drive}
"""
    lake.pipelines.write("twice.yaml", text)
    run = lake.pipelines.run("twice")
    assert set(run.states.values()) == {"success"}
    assert lake.nifi.count("PUT", "/flow/process-groups") == 4


def test_a_stop_under_way_is_waited_for(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("factory.in_airflow.operators.nifi.preflight._PAUSE", 0.01)
    lake.group.lingering = 6
    run = lake.run()
    assert run.states == DONE
    assert "the group was stopped, and 2 of its threads have not ended yet" in run.log


@pytest.mark.parametrize(
    ("marks", "waits"),
    [
        (["", "daily/run/other"], True),  # of a group in this one
        (["", "daily/run/own"], False),
        (["", "daily/another/other"], False),
        (["daily/run/other", ""], True),
    ],
)
def test_a_step_of_the_run_that_drives_a_group_within(marks: list[str], waits: bool) -> None:
    known = tuple(
        Processor(
            *(str(place), "x", "g", "STOPPED", "VALID", (), 0),
            revision={"clientId": f"airflow:{who}#ab@1" if who else ""},
        )
        for place, who in enumerate(marks)
    )
    seen = Seen(Group(id="g", name="Lake"), known)
    assert bool(stopping(seen, keeper(known), Owner("daily/run/own", "cd"))) is waits
