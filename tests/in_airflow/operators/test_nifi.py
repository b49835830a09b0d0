"""The `nifi` kind, from YAML through a real Airflow, against a stand-in for NiFi."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.nifi import fake

from ..pipelines import Pipelines, Run

SPEC = """
version: 1
start_date: 2024-01-01
schedule: "@daily"
tasks:
  - id: lake
    uses: nifi
    with:
      conn_id: nifi
      group: Lake/Orders
      wait: {{poll_interval: 0.05s, {wait}}}
      {more}
  - {{id: after, needs: [lake], run: "true"}}
"""
TASKS = ("preflight", "start", "wait", "stop", "done")


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

    def write(self, *more: str, wait: str = "timeout: 20s", name: str = "orders") -> None:
        self.pipelines.write(f"{name}.yaml", SPEC.format(more="\n      ".join(more), wait=wait))

    def run(self, *more: str, wait: str = "timeout: 20s") -> Run:
        self.write(*more, wait=wait)
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
    assert (report["verdict"], report["flow_files_in"], report["flow_files_out"]) == (
        "succeeded",
        3,
        3,
    )
