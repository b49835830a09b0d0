"""Alerts of real runs, to a real SMTP server and a real web server."""

import sys
from email.message import EmailMessage
from urllib.parse import quote

import pytest

from tests.mail import connection, text
from tests.web import Web

from ..pipelines import Pipelines

SPEC = """
version: 1
owner: trips
alerts: {alerts}
tasks:
  - {{id: good, run: "true"}}
  - {{id: bad, needs: [good], run: "{command}", retries: {retries}, retry_delay: 1s}}
  - {{id: last, needs: [bad], run: "true"}}
"""
EMAIL = "{type: email, to: [a@example.org, b@example.org], conn_id: mail}"
WEBHOOK = "{type: webhook, conn_id: hook, path: /hooks/data}"

WHY = (
    "bad: Bash command failed. The command returned a non-zero exit code 1.\n"
    "dag_factory_configs/trips.yaml:7, step bad"
)
REASON = {
    "task_id": "bad",
    "error": "Bash command failed. The command returned a non-zero exit code 1.",
    "place": "dag_factory_configs/trips.yaml:7, step bad",
    "connection": "",
    "data": "",
}

Mail = tuple[int, list[EmailMessage]]


@pytest.fixture(autouse=True)
def connections(pipelines: Pipelines, mail: Mail, web: Web) -> None:
    pipelines.connect("mail", **connection(mail[0]))
    pipelines.connect("hook", conn_type="http", host=f"http://127.0.0.1:{web.port}")


def write(pipelines: Pipelines, alerts: str, command: str = "exit 1", retries: int = 0) -> None:
    spec = SPEC.format(alerts=alerts, command=command, retries=retries)
    pipelines.write("trips.yaml", spec)


def test_a_failed_run_is_told_once(pipelines: Pipelines, mail: Mail, web: Web) -> None:
    write(pipelines, f"{{on_failure: [{EMAIL}, {WEBHOOK}]}}")
    run = pipelines.run("trips")
    assert run.state == "failed"
    (message,) = mail[1]
    assert message["Subject"] == "trips failed at bad"
    assert message["To"] == "a@example.org, b@example.org"
    assert message["From"] == "airflow@example.org"
    assert f"Pipeline trips failed: run {run.run_id}. Failed: bad." in text(message)
    assert "/dags/trips/runs/" in text(message)
    (asked,) = web.asked
    assert (asked.method, asked.path) == ("POST", "/hooks/data")
    told = asked.json()
    url = told.pop("log_url")
    assert url.endswith("/tasks/bad?try_number=1")
    (reason,) = told.pop("reasons")
    assert reason == REASON
    assert told == {
        "event": "failure",
        "dag_id": "trips",
        "run_id": run.run_id,
        "task_id": "bad",
        "failed_tasks": ["bad"],
        "logical_date": "2024-01-02T00:00:00+00:00",
        "owner": "trips",
        "message": f"Pipeline trips failed: run {run.run_id}. Failed: bad.\n{WHY}",
    }


def test_a_retry_is_told_at_its_task(pipelines: Pipelines, web: Web) -> None:
    write(pipelines, f"{{on_retry: [{WEBHOOK}]}}", retries=1)
    run = pipelines.run("trips")
    (told,) = [asked.json() for asked in web.asked]
    assert (told["event"], told["task_id"]) == ("retry", "bad")
    message = f"Task bad of trips failed at try 1 of 2 of run {run.run_id}."
    assert told["message"] == f"{message}\n{WHY}"
    assert told["log_url"].endswith("/tasks/bad?try_number=1")


def test_success_is_told(pipelines: Pipelines, mail: Mail, web: Web) -> None:
    write(pipelines, f"{{on_success: [{EMAIL}, {WEBHOOK}], on_failure: [{EMAIL}]}}", "true")
    run = pipelines.run("trips")
    (told,) = [asked.json() for asked in web.asked]
    assert (told["event"], told["task_id"], told["failed_tasks"]) == ("success", None, [])
    assert told["message"] == f"Pipeline trips succeeded: run {run.run_id}."
    assert told["log_url"].endswith(f"/dags/trips/runs/{quote(run.run_id)}")
    assert [message["Subject"] for message in mail[1]] == ["trips succeeded"]


def test_own_words_with_templates(pipelines: Pipelines, mail: Mail, web: Web) -> None:
    email = EMAIL.replace("}", ", subject: 'Day {{ ds }}: {{ event }}'}")
    webhook = WEBHOOK.replace("}", ", message: '{{ dag.dag_id }} / {{ message }}'}")
    write(pipelines, f"{{on_failure: [{email}, {webhook}]}}")
    run = pipelines.run("trips")
    assert mail[1][0]["Subject"] == "Day 2024-01-02: failure"
    expected = f"trips / Pipeline trips failed: run {run.run_id}. Failed: bad.\n{WHY}"
    assert web.asked[0].json()["message"] == expected


def test_words_that_cannot_be_filled_in_do_not_lose_the_alert(
    pipelines: Pipelines, mail: Mail
) -> None:
    email = EMAIL.replace("}", ", subject: '{{ nothing.at.all }}'}")
    write(pipelines, f"{{on_failure: [{email}]}}")
    run = pipelines.run("trips")
    assert mail[1][0]["Subject"] == "trips failed at bad"
    assert "'{{ nothing.at.all }}' of an alert cannot be filled in" in run.log


def test_an_alert_that_cannot_be_sent_leaves_the_others(
    pipelines: Pipelines, mail: Mail, web: Web
) -> None:
    web.answers = [(500, b"out of order")]
    write(pipelines, f"{{on_failure: [{WEBHOOK}, {EMAIL}]}}")
    run = pipelines.run("trips")
    assert run.state == "failed"
    assert "answered 500: out of order" in run.log
    assert len(mail[1]) == 1


def test_a_dag_is_built_without_importing_a_notifier(pipelines: Pipelines) -> None:
    for name in [name for name in sys.modules if name.startswith("airflow.providers.smtp")]:
        del sys.modules[name]
    write(pipelines, f"{{on_failure: [{EMAIL}]}}")
    pipelines.dag("trips")
    assert not [name for name in sys.modules if name.startswith("airflow.providers.smtp")]


OF_STEP = """
version: 1
owner: trips
alerts: {{on_failure: [{mail}], on_retry: [{mail}]}}
tasks:
  - {{id: good, run: "true", alerts: {{on_success: [{hook}]}}}}
  - id: bad
    needs: good
    run: exit 1
    retries: 1
    retry_delay: 1s
    alerts: {{on_failure: [{hook}], on_retry: []}}
"""


def test_those_of_a_step_are_told_of_it_alone(pipelines: Pipelines, mail: Mail, web: Web) -> None:
    pipelines.write("trips.yaml", OF_STEP.format(mail=EMAIL, hook=WEBHOOK))
    run = pipelines.run("trips")
    told = [asked.json() for asked in web.asked]
    assert [(one["event"], one["task_id"]) for one in told] == [
        ("task_success", "good"),
        ("task_failure", "bad"),
    ]
    assert told[0]["message"] == f"Task good of trips succeeded in run {run.run_id}."
    assert told[1]["message"] == f"Task bad of trips failed in run {run.run_id}.\n{WHY}"
    assert told[1]["failed_tasks"] == ["bad"]
    assert told[1]["log_url"].endswith("/tasks/bad?try_number=2")
    assert [message["Subject"] for message in mail[1]] == ["trips failed at bad"]
