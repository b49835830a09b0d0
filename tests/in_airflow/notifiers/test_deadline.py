"""A missed deadline, told to real servers. How Airflow comes to call this: tests/end_to_end."""

import asyncio
from datetime import datetime, timedelta, timezone
from email.message import EmailMessage
from typing import Any

import pytest
from airflow.models.dag_version import DagVersion
from airflow.models.serialized_dag import SerializedDagModel
from airflow.sdk.exceptions import AirflowException
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from airflow.utils.session import create_session

from factory.in_airflow.notifiers.deadline import missed
from tests.mail import connection
from tests.web import Web

from ..pipelines import Pipelines

LATE = timedelta(minutes=3)
NAME = "factory.in_airflow.notifiers."
WEBHOOK = {"notifier": f"{NAME}webhook", "arguments": {"conn_id": "hook"}}
NOWHERE = {"notifier": f"{NAME}webhook", "arguments": {"conn_id": "missing"}}
EMAIL = {"notifier": f"{NAME}email", "arguments": {"to": ["a@example.org"], "conn_id": "mail"}}
SPEC = """
version: 1
deadline: {deadline}
alerts: {{on_deadline: [{{type: webhook, conn_id: hook}}]}}
tasks: [{{id: good, run: "true"}}]
"""


@pytest.fixture(autouse=True)
def connections(pipelines: Pipelines, mail: tuple[int, list[EmailMessage]], web: Web) -> None:
    pipelines.connect("mail", **connection(mail[0]))
    pipelines.connect("hook", conn_type="http", host=f"http://127.0.0.1:{web.port}")


def tell(
    *alerts: dict[str, Any],
    state: str = "running",
    logical_date: str | None = "2024-01-02T00:00:00Z",
    reference: str = "queued_at",
) -> str:
    """What Airflow does in its triggerer; gives the moment of the deadline, as it is told."""
    due = datetime.now(timezone.utc) - LATE
    run = {"dag_id": "trips", "dag_run_id": "r 1", "state": state, "logical_date": logical_date}
    context = {"dag_run": run, "deadline": {"id": "1", "deadline_time": due}}
    asyncio.run(missed(alerts=alerts, owner="o", after="2h", reference=reference, context=context))
    return due.isoformat(sep=" ", timespec="seconds")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("running", "still runs"),
        ("queued", "has not started"),
        ("failed", "failed"),
        ("success", "succeeded too late"),
    ],
)
def test_it_says_which_run_how_it_is_and_how_late(state: str, words: str, web: Web) -> None:
    due = tell(WEBHOOK, state=state)
    (told,) = [asked.json() for asked in web.asked]
    assert told == {
        "event": "deadline",
        "dag_id": "trips",
        "run_id": "r 1",
        "task_id": None,
        "failed_tasks": [],
        "logical_date": "2024-01-02T00:00:00+00:00",
        "owner": "o",
        "message": f"Pipeline trips missed its deadline: run r 1 {words}. "
        f"It was due 0:03:00 ago: {due}, 2h after it was queued.",
        "reasons": [],
        "log_url": "https://airflow.example.org/dags/trips/runs/r%201",
    }


def test_a_deadline_of_the_logical_date_says_so(web: Web) -> None:
    tell(WEBHOOK, reference="logical_date")
    assert web.asked[0].json()["message"].endswith(", 2h after its logical date.")


def test_a_run_without_a_logical_date(web: Web, mail: tuple[int, list[EmailMessage]]) -> None:
    tell(WEBHOOK, EMAIL, logical_date=None)
    assert web.asked[0].json()["logical_date"] is None
    assert mail[1][0]["Subject"] == "trips missed its deadline"


def test_templates_know_the_run(web: Web) -> None:
    words = (
        "{{ dag.dag_id }} {{ dag_run.run_id }} {{ dag_run.state }} {{ ds }} {{ deadline.after }}"
    )
    arguments = {"conn_id": "hook", "message": words}
    tell({"notifier": f"{NAME}webhook", "arguments": arguments})
    assert web.asked[0].json()["message"] == "trips r 1 running 2024-01-02 2h"


def test_an_alert_that_cannot_be_sent_leaves_the_others(
    web: Web, mail: tuple[int, list[EmailMessage]]
) -> None:
    web.answers = [(500, b"out of order")]
    with pytest.raises(AirflowException) as caught:
        tell(NOWHERE, WEBHOOK, EMAIL)
    assert len(mail[1]) == len(web.asked) == 1
    reasons = str(caught.value)
    assert "webhook: The conn_id `missing` isn't defined" in reasons
    assert "answered 500: out of order" in reasons


def test_a_run_in_time_succeeds_and_reading_its_spec_again_makes_no_new_version(
    pipelines: Pipelines, web: Web
) -> None:
    def written(deadline: str) -> bool:
        pipelines.write("in_time.yaml", SPEC.format(deadline=deadline))
        dag = LazyDeserializedDAG.from_dag(pipelines.dag("in_time"))
        with create_session() as session:
            version = DagVersion.get_latest_version("in_time", session=session)
            assert version is not None
            return SerializedDagModel.write_dag(
                dag, bundle_name=str(version.bundle_name), session=session
            )

    pipelines.write("in_time.yaml", SPEC.format(deadline="2h"))
    assert pipelines.run("in_time").state == "success"
    assert web.asked == []
    written("2h")  # a run in this process leaves a version without the deadline
    assert not written("2h")
    assert not written("{after: 2h, from: queued_at}")
    assert written("3h")
    assert not written("3h")
    assert written("{after: 3h, from: logical_date}")
