"""The examples that need no cloud, `for_each` and kinds of one's own under one real Airflow.

Its scheduler expands what `dag.test` expands by itself.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psycopg
import pytest

from factory_embedded import dbt
from factory_embedded.airflow_api import AirflowApi, DagRun, TaskInstance
from factory_embedded.services import airflow
from factory_embedded.services.postgres import Server
from tests import web as webs
from tests.patience import until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FOLDERS = ("crm", "energy", "shop", "weather")
DAY = datetime(2024, 1, 2, tzinfo=timezone.utc)
RUNS = [
    ("shop_daily", DAY),
    ("crm_tables", DAY),
    ("crm_tables", DAY.replace(hour=1)),
    ("silver", DAY),
    ("silver", DAY.replace(hour=1)),
    ("city_weather", DAY),
]
"""All at once; of one pipeline one after the other."""

FILES = {
    "customers": "customer_id,email\n1,a@example.org\n2,b@example.org\n",
    "products": "product_id,price\n1,2.50\n2,10.00\n",
    "orders": "order_id,customer_id,product_id,quantity,order_date\n"
    "1,1,1,2,2024-01-01\n2,1,2,1,2024-01-01\n3,2,1,1,2024-01-02\n",
}
CRM = """
CREATE SCHEMA crm;
CREATE TABLE crm.users (user_id int PRIMARY KEY, name text, updated_at timestamptz);
CREATE TABLE crm.events (event_id int PRIMARY KEY, user_id int, created_at timestamptz);
CREATE TABLE crm.countries (code text PRIMARY KEY);
INSERT INTO crm.users VALUES (1, 'Ada', '2024-01-01 12:00Z'), (2, 'Bo', '2024-01-02 00:10Z');
INSERT INTO crm.events VALUES (1, 1, '2024-01-02 00:20Z'), (2, 1, '2024-01-02 01:40Z');
INSERT INTO crm.countries VALUES ('DE'), ('NO');
"""
CITIES = [{"name": "oslo", "lat": 59.9, "lon": 10.7}, {"name": "rome", "lat": 41.9, "lon": 12.5}]
WEATHER = {"observations": [{"time": "2024-01-02T00:00", "temperature_2m": 3.5}]}


CODE = """
import pathlib, time
def cities(): return [{"name": "amsterdam", "n": 1}, {"name": "berlin", "n": 2}]
def double(n): return 2 * n
def alone(place, n):
    with open(place, "a") as file:
        print("start", n, file=file, flush=True)
        time.sleep(1)
        print("end", n, file=file, flush=True)
def once(place, n):
    mark = pathlib.Path(f"{place}.{n}")
    if n == 2 and not mark.exists():
        mark.touch()
        raise ValueError("not at first")
    return n
def fail(n):
    if n == 2: raise ValueError("never")
"""
OPERATOR = "airflow.providers.standard.operators.bash.BashOperator"
SPECS = {
    "steps": """
params: {years: [2023, 2024]}
tasks:
  - {id: cities, uses: python, with: {callable: "code.py:cities", output: true}}
  - id: code
    needs: [cities]
    for_each: "{{ tasks.cities.output }}"
    uses: python
    with: {callable: "code.py:double", args: {n: "{{ item.n }}"}, output: true}
  - id: shell
    for_each: "{{ params.years }}"
    run: echo {{ item + 1 }}
    with: {output: true}
  - id: web
    for_each: [a, b]
    uses: http
    with: {conn_id: api, endpoint: "v1/{{ item }}", output: json}
  - id: rows
    needs: [code]
    for_each: "{{ tasks.code.output }}"
    uses: sql
    with:
      conn_id: warehouse
      sql: INSERT INTO each VALUES (%(n)s)
      parameters: {n: "{{ item }}"}
    updates: [s3://lake/each]
  - id: operator
    for_each: [x, y]
    uses: OPERATOR
    with: {bash_command: "echo $N", env: {N: "{{ item }}"}}
  - id: alone
    for_each: [1, 2, 3]
    max_parallel: 1
    uses: python
    with: {callable: "code.py:alone", args: {place: FOLDER/alone.txt, n: "{{ item }}"}}
  - {id: nothing, for_each: "{{ [] }}", run: "true"}
  - {id: behind, needs: [nothing], trigger_rule: none_failed, run: "true"}
  - id: all
    needs: [code, shell, web, rows, operator, alone]
    run: >-
      echo "{{ tasks.code.output }} {{ tasks.shell.output }}
      {{ tasks.web.output | map('first') | list }} {{ tasks.operator.output }}"
    with: {output: true}
""",
    "loads": """
stage: file://FOLDER/stage
tasks:
  - {id: files, run: "true"}
  - id: load
    needs: [files]
    for_each: "{{ ['a', 'b', 'a'] }}"
    max_parallel: 2
    uses: ingest
    with:
      source:
        type: file
        path: "file://FOLDER/{{ item }}.csv"
        format: {type: csv, columns: {n: bigint}}
      target: {type: postgres, conn_id: warehouse, table: raw.each}
      write: {mode: append}
""",
    "groups": """
tasks:
  - id: city
    for_each: [{name: a, n: 1}, {name: b, n: 2}]
    tasks:
      - id: double
        uses: python
        with: {callable: "code.py:double", args: {n: "{{ item.n }}"}, output: true}
      - {id: north, needs: [double], if: "{{ item.n > 1 }}", run: "true"}
      - {id: cluster, needs: [double], run: "true"}
      - id: work
        needs: [cluster]
        uses: python
        retries: 1
        retry_delay: 1s
        with:
          callable: "code.py:once"
          args: {place: FOLDER/once, n: "{{ item.n }}"}
          output: true
      - {id: stop, teardown_for: cluster, run: "true"}
  - id: all
    needs: [city]
    trigger_rule: none_failed
    run: echo "{{ tasks['city.work'].output }}"
    with: {output: true}
""",
    "calls": """
tasks:
  - {id: cities, uses: python, with: {callable: "code.py:cities", output: true}}
  - {id: one, uses: doubled, with: {n: 5}}
  - {id: known, uses: listed, with: {items: [1, 2]}}
  - id: found
    needs: cities
    uses: listed
    with: {items: "{{ tasks.cities.output | map(attribute='n') | list }}"}
  - id: all
    needs: [one, known, found]
    run: >-
      echo "{{ tasks.one.outputs.both }} {{ tasks.known.outputs.all }} {{ tasks.known.outputs.sum }}
      {{ tasks.found.outputs.sum }}"
    with: {output: true}
""",
    "bracketed": """
tasks:
  - {id: cluster, run: "true"}
  - {id: work, needs: cluster, run: "true"}
  - {id: copy, for_each: [1, 2], run: "exit {{ item - 1 }}", retries: 0}
  - {id: end, needs: copy, teardown_for: cluster, run: "true"}
""",
    "hidden": """
params: {go: false, exit: 1}
tasks:
  - {id: never, if: "{{ params.go }}", run: "true"}
  - id: slow
    run: >-
      timeout 300 sh -c 'until test -e FOLDER/behind_is_skipped; do sleep 0.2; done';
      exit {{ params.exit }}
    retries: 0
  - {id: behind, needs: [never, slow], run: "true"}
""",
    "failing": """
tasks:
  - id: bad
    for_each: [1, 2]
    uses: python
    retries: 0
    with: {callable: "code.py:fail", args: {n: "{{ item }}"}}
  - {id: behind, needs: [bad], run: "true"}
  - {id: text, for_each: "{{ 'a,b' }}", run: "true"}
""",
}
KINDS = {
    "doubled": """
params: {n: {description: What is doubled.}}
tasks:
  - {id: start, run: "true"}
  - id: twice
    needs: start
    matrix: {times: [1, 2]}
    run: echo $((${params.n} * ${matrix.times}))
    with: {output: true}
  - {id: end, teardown_for: start, run: "true"}
outputs: {both: "{{ tasks.twice.output }}"}
""",
    "listed": """
params: {items: {type: [array, string]}}
tasks:
  - {id: each, for_each: "${params.items}", uses: doubled, with: {n: "{{ item }}"}}
  - id: sum
    needs: each
    run: echo "{{ tasks.each.outputs.both | map('int') | sum }}"
    with: {output: true}
outputs: {sum: "{{ tasks.sum.output }}", all: "{{ tasks.each.outputs.both }}"}
""",
}


@dataclass(frozen=True)
class World:
    """A running Airflow with the pipelines, their database and their folders."""

    api: AirflowApi
    folder: Path
    database: psycopg.Connection[Any]
    web: webs.Web
    runs: dict[tuple[str, datetime], DagRun]

    def ended(self, run: DagRun) -> DagRun:
        """Wait for the end of a run."""

        def end() -> DagRun | None:
            now = self.api.dag_run(run.dag_id, run.dag_run_id)
            return now if now.ended else None

        return until(end)

    def example(self, dag_id: str, moment: datetime = DAY) -> DagRun:
        """Wait for the end of an example's run."""
        return self.ended(self.runs[dag_id, moment])

    def copies(self, run: DagRun) -> dict[str, list[TaskInstance]]:
        """Each task with its copies, in their order."""
        found: dict[str, list[TaskInstance]] = {}
        tasks = self.api.task_instances(run.dag_id, run.dag_run_id)
        for task in sorted(tasks, key=lambda task: task.map_index):
            found.setdefault(task.task_id, []).append(task)
        return found

    def states(self, run: DagRun) -> dict[str, list[str]]:
        return {name: [str(t.state) for t in tasks] for name, tasks in self.copies(run).items()}

    def logs(self, run: DagRun) -> str:
        tasks = self.api.task_instances(run.dag_id, run.dag_run_id)
        return "\n".join(line for task in tasks for line in self.api.log(task))

    def output(self, run: DagRun, task_id: str) -> str:
        path = f"/api/v2/dags/{run.dag_id}/dagRuns/{run.dag_run_id}/taskInstances/{task_id}"
        answer = self.api._send("GET", f"{path}/xcomEntries/return_value")
        return str(answer.json()["value"])

    def updates(self, run: DagRun) -> list[str]:
        """The assets that the tasks of a pipeline's runs have updated."""
        path = f"/api/v2/assets/events?source_dag_id={run.dag_id}"
        events = self.api._send("GET", path).json()["asset_events"]
        return [event["uri"] for event in events]

    def rows(self, query: str) -> list[Any]:
        return self.database.execute(query).fetchall()

    def numbers(self, table: str) -> list[int]:
        return [n for (n,) in self.rows(f"SELECT n FROM {table} ORDER BY n")]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("pipelines")
    shutil.copytree(ROOT / "dags", folder / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    configs = folder / "dag_factory_configs"
    for name in FOLDERS:
        shutil.copytree(ROOT / "examples" / name, configs / name)
    for name, text in KINDS.items():
        (configs / "_kinds").mkdir(exist_ok=True)
        (configs / f"_kinds/{name}.yaml").write_text(f"version: 1{text}")
    team = configs / "team"
    team.mkdir()
    for name, text in SPECS.items():
        text = text.replace("FOLDER", str(folder)).replace("OPERATOR", OPERATOR)
        (team / f"{name}.yaml").write_text(f"version: 1{text}")
    (team / "code.py").write_text(CODE)
    (folder / "a.csv").write_text("n\n1\n")
    (folder / "b.csv").write_text("n\n2\n3\n")
    here = {"data": f"{folder.as_uri()}/data", "lake": f"{folder}/lake"}
    over = {  # only runs that are started here; on a busy machine a try may be lost
        "alerts": {"on_failure": []},
        "kinds": {"dbt": {"executable": str(dbt.executable(folder))}},
        "schedule": {"covers": "previous_hour"},
        "defaults": {"retries": 10, "retry_delay": "1s"},
        "start_date": "2024-01-01",
        "catchup": False,
    }
    (configs / "environments").mkdir()
    (configs / "environments/dev.yaml").write_text(json.dumps({"vars": here, "override": over}))
    for part in ("data", "lake/bronze"):
        (folder / part).mkdir(parents=True)
    for year in (2023, 2024):
        (folder / f"lake/bronze/{year}.csv").write_text("HOUR\n1\n")
    for name, text in FILES.items():
        (folder / f"data/{name}.csv").write_text(text)
    with psycopg.connect(postgres.uri, autocommit=True) as database:
        database.execute("DROP DATABASE IF EXISTS examples")
        database.execute("CREATE DATABASE examples")
    warehouse = {
        "conn_type": "postgres",
        "host": postgres.host,
        "port": postgres.port,
        "login": postgres.user,
        "schema": "examples",
    }
    connections = {name: json.dumps(warehouse) for name in ("crm", "warehouse")}
    with (
        webs.serving() as web,
        psycopg.connect(postgres.uri, dbname="examples", autocommit=True) as database,
        airflow.running(
            folder / "home",
            dags=folder / "dags",
            connections={
                **connections,
                **dict.fromkeys(("weather_api", "api"), f"http://127.0.0.1:{web.port}"),
            },
            env={
                "AIRFLOW_VAR_CITIES": json.dumps(CITIES),
                # many tasks begin at once, each in a process that reads its pipeline
                "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "300",
                "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "300",
            },
            parallelism=4,
        ) as server,
    ):
        database.execute(CRM)
        database.execute("CREATE TABLE each (n int)")
        web.answers = [(200, json.dumps(WEATHER).encode())]
        web.headers["Content-Type"] = "application/json"
        until(
            lambda: (
                {dag.dag_id for dag in server.api.dags()}
                >= {*dict(RUNS), *SPECS, "quality_validation"}
            )
        )
        runs = {run: server.api.trigger(run[0], logical_date=run[1]) for run in RUNS}
        yield World(server.api, folder, database, web, runs)


def test_a_group_for_each_row_then_dbt(world: World) -> None:
    run = world.example("shop_daily")
    assert run.state == "success", world.logs(run)
    spent = world.rows("SELECT customer_id, spent, day::text FROM marts.spent ORDER BY 1")
    assert [(one, float(much), day) for one, much, day in spent] == [
        (1, 15.0, "2024-01-02"),
        (2, 2.5, "2024-01-02"),
    ]


def test_tables_by_what_has_changed(world: World) -> None:
    for moment in (DAY, DAY.replace(hour=1)):
        run = world.example("crm_tables", moment)
        assert run.state == "success", world.logs(run)
    assert world.rows("SELECT user_id FROM raw.users") == [(2,)]
    assert world.rows("SELECT event_id FROM raw.events ORDER BY 1") == [(1,), (2,)]
    assert world.rows("SELECT code FROM raw.countries ORDER BY 1") == [("DE",), ("NO",)]


def test_work_that_is_known_at_run_time(world: World) -> None:
    run = world.example("silver")
    assert run.state == "success", world.logs(run)
    assert {one for each in world.states(run).values() for one in each} == {"success"}
    assert (world.folder / "lake/silver/2024.csv").read_text() == "hour\n1"
    (child,) = world.api.dag_runs("quality_validation")
    assert child.state == "success"


def test_no_work_in_a_run(world: World) -> None:
    run = world.example("silver", DAY.replace(hour=1))
    states = world.states(run)
    skipped = {name for name, state in states.items() if state == ["skipped"]}
    assert skipped == {"year", "year__done", "quality"}, world.logs(run)
    assert (world.folder / "lake/audit.txt").read_text() == "[2023, 2024]\n[]\n"


def test_a_load_for_each_item_of_a_variable(world: World) -> None:
    run = world.example("city_weather")
    assert run.state == "success", world.logs(run)
    asked = (asked.path.partition("&")[0] for asked in world.web.asked)
    assert sorted(path for path in asked if "observations" in path) == [
        "/v1/observations?latitude=41.9",
        "/v1/observations?latitude=59.9",
    ]
    for city in CITIES:
        query = f"SELECT temperature_2m FROM raw.weather_{city['name']}"
        assert [float(value) for (value,) in world.rows(query)] == [3.5]


def test_each_kind_has_its_copies(world: World) -> None:
    run = world.ended(world.api.trigger("steps"))
    copies, states = world.copies(run), world.states(run)
    assert run.state == "success", states
    assert states["nothing"] == ["skipped"]
    assert states["behind"] == ["success"]
    assert [task.rendered_map_index for task in copies["code"]] == ["amsterdam", "berlin"]
    assert [task.rendered_map_index for task in copies["shell"]] == ["2023", "2024"]
    said = " ".join(world.output(run, "all").split())
    assert said == "[2, 4] ['2024', '2025'] ['observations', 'observations'] ['x', 'y']"
    asked = [asked.path for asked in world.web.asked if "observations" not in asked.path]
    assert sorted(asked) == ["/v1/a", "/v1/b"]
    assert world.numbers("each") == [2, 4]
    lines = (world.folder / "alone.txt").read_text().split()
    assert lines[0::4] == ["start"] * 3, lines  # one begins when the one before has ended
    assert lines[1::4] == lines[3::4]
    assert world.updates(run) == ["s3://lake/each"]  # once, not for each copy


def test_copies_of_a_load_share_nothing_and_a_repeated_one_leaves_the_same(world: World) -> None:
    run = world.ended(world.api.trigger("loads"))
    assert run.state == "success", world.states(run)
    assert world.states(run)["load.load"] == ["success"] * 3
    assert world.numbers("raw.each") == [1, 1, 2, 3]
    world.api.clear("loads", run.dag_run_id)
    until(lambda: not world.api.dag_run("loads", run.dag_run_id).ended)
    run = world.ended(run)
    assert run.state == "success", world.states(run)
    assert world.numbers("raw.each") == [1, 1, 2, 3]
    assert not [*(world.folder / "stage").rglob("*.parquet")]


def test_a_group_is_copied_with_its_branches_retries_and_teardown(world: World) -> None:
    run = world.ended(world.api.trigger("groups"))
    states = world.states(run)
    assert run.state == "success", states
    assert states["city.north"] == ["skipped", "success"]
    assert states["city.stop.tear_down"] == ["success", "success"]
    assert [task.try_number for task in world.copies(run)["city.work"]] == [1, 2]
    assert world.output(run, "all") == "[1, 2]"


def test_one_copy_that_fails_fails_the_step(world: World) -> None:
    run = world.ended(world.api.trigger("failing"))
    assert run.state == "failed"
    assert world.states(run) == {
        "bad": ["success", "failed"],
        "behind": ["upstream_failed"],
        "text__items": ["failed"],
        "text": ["upstream_failed"],
    }
    (task,) = world.copies(run)["text__items"]
    log = "\n".join(world.api.log(task))
    assert "`for_each` of text needs a list, and gets the text 'a,b'" in log
    assert "failing.yaml:9, step text" in log
    assert "{{ x.split(',') }}" in log


def test_calls_of_own_kinds_with_copies_in_them(world: World) -> None:
    run = world.ended(world.api.trigger("calls"))
    states = world.states(run)
    assert run.state == "success", states
    assert states["found.each.twice__2"] == ["success", "success"]
    assert states["found.each.end.tear_down"] == ["success", "success"]
    said = " ".join(world.output(run, "all").split())
    assert said == "['5', '10'] ['1', '2', '2', '4'] 9 9"


def test_what_a_clean_up_needs_beside_the_work_fails_the_run(world: World) -> None:
    run = world.ended(world.api.trigger("bracketed"))
    states = world.states(run)
    assert states["copy"] == ["success", "failed"]
    assert states["end.tear_down"] == ["success"]
    assert states["end.done"] == ["upstream_failed"]
    assert run.state == "failed"


def test_a_skip_hides_no_failure_that_comes_later(world: World) -> None:
    skipped = {"never": ["skipped"], "behind": ["skipped"]}
    fails = world.api.trigger("hidden")
    until(lambda: world.states(fails)["behind"] == ["skipped"])
    (world.folder / "behind_is_skipped").touch()
    assert world.ended(fails).state == "failed"
    assert world.states(fails) == {**skipped, "slow": ["failed"], "watcher": ["upstream_failed"]}
    works = world.ended(world.api.trigger("hidden", conf={"exit": 0}))
    assert works.state == "success"
    assert world.states(works) == {**skipped, "slow": ["success"], "watcher": ["success"]}
