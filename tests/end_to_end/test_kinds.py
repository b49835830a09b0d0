"""The kinds and the alerts under a real Airflow: its scheduler, triggerer and Dag processor."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.message import EmailMessage
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import psycopg
import pytest

from factory_embedded.airflow_api import AirflowApi, DagRun
from factory_embedded.ports import free_port
from factory_embedded.services import airflow
from factory_embedded.services.postgres import Server
from tests import mail as mails
from tests import web as webs
from tests.patience import until

pytestmark = pytest.mark.slow

DAGS = Path(__file__).parents[2] / "dags"
DAY = datetime(2024, 1, 2, tzinfo=timezone.utc)
Answer = TypeVar("Answer")

SPECS = {
    "child": """
tasks: [{id: say, run: echo child}]
""",
    "parent": """
tasks: [{id: start, uses: trigger, with: {pipeline: child, wait: true, poll_interval: 10s}}]
""",
    # A scheduler that is slow to hear of a deferral takes a task that goes on within seconds for a
    # lost one, and repeats it: hence the retries, and above the longer interval.
    "waits": """
defaults: {retries: 10, retry_delay: 1s}
tasks:
  - id: answer
    uses: wait
    with:
      {for: {type: http, conn_id: api, expect: {json: {state: done}}}, poll_interval: 1s}
  - id: rows
    uses: wait
    with:
      for: {type: sql, conn_id: warehouse, sql: ready.sql, parameters: {n: 2}}
      poll_interval: 1s
  - id: file
    uses: wait
    with: {for: {type: file, path: "FOLDER/{{ ds }}.csv"}, poll_interval: 1s}
  - id: moment
    uses: wait
    with: {for: {type: time, until: "{{ dag_run.start_date + macros.timedelta(seconds=3) }}"}}
  - id: other
    uses: wait
    with: {for: {type: pipeline, pipeline: child, offset: 1d}, poll_interval: 1s, timeout: 2m}
  - id: never
    uses: wait
    with:
      for: {type: file, path: "FOLDER/never"}
      poll_interval: 1s
      timeout: 3s
      on_timeout: skip
""",
    "function": """
tasks:
  - id: call
    uses: python
    with: {callable: "code.py:run", args: {day: "{{ ds }}"}, output: true}
  - id: use
    needs: [call]
    run: echo "it said {{ ti.xcom_pull('call') }}"
""",
    "orders": """
tasks:
  - id: orders
    uses: ingest
    retries: 1
    retry_delay: 1h
    with:
      source: {type: file, path: "FOLDER/orders*.csv", format: {type: csv, columns: {n: bigint}}}
      target: {type: postgres, conn_id: warehouse, table: orders}
      write: {mode: append}
""",
    "bracketed": """
params: {seconds: 0}
tasks:
  - {id: up, uses: bash, with: {command: "echo {{ ti.try_number }}", output: true}}
  - {id: work, needs: up, run: "echo on {{ tasks.up.output }}; sleep {{ params.seconds }}"}
  - {id: more, needs: work, if: "{{ tasks.up.output | int > 1 }}", run: "true"}
  - {id: down, teardown_for: up, run: "echo ended {{ tasks.up.output }}"}
""",
    "failing": """
owner: trips
alerts:
  on_failure: [{type: email, to: [a@example.org], conn_id: mail}, {type: webhook, conn_id: hook}]
  on_retry: [{type: webhook, conn_id: hook}]
  on_success: [{type: webhook, conn_id: hook}]
tasks:
  - {id: good, run: "true"}
  - {id: bad, run: exit 1, retries: 1, retry_delay: 1s}
  - {id: worse, run: exit 1}
  - {id: last, needs: [bad], run: "true"}
""",
    "succeeding": """
alerts: {on_success: [{type: webhook, conn_id: hook, message: "{{ ds }}: {{ message }}"}]}
tasks: [{id: good, run: "true"}]
""",
    "slow": """
dagrun_timeout: 5s
alerts: {on_failure: [{type: webhook, conn_id: hook}]}
tasks: [{id: sleep, run: sleep 300}]
""",
    "late": """
owner: trips
deadline: 3s
alerts:
  on_deadline:
    - {type: webhook, conn_id: nowhere}
    - {type: slack, conn_id: slack, message: "<!here> {{ ds }}: {{ message }}"}
    - {type: email, to: [late@example.org], conn_id: mail}
    - {type: webhook, conn_id: hook}
tasks:
  - id: hold
    uses: wait
    retries: 10
    retry_delay: 1s
    with: {for: {type: file, path: FOLDER/go_on}, poll_interval: 1s}
""",
    "given_up": """
deadline: 20s
alerts: {on_deadline: [{type: webhook, conn_id: hook}]}
tasks: [{id: bad, run: exit 1}]
""",
    "in_time": """
deadline: 10m
alerts: {on_deadline: [{type: webhook, conn_id: hook}]}
tasks: [{id: good, run: "true"}]
""",
}
SLACK = "T0SECRET/B0SECRET/XsecretX"


@dataclass(frozen=True)
class World:
    """A running Airflow, and what its pipelines talk to."""

    api: AirflowApi
    folder: Path
    database: Server
    web: webs.Web
    hook: webs.Web
    slack: webs.Web
    mail: list[EmailMessage]

    def ended(self, run: DagRun) -> DagRun:
        def end() -> DagRun | None:
            now = self.api.dag_run(run.dag_id, run.dag_run_id)
            return now if now.ended else None

        return until(end)

    def states(self, run: DagRun) -> dict[str, str]:
        tasks = self.api.task_instances(run.dag_id, run.dag_run_id)
        return {task.task_id: str(task.state) for task in tasks}

    def log(self, run: DagRun, task_id: str) -> str:
        tasks = self.api.task_instances(run.dag_id, run.dag_run_id)
        (task,) = [task for task in tasks if task.task_id == task_id]
        return "\n".join(self.api.log(task))

    def logs(self, run: DagRun) -> str:
        return "\n".join(self.log(run, name) for name in self.states(run))

    def told(self, run: DagRun, event: str) -> list[dict[str, Any]]:
        messages = [asked.json() for asked in self.hook.asked]
        return [
            message
            for message in messages
            if (message["run_id"], message["event"]) == (run.dag_run_id, event)
        ]

    def mailed(self, address: str) -> list[EmailMessage]:
        return [message for message in self.mail if message["To"] == address]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("kinds")
    shutil.copytree(DAGS, folder / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    team = folder / "dag_factory_configs/team"
    team.mkdir(parents=True)
    for name, text in SPECS.items():
        (team / f"{name}.yaml").write_text(f"version: 1{text.replace('FOLDER', folder.as_uri())}")
    (team / "code.py").write_text("import helper\ndef run(day, ti):\n    return helper.say(day)")
    (team / "helper.py").write_text("def say(day):\n    return f'{day} and more'")
    (team / "ready.sql").write_text("SELECT count(*) >= %(n)s FROM ready")
    with psycopg.connect(postgres.uri) as connection:
        connection.execute("DROP TABLE IF EXISTS ready; CREATE TABLE ready (n int)")
    warehouse = {
        "conn_type": "postgres",
        "host": postgres.host,
        "port": postgres.port,
        "login": postgres.user,
        "schema": postgres.database,
    }
    with (
        webs.serving() as web,
        webs.serving() as hook,
        webs.serving() as slack,
        mails.serving() as (port, mail),
    ):
        chat = {"host": f"http://127.0.0.1:{slack.port}/services", "password": SLACK}
        connections = {
            "slack": json.dumps({"conn_type": "slackwebhook", **chat}),
            "nowhere": f"http://127.0.0.1:{free_port()}",
            "api": f"http://127.0.0.1:{web.port}",
            "hook": f"http://127.0.0.1:{hook.port}",
            "warehouse": json.dumps(warehouse),
            "mail": json.dumps(mails.connection(port)),
        }
        with airflow.running(
            folder / "home",
            dags=folder / "dags",
            connections=connections,
            env={"AIRFLOW__API__BASE_URL": "https://airflow.example.org"},
            parallelism=8,
        ) as server:
            until(lambda: len(server.api.dags()) == len(SPECS))
            yield World(server.api, folder, postgres, web, hook, slack, mail)


def test_a_triggered_pipeline_runs_once_however_often_its_task_does(world: World) -> None:
    run = world.ended(world.api.trigger("parent"))
    assert run.state == "success"
    name = f"triggered_by__parent.start__{run.dag_run_id}"
    assert [child.dag_run_id for child in world.api.dag_runs("child")] == [name]
    assert f"the run {name} of child succeeded" in world.log(run, "start")
    world.api.clear("parent", run.dag_run_id)
    run = world.ended(run)
    assert run.state == "success"
    assert f"the run {name} of child was started before; it is success" in world.log(run, "start")
    assert len(world.api.dag_runs("child")) == 1


def test_waits_in_the_triggerer(world: World) -> None:
    world.web.answers = [(503, b"no"), (200, b'{"state": "busy"}')]
    run = world.api.trigger("waits", logical_date=DAY)

    def deferred() -> bool:
        states = world.states(run)
        waiting = ("answer", "rows", "file", "other")
        return all(states[name] == "deferred" for name in waiting)

    until(deferred)
    world.web.answers = [(200, b'{"state": "done"}')]
    with psycopg.connect(world.database.uri) as connection:
        connection.execute("INSERT INTO ready VALUES (1), (2)")
    (world.folder / "2024-01-02.csv").touch()
    world.api.trigger("child", logical_date=DAY - timedelta(days=1))
    run = world.ended(run)
    assert world.states(run) == {
        "answer": "success",
        "rows": "success",
        "file": "success",
        "moment": "success",
        "other": "success",
        "never": "skipped",
    }, world.logs(run)
    assert "answered 200" in world.log(run, "answer")
    assert "this waits 0:00:03 at most; the last look: there is no file" in world.log(run, "never")


def test_a_function_beside_its_spec(world: World) -> None:
    run = world.ended(world.api.trigger("function", logical_date=DAY))
    assert run.state == "success"
    assert "it said 2024-01-02 and more" in world.log(run, "use")


def test_a_person_ends_a_run_before_its_load(world: World) -> None:
    (world.folder / "orders.csv").write_text("n\nmany\n")
    run = world.api.trigger("orders")
    until(lambda: world.states(run).get("orders.to_parquet") == "up_for_retry")
    path = f"/api/v2/dags/orders/dagRuns/{run.dag_run_id}"
    world.api._send("PATCH", path, json={"state": "failed"})
    assert world.ended(run).state == "failed"
    assert world.states(run) == {
        "orders.list_files": "success",
        "orders.to_parquet": "skipped",
        "orders.load": "skipped",
        "orders.clean_up": "failed",
        "orders.done": "skipped",
    }
    assert "a person ended this run" in world.log(run, "orders.clean_up")


def test_clearing_the_work_clears_what_is_around_it(world: World) -> None:
    run = world.ended(world.api.trigger("bracketed"))
    assert run.state == "success", world.logs(run)
    assert world.states(run)["more"] == "skipped"
    assert "ended 1" in world.log(run, "down.tear_down")
    path = "/api/v2/dags/bracketed/clearTaskInstances"
    some = {"task_ids": ["work"], "include_downstream": True, "only_failed": False}
    asked = {"dag_run_id": run.dag_run_id, "dry_run": False, **some}
    world.api._send("POST", path, json=asked)
    run = world.ended(run)
    assert run.state == "success", world.logs(run)
    assert world.states(run)["more"] == "success"
    assert "on 2" in world.log(run, "work")
    assert "ended 2" in world.log(run, "down.tear_down")


def test_a_person_ends_a_run_in_its_work(world: World) -> None:
    run = world.api.trigger("bracketed", conf={"seconds": 600})
    until(lambda: world.states(run).get("work") == "running")
    path = f"/api/v2/dags/bracketed/dagRuns/{run.dag_run_id}"
    world.api._send("PATCH", path, json={"state": "failed"})
    assert world.ended(run).state == "failed"
    assert "ended 1" in world.log(run, "down.tear_down")
    assert "a person ended this run" in world.log(run, "down.tear_down")


def test_a_failed_run_is_told_once_with_every_task_that_failed(world: World) -> None:
    run = world.ended(world.api.trigger("failing", logical_date=DAY))
    assert run.state == "failed"
    (told,) = until(lambda: world.told(run, "failure"))
    assert told["failed_tasks"] == ["bad", "worse"]
    assert told["task_id"] in told["failed_tasks"]
    assert told["owner"] == "trips"
    assert told["logical_date"] == "2024-01-02T00:00:00+00:00"
    message = f"Pipeline failing failed: run {run.dag_run_id}. Failed: bad, worse."
    assert told["message"].splitlines()[0] == message
    places = [reason["place"].rpartition(":")[2] for reason in told["reasons"]]
    assert places == ["9, step bad", "10, step worse"]
    (message_,) = until(lambda: world.mailed("a@example.org"))
    assert message_["Subject"] == "failing failed at bad and 1 more"
    assert message in mails.text(message_)
    (retry,) = world.told(run, "retry")
    assert (retry["task_id"], retry["failed_tasks"]) == ("bad", [])
    assert "failed at try 1 of 2" in retry["message"]
    assert world.told(run, "success") == []


def test_a_run_that_succeeded_is_told(world: World) -> None:
    run = world.ended(world.api.trigger("succeeding", logical_date=DAY))
    (told,) = until(lambda: world.told(run, "success"))
    expected = f"2024-01-02: Pipeline succeeding succeeded: run {run.dag_run_id}."
    assert told["message"] == expected
    assert told["log_url"].endswith(f"/dags/succeeding/runs/{quote(run.dag_run_id)}")


def test_a_run_that_took_too_long_is_told(world: World) -> None:
    run = world.ended(world.api.trigger("slow", logical_date=DAY))
    assert run.state == "failed"
    (told,) = until(lambda: world.told(run, "failure"))
    assert "it took longer than its dagrun_timeout" in told["message"]


def test_a_missed_deadline_is_told_once_and_the_run_goes_on(world: World) -> None:
    on_time = world.api.trigger("in_time", logical_date=DAY)
    given_up = world.api.trigger("given_up", logical_date=DAY)
    run = world.api.trigger("late", logical_date=DAY)
    (told,) = until(lambda: world.told(run, "deadline"))
    words = f"Pipeline late missed its deadline: run {run.dag_run_id} still runs. It was due 0:"
    assert told["message"].startswith(words)
    assert told["message"].endswith(", 3s after it was queued.")
    assert (told["task_id"], told["owner"]) == (None, "trips")
    assert told["logical_date"] == "2024-01-02T00:00:00+00:00"
    link = f"/dags/late/runs/{quote(run.dag_run_id)}"
    assert told["log_url"].endswith(link)
    (chat,) = world.slack.asked
    assert chat.path == f"/services/{SLACK}"
    assert chat.json()["text"].startswith(f"<!here> 2024-01-02: {words}")
    assert chat.json()["text"].endswith(f"{link}|Run {run.dag_run_id}>")
    (mail,) = world.mailed("late@example.org")
    assert mail["Subject"] == "late missed its deadline"

    (world.folder / "go_on").touch()
    assert world.ended(run).state == "success"
    world.api.clear("late", run.dag_run_id)
    assert world.ended(run).state == "success"
    assert len(world.told(run, "deadline")) == 1
    assert len(world.slack.asked) == 1
    assert world.ended(on_time).state == "success"
    assert world.told(on_time, "deadline") == []
    (told,) = until(lambda: world.told(given_up, "deadline"))
    assert f"run {given_up.dag_run_id} failed. It was due 0:" in told["message"]
    written = [file for file in (world.folder / "home").rglob("*") if file.is_file()]
    assert not [file for file in written if b"XsecretX" in file.read_bytes()]
