"""Tasks of the `nifi` kind that are killed with -9, each in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.nifi import fake
from tests.nifi.http_server import Reply
from tests.patience import until

JOB = {
    "group": "Orders",
    "parameters": {},
    "queue_before": "fail",
    "services": "enable",
    "source": "none",
    "sources": [],
    "failure_connections": [],
}
STATES = {"lake.wait": "upstream_failed", "lake.done": "upstream_failed"}


class Task:
    """What an operator asks of its task instance."""

    dag_id, run_id = "orders", "monday"

    def __init__(self, task_id: str, xcoms: dict[str, Any]) -> None:
        self.task_id = task_id
        self.xcoms = xcoms

    def xcom_pull(self, task_ids: str, key: str) -> Any:
        return self.xcoms.get(f"{task_ids}:{key}")

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[f"{self.task_id}:{key}"] = value

    def get_task_states(self, **_: Any) -> Mapping[str, Any]:
        return {self.run_id: STATES}


def execute(name: str, xcoms: dict[str, Any]) -> None:
    """Run one task of the step, and keep what it returns."""
    from factory.in_airflow.operators.nifi import preflight, start, stop

    known: dict[str, Callable[[], Any]] = {
        "preflight": lambda: preflight.Preflight(task_id="preflight", conn_id="nifi", job=JOB),
        "start": lambda: start.Start(task_id="start", conn_id="nifi", job=JOB),
        "stop": lambda: stop.Stop(task_id="stop", conn_id="nifi", stop="always"),
    }
    made = known[name]()
    made.task_id = f"lake.{name}"
    run = SimpleNamespace(start_date=datetime(2024, 1, 2, tzinfo=timezone.utc))
    task = Task(f"lake.{name}", xcoms)
    task.xcom_push("return_value", made.execute({"task_instance": task, "dag_run": run}))


@dataclass
class Lake:
    nifi: fake.FakeNiFi
    put: fake.Component
    xcoms: dict[str, Any]

    @contextmanager
    def process(self, name: str) -> Iterator[subprocess.Popen[bytes]]:
        """The task in a process of its own."""
        code = (
            "import json, sys; from tests.in_airflow.operators.test_nifi_killed import execute;"
            "execute(sys.argv[1], json.loads(sys.argv[2]))"
        )
        command = [sys.executable, "-c", code, name, json.dumps(self.xcoms)]
        with subprocess.Popen(command, cwd=Path(__file__).parents[3], env=os.environ) as process:
            try:
                yield process
            finally:
                process.kill()


@pytest.fixture
def lake(airflow_database: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    with fake.serving() as running:
        nifi = running.nifi
        group = nifi.group("Orders", curve=fake.by_looks([fake.Load()]))
        put = nifi.processor(group, "Put")
        connection = {"conn_type": "nifi", "host": running.url, "login": fake.USER}
        monkeypatch.setenv(
            "AIRFLOW_CONN_NIFI", json.dumps({**connection, "password": fake.PASSWORD})
        )
        lake = Lake(nifi, put, {})
        execute("preflight", lake.xcoms)
        yield lake


CLAIM = "/processors/.*/run-status"
START = "/flow/process-groups/"


@pytest.mark.parametrize("at", [CLAIM, START])
def test_a_start_that_is_killed_is_taken_up(lake: Lake, at: str) -> None:
    lake.nifi.fault("PUT", at, Reply(delay=30), after=True)
    with lake.process("start"):
        until(lambda: lake.nifi.count("PUT", at) == 1)
    execute("start", lake.xcoms)
    assert lake.put.state == "RUNNING"
    assert lake.nifi.count("PUT", START) == 1
    execute("stop", lake.xcoms)
    assert lake.put.state == "STOPPED"


@pytest.mark.parametrize("at", [CLAIM, START])
def test_a_start_that_is_killed_for_good_is_stopped(lake: Lake, at: str) -> None:
    lake.nifi.fault("PUT", at, Reply(delay=30), after=True)
    with lake.process("start"):
        until(lambda: lake.nifi.count("PUT", at) == 1)
    execute("stop", lake.xcoms)
    assert lake.put.state == "STOPPED"
    assert lake.put.client == "airflow:free"


def test_what_another_has_started_is_not_stopped(lake: Lake) -> None:
    lake.put.client = "airflow:copy/monday/lake#bbbb@1700000000"
    lake.put.state = "RUNNING"
    execute("stop", lake.xcoms)
    assert lake.put.state == "RUNNING"


def test_a_run_that_is_done_again_ends_what_it_had_started(lake: Lake) -> None:
    execute("start", lake.xcoms)
    assert lake.put.state == "RUNNING"
    execute("preflight", lake.xcoms)
    assert lake.put.state == "STOPPED"
    execute("start", lake.xcoms)
    assert lake.put.state == "RUNNING"
