"""The `trigger` kind, from YAML through a real Airflow; the other run is ended by the test."""

import threading
from collections.abc import Iterator
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
    retries: 0
    with: {{pipeline: child, poll_interval: 1s, conf: {{day: "{{{{ params.day }}}}", n: 1}}, {more}}}
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


def start(pipelines: Pipelines, more: str = "wait: false", run_again: bool = False) -> Run:
    pipelines.write("parent.yaml", PARENT.format(more=more))
    return pipelines.run("parent")


def children() -> list[Any]:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        runs = list(session.query(DagRun).where(DagRun.dag_id == "child"))
        session.expunge_all()
        return runs


def end(state: str) -> None:
    """What a scheduler does with the child's run."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        for run in session.query(DagRun).where(DagRun.dag_id == "child"):
            run.state = state


def unpause() -> None:
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    with create_session() as session:
        for dag in session.query(DagModel):
            dag.is_paused = False


def repeat(run: Run) -> str:
    """Run the task of a finished run once more, as a retry does; the state it ends with."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        (again,) = session.query(DagRun).where(DagRun.run_id == run.run_id)
        task = again.get_task_instance("start")
        assert task is not None
        return str(task.state)


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
