"""The `nifi` kind under a real scheduler and triggerer, while people and kills interfere.

NiFi is a stand-in whose flows work until they are told to end.
"""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from factory_embedded.airflow_api import DagRun
from factory_embedded.services import airflow
from factory_embedded.services.airflow import Airflow
from factory_embedded.supervise import supervised
from tests.nifi import fake
from tests.patience import until

pytestmark = pytest.mark.slow

DAGS = Path(__file__).parents[2] / "dags"
SPEC = """version: 1
tasks:
  - id: lake
    uses: nifi
    with:
      conn_id: nifi
      group: {group}
      queue_before: accept
      wait: {{poll_interval: 0.5s, timeout: 5m}}
  - {{id: after, needs: [lake], run: "true"}}
"""
NAMES = (
    "plain",
    "run_failed",
    "wait_failed",
    "cleared",
    "wait_killed",
    "shared",
    "triggerer",
)
"""Pipelines, each with a group of its name, and `also_shared`: all there before Airflow starts."""
BUSY = fake.Load(queued=1, threads=1)
IDLE = fake.Load(moved=9, received=4, sent=4)


class Flow:
    """A group that works until it is told to end."""

    def __init__(self, nifi: fake.FakeNiFi, name: str) -> None:
        self.ended = False
        self.group = nifi.group(name, curve=self._load)
        self.put = nifi.processor(self.group, "Put")

    @property
    def runs(self) -> bool:
        return self.put.state == "RUNNING"

    def changes(self, nifi: fake.FakeNiFi) -> int:
        """How often NiFi was told to start it, or to stop it."""
        return nifi.count("PUT", f"/flow/process-groups/{self.group.id}$")

    def _load(self, looks: int, seconds: float) -> fake.Load:
        return IDLE if self.ended else BUSY


@dataclass(frozen=True)
class World:
    airflow: Airflow
    nifi: fake.FakeNiFi
    flows: Mapping[str, Flow]

    def trigger(self, name: str) -> DagRun:
        self.known(name)
        return self.airflow.api.trigger(name)

    def known(self, name: str) -> None:
        until(lambda: self.airflow.api.dag(name), f"{name} is known")

    def states(self, run: DagRun) -> dict[str, str]:
        found = self.airflow.api.task_instances(run.dag_id, run.dag_run_id)
        return {each.task_id.removeprefix("lake."): each.state or "" for each in found}

    def deferred(self, run: DagRun) -> None:
        until(lambda: self.waits(run), "the wait is deferred")

    def waits(self, run: DagRun) -> bool:
        return self.states(run).get("wait") == "deferred"

    def tries(self, run: DagRun) -> dict[str, int]:
        found = self.airflow.api.task_instances(run.dag_id, run.dag_run_id)
        return {each.task_id.removeprefix("lake."): each.try_number for each in found}

    def kill_wait(self, run: DagRun) -> None:
        """Kill the next process that works at the wait with -9."""
        title = self.title(run)
        until(lambda: _killed(title), "a process works at the wait", pause=0.01)

    def left_to_the_triggerer(self, run: DagRun) -> None:
        """The process that deferred the wait has ended: the next one is that of its end."""
        self.deferred(run)
        title = self.title(run)
        until(lambda: not _workers(title), "no process works at the wait")

    def title(self, run: DagRun) -> str:
        """Of a process that works at the wait's present try."""
        path = f"dags/{run.dag_id}/dagRuns/{run.dag_run_id}/taskInstances/lake.wait"
        return f"airflow worker -- {self.airflow.api._send('GET', f'/api/v2/{path}').json()['id']}"

    def log_of_failed(self, run: DagRun) -> list[str]:
        """Of the task that failed, as Airflow's UI shows it."""
        found = self.airflow.api.task_instances(run.dag_id, run.dag_run_id)
        (failed,) = (each for each in found if each.state == "failed")
        return self.airflow.api.log(failed)

    def end(self, run: DagRun) -> str:
        def ended() -> str | None:
            found = self.airflow.api.dag_run(run.dag_id, run.dag_run_id)
            return found.state if found.ended else None

        state: str = until(ended, f"{run.dag_id} has ended")
        return state

    def send(self, method: str, path: str, body: dict[str, Any]) -> Any:
        return self.airflow.api._send(method, f"/api/v2/{path}", json=body).json()


def _killed(title: str) -> bool:
    found = _workers(title)
    for each in found:
        with suppress(psutil.Error):
            each.kill()
    return bool(found)


def _workers(title: str) -> list[psutil.Process]:
    found = []
    for each in psutil.process_iter():
        with suppress(psutil.Error):
            if " ".join(each.cmdline()).strip() == title:
                found.append(each)
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("nifi")
    root = folder / "dag_factory_configs"
    root.mkdir()
    with fake.serving() as served:
        flows = {name: Flow(served.nifi, name) for name in NAMES}
        for name, group in {**{name: name for name in NAMES}, "also_shared": "shared"}.items():
            (root / f"{name}.yaml").write_text(SPEC.format(group=group))
        connection = f"nifi://{fake.USER}:{fake.PASSWORD}@127.0.0.1:{served.http.port}/http"
        env = {
            "FACTORY_CONFIGS": str(root),
            # until a scheduler gives the triggers of one that died to another
            "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "12",
        }
        with airflow.running(
            folder / "airflow", dags=DAGS, connections={"nifi": connection}, env=env
        ) as running:
            yield World(running, served.nifi, flows)


def test_a_flow_from_its_start_to_its_end(world: World) -> None:
    flow = world.flows["plain"]
    run = world.trigger("plain")
    world.deferred(run)
    assert flow.runs
    flow.ended = True
    assert world.end(run) == "success"
    assert set(world.states(run).values()) == {"success"}
    assert not flow.runs


def test_a_person_marks_the_run_failed(world: World) -> None:
    flow = world.flows["run_failed"]
    run = world.trigger("run_failed")
    world.deferred(run)
    world.send("PATCH", f"dags/{run.dag_id}/dagRuns/{run.dag_run_id}", {"state": "failed"})
    until(lambda: not flow.runs, "the flow is stopped")
    assert world.end(run) == "failed"


def test_a_person_marks_the_wait_failed(world: World) -> None:
    flow = world.flows["wait_failed"]
    run = world.trigger("wait_failed")
    world.deferred(run)
    path = f"dags/{run.dag_id}/dagRuns/{run.dag_run_id}/taskInstances/lake.wait"
    world.send("PATCH", path, {"new_state": "failed"})
    until(lambda: not flow.runs, "the flow is stopped")
    assert world.end(run) == "failed"


def test_a_person_clears_the_wait(world: World) -> None:
    flow = world.flows["cleared"]
    run = world.trigger("cleared")
    world.deferred(run)
    body = {"dag_run_id": run.dag_run_id, "dry_run": False, "task_ids": ["lake.wait"]}
    cleared = world.send(
        "POST", f"dags/{run.dag_id}/clearTaskInstances", {**body, "only_failed": False}
    )
    assert {each["task_id"] for each in cleared["task_instances"]} == {
        f"lake.{name}" for name in ("preflight", "start", "wait", "stop")
    }
    until(lambda: not flow.runs, "the flow is stopped")
    until(lambda: flow.runs, "the flow is started again")
    world.deferred(run)
    flow.ended = True
    assert world.end(run) == "success"
    assert not flow.runs


def test_the_wait_is_killed_before_and_after_it_deferred(world: World) -> None:
    flow = world.flows["wait_killed"]
    run = world.trigger("wait_killed")
    world.kill_wait(run)
    until(lambda: world.tries(run)["wait"] == 2, "it is tried again")
    world.left_to_the_triggerer(run)
    flow.ended = True
    world.kill_wait(run)
    assert flow.changes(world.nifi) == 1  # nobody has stopped it meanwhile
    assert world.end(run) == "success"
    assert world.tries(run)["wait"] == 3
    assert flow.changes(world.nifi) == 2
    assert not flow.runs


def test_two_pipelines_drive_one_group_at_once(world: World) -> None:
    flow = world.flows["shared"]
    for name in ("shared", "also_shared"):
        world.known(name)
    runs = [world.airflow.api.trigger(name) for name in ("shared", "also_shared")]
    until(lambda: [run for run in runs if world.waits(run)], "one of them waits")
    winner, loser = sorted(runs, key=world.waits, reverse=True)
    assert world.end(loser) == "failed"
    said = [line for line in world.log_of_failed(loser) if line.startswith("AirflowException")]
    assert f"driven by {winner.dag_id}/{winner.dag_run_id}/lake" in said[-1]
    looks = flow.group.looks
    until(lambda: flow.group.looks > looks + 5, "the flow of the other goes on")
    assert world.waits(winner)
    assert flow.changes(world.nifi) == 1
    flow.ended = True
    assert world.end(winner) == "success"
    assert not flow.runs


def test_the_triggerer_is_killed(world: World) -> None:
    flow = world.flows["triggerer"]
    run = world.trigger("triggerer")
    world.deferred(run)
    looks = flow.group.looks
    until(lambda: flow.group.looks > looks + 5, "it is looked at")
    for each in psutil.Process(world.airflow.process.pid).children(recursive=True):
        with suppress(psutil.Error):
            if "triggerer" in " ".join(each.cmdline()):
                each.kill()
    time.sleep(2)
    assert flow.runs
    flow.ended = True  # nobody looks
    with another_triggerer(world.airflow):
        assert world.end(run) == "success"
    assert not flow.runs


@contextmanager
def another_triggerer(running: Airflow) -> Iterator[None]:
    command = [str(Path(sys.executable).with_name("airflow")), "triggerer", "--skip-serve-logs"]
    log = running.home / "triggerer.log"
    with supervised(command, env=running.env, cwd=running.home, log=log):
        yield
