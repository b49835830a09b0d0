"""The `trigger` kind, from YAML through a real Airflow; the other run is ended by the test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

import pytest

from factory.in_airflow.operators.trigger import run_id_for

from ..pipelines import Pipelines, Run

PARENT = """
version: 1
params: {{day: monday}}
tasks:
  - id: start
    uses: trigger
    retries: 1
    retry_delay: 1s
    with:
      {{pipeline: child, poll_interval: 1s, conf: {{day: "{{{{ params.day }}}}", n: 1}}, {more}}}
"""
CHILD = "version: 1\nparams: {day: sunday, n: 0}\ntasks: [{id: say, run: 'true'}]"


@pytest.fixture(autouse=True)
def child(pipelines: Pipelines) -> Iterator[None]:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    pipelines.write("child.yaml", CHILD)
    yield
    with create_session() as session:
        session.execute(delete(DagRun).where(DagRun.dag_id.in_(["parent", "child"])))


def start(pipelines: Pipelines, more: str = "wait: false") -> Run:
    pipelines.write("parent.yaml", PARENT.format(more=more))
    return pipelines.run("parent")


def children() -> list[Any]:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        runs = list(session.query(DagRun).where(DagRun.dag_id == "child"))
        session.expunge_all()
        return runs


def pause(paused: bool = True) -> None:
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    with create_session() as session:
        for dag in session.query(DagModel).where(DagModel.dag_id == "child"):
            dag.is_paused = paused


@contextmanager
def ending(*states: str) -> Iterator[None]:
    """End the child's run, each time that it is started, as a scheduler does."""
    over, left = threading.Event(), list(states)

    def end() -> None:
        from airflow.models.dagrun import DagRun
        from airflow.utils.session import create_session

        while left and not over.wait(0.2):
            with create_session() as session:
                for run in session.query(DagRun).where(DagRun.dag_id == "child"):
                    if run.state == "queued":
                        run.state = left.pop(0)

    thread = threading.Thread(target=end)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_one_run_with_its_conf(pipelines: Pipelines) -> None:
    run = start(pipelines)
    assert run.state == "success"
    (made,) = children()
    assert made.run_id == f"triggered_by__parent.start__{run.run_id}"
    assert made.conf == {"day": "monday", "n": 1}
    assert made.run_type == "operator_triggered"


def test_the_logical_date_is_given_when_asked(pipelines: Pipelines) -> None:
    start(pipelines, "logical_date: '{{ logical_date }}'")
    (made,) = children()
    assert made.logical_date == datetime(2024, 1, 2, tzinfo=timezone.utc)


def test_a_run_that_succeeds_is_waited_for(pipelines: Pipelines) -> None:
    start(pipelines)
    pause(False)
    with ending("success", "success"):
        run = start(pipelines, "wait: true")
    assert run.state == "success"
    assert "Trigger completed" in run.log
    assert f"triggered_by__parent.start__{run.run_id} of child succeeded" in run.log


def test_a_retry_repeats_the_same_run_after_it_failed(pipelines: Pipelines) -> None:
    start(pipelines)
    pause(False)
    before = len(children())
    with ending("success", "failed", "success"):
        run = start(pipelines, "wait: true")
    assert run.state == "success"
    assert "of child failed" in run.log
    assert "repeating triggered_by__parent.start__" in run.log
    assert len(children()) == before + 1


def test_a_paused_pipeline_is_not_waited_for(pipelines: Pipelines) -> None:
    start(pipelines)
    pause()
    run = start(pipelines, "wait: true")
    assert run.state == "failed"
    assert "child is paused: its run would not start" in run.log


def test_an_unknown_pipeline_is_an_error(pipelines: Pipelines) -> None:
    pipelines.write("parent.yaml", PARENT.format(more="").replace("child", "chidl"))
    run = pipelines.run("parent")
    assert run.state == "failed"
    assert "Airflow finds no pipeline 'chidl'" in run.log


def test_run_ids_are_the_same_at_every_try_and_never_too_long() -> None:
    assert run_id_for("d", "t", "r") == run_id_for("d", "t", "r", -1) == "triggered_by__d.t__r"
    assert run_id_for("d", "t", "r", 3) == "triggered_by__d.t.3__r"
    long = run_id_for("d" * 200, "t" * 200, "r")
    assert len(long) == 250
    assert long != run_id_for("d" * 200, "t" * 200, "s")
