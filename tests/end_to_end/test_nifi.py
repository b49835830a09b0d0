"""The `nifi` kind under a real scheduler and triggerer, while people and kills interfere.

NiFi is a stand-in whose flows work until they are told to end.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from factory.embedded import airflow
from factory.embedded.airflow import Airflow
from factory.embedded.airflow_api import DagRun
from factory.embedded.supervise import supervised
from tests.nifi import fake

pytestmark = pytest.mark.slow

DAGS = Path(__file__).parents[2] / "dags"
SPEC = """version: 1
tasks:
  - id: lake
    uses: nifi
    with:
      conn_id: nifi
      group: {name}
      queue_before: accept
      wait: {{poll_interval: 0.5s, timeout: 5m}}
  - {{id: after, needs: [lake], run: "true"}}
"""
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

    def _load(self, looks: int, seconds: float) -> fake.Load:
        return IDLE if self.ended else BUSY


@dataclass(frozen=True)
class World:
    airflow: Airflow
    nifi: fake.FakeNiFi
    root: Path

    def flow(self, name: str) -> Flow:
        """A group, and a pipeline of its name that drives it."""
        made = Flow(self.nifi, name)
        (self.root / f"{name}.yaml").write_text(SPEC.format(name=name))
        return made

    def trigger(self, name: str) -> DagRun:
        until(lambda: self.airflow.api.dag(name), f"{name} is known", 120)
        return self.airflow.api.trigger(name)

    def states(self, run: DagRun) -> dict[str, str]:
        found = self.airflow.api.task_instances(run.dag_id, run.dag_run_id)
        return {each.task_id.removeprefix("lake."): each.state or "" for each in found}

    def deferred(self, run: DagRun) -> None:
        until(lambda: self.states(run).get("wait") == "deferred", "the wait is deferred")

    def end(self, run: DagRun) -> str:
        def ended() -> str | None:
            found = self.airflow.api.dag_run(run.dag_id, run.dag_run_id)
            return found.state if found.ended else None

        state: str = until(ended, f"{run.dag_id} has ended", 120)
        return state

    def send(self, method: str, path: str, body: dict[str, Any]) -> Any:
        return self.airflow.api._send(method, f"/api/v2/{path}", json=body).json()


def until(ready: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := ready()):
        if time.monotonic() > deadline:
            pytest.fail(f"not in {seconds:.0f} s: {what}")
        time.sleep(0.25)
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("nifi")
    root = folder / "dag_factory_configs"
    root.mkdir()
    with fake.serving() as served:
        connection = f"nifi://{fake.USER}:{fake.PASSWORD}@127.0.0.1:{served.http.port}/http"
        env = {
            "FACTORY_CONFIGS": str(root),
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3",
        }
        with airflow.running(
            folder / "airflow", dags=DAGS, connections={"nifi": connection}, env=env
        ) as running:
            world = World(running, served.nifi, root)
            yield world


def test_a_flow_from_its_start_to_its_end(world: World) -> None:
    flow = world.flow("plain")
    run = world.trigger("plain")
    world.deferred(run)
    assert flow.runs
    flow.ended = True
    assert world.end(run) == "success"
    assert set(world.states(run).values()) == {"success"}
    assert not flow.runs


def test_a_person_marks_the_run_failed(world: World) -> None:
    flow = world.flow("run_failed")
    run = world.trigger("run_failed")
    world.deferred(run)
    world.send("PATCH", f"dags/{run.dag_id}/dagRuns/{run.dag_run_id}", {"state": "failed"})
    until(lambda: not flow.runs, "the flow is stopped")
    assert world.end(run) == "failed"


def test_a_person_marks_the_wait_failed(world: World) -> None:
    flow = world.flow("wait_failed")
    run = world.trigger("wait_failed")
    world.deferred(run)
    path = f"dags/{run.dag_id}/dagRuns/{run.dag_run_id}/taskInstances/lake.wait"
    world.send("PATCH", path, {"new_state": "failed"})
    until(lambda: not flow.runs, "the flow is stopped")
    assert world.end(run) == "failed"


def test_a_person_clears_the_wait(world: World) -> None:
    flow = world.flow("cleared")
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


def test_the_triggerer_is_killed(world: World) -> None:
    flow = world.flow("triggerer")
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
