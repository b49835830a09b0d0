"""`for_each` under a real Airflow: its scheduler expands what `dag.test` expands by itself."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from factory_embedded.airflow_api import AirflowApi, DagRun, TaskInstance
from factory_embedded.services import airflow
from factory_embedded.services.postgres import Server
from tests import web as webs
from tests.patience import until

pytestmark = pytest.mark.slow

DAGS = Path(__file__).parents[2] / "dags"
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
      echo "{{ tasks.code.output }} {{ tasks.shell.output }} {{ tasks.web.output }}
      {{ tasks.operator.output }}"
    with: {output: true}
""",
    "asset": """
schedule: {assets: [s3://lake/each]}
tasks: [{id: say, run: echo told}]
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
    "failing": """
tasks:
  - id: bad
    for_each: [1, 2]
    uses: python
    with: {callable: "code.py:fail", args: {n: "{{ item }}"}}
  - {id: behind, needs: [bad], run: "true"}
  - {id: text, for_each: "{{ 'a,b' }}", run: "true"}
""",
}


@dataclass(frozen=True)
class World:
    """A running Airflow, and what its pipelines talk to."""

    api: AirflowApi
    folder: Path
    database: Server
    web: webs.Web

    def ended(self, run: DagRun) -> DagRun:
        def end() -> DagRun | None:
            now = self.api.dag_run(run.dag_id, run.dag_run_id)
            return now if now.ended else None

        return until(end)

    def copies(self, run: DagRun) -> dict[str, list[TaskInstance]]:
        """Each task with its copies, in their order."""
        found: dict[str, list[TaskInstance]] = {}
        tasks = self.api.task_instances(run.dag_id, run.dag_run_id)
        for task in sorted(tasks, key=lambda task: task.map_index):
            found.setdefault(task.task_id, []).append(task)
        return found

    def states(self, run: DagRun) -> dict[str, list[str]]:
        return {name: [str(t.state) for t in tasks] for name, tasks in self.copies(run).items()}

    def output(self, run: DagRun, task_id: str) -> str:
        path = f"/api/v2/dags/{run.dag_id}/dagRuns/{run.dag_run_id}/taskInstances/{task_id}"
        answer = self.api._send("GET", f"{path}/xcomEntries/return_value")
        return str(answer.json()["value"])

    def rows(self, table: str) -> list[int]:
        with psycopg.connect(self.database.uri) as connection:
            return [n for (n,) in connection.execute(f"SELECT n FROM {table} ORDER BY n")]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("each")
    shutil.copytree(DAGS, folder / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    team = folder / "dag_factory_configs/team"
    team.mkdir(parents=True)
    for name, text in SPECS.items():
        text = text.replace("FOLDER", str(folder)).replace("OPERATOR", OPERATOR)
        (team / f"{name}.yaml").write_text(f"version: 1{text}")
    (team / "code.py").write_text(CODE)
    (folder / "a.csv").write_text("n\n1\n")
    (folder / "b.csv").write_text("n\n2\n3\n")
    with psycopg.connect(postgres.uri) as connection:
        connection.execute("DROP TABLE IF EXISTS each; CREATE TABLE each (n int)")
        connection.execute("CREATE SCHEMA IF NOT EXISTS raw; DROP TABLE IF EXISTS raw.each")
    warehouse = {
        "conn_type": "postgres",
        "host": postgres.host,
        "port": postgres.port,
        "login": postgres.user,
        "schema": postgres.database,
    }
    with webs.serving() as web:
        web.answers = [(200, b'{"ok": 1}')]
        connections = {
            "api": f"http://127.0.0.1:{web.port}",
            "warehouse": json.dumps(warehouse),
        }
        # many tasks begin at once, each in a process that reads its pipeline
        patient = {
            "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "300",
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "300",
        }
        with airflow.running(
            folder / "home",
            dags=folder / "dags",
            connections=connections,
            env=patient,
            parallelism=4,
        ) as server:
            until(lambda: len(server.api.dags()) == len(SPECS))
            yield World(server.api, folder, postgres, web)


def test_each_kind_has_its_copies(world: World) -> None:
    run = world.ended(world.api.trigger("steps"))
    copies, states = world.copies(run), world.states(run)
    assert run.state == "success", states
    assert states["nothing"] == ["skipped"]
    assert states["behind"] == ["success"]
    assert [task.rendered_map_index for task in copies["code"]] == ["amsterdam", "berlin"]
    assert [task.rendered_map_index for task in copies["shell"]] == ["2023", "2024"]
    said = " ".join(world.output(run, "all").split())
    assert said == "[2, 4] ['2024', '2025'] [{'ok': 1}, {'ok': 1}] ['x', 'y']"
    assert sorted(asked.path for asked in world.web.asked) == ["/v1/a", "/v1/b"]
    assert world.rows("each") == [2, 4]
    lines = (world.folder / "alone.txt").read_text().split()
    assert lines[0::4] == ["start"] * 3, lines  # one begins when the one before has ended
    assert lines[1::4] == lines[3::4]
    (told,) = until(lambda: world.api.dag_runs("asset"))  # once, not for each copy
    assert world.ended(told).state == "success"


def test_copies_of_a_load_share_nothing_and_a_repeated_one_leaves_the_same(world: World) -> None:
    run = world.ended(world.api.trigger("loads"))
    assert run.state == "success", world.states(run)
    assert world.states(run)["load.load"] == ["success"] * 3
    assert world.rows("raw.each") == [1, 1, 2, 3]
    world.api.clear("loads", run.dag_run_id)
    until(lambda: not world.api.dag_run("loads", run.dag_run_id).ended)
    run = world.ended(run)
    assert run.state == "success", world.states(run)
    assert world.rows("raw.each") == [1, 1, 2, 3]
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
    assert "failing.yaml:8, step text" in log
    assert "{{ x.split(',') }}" in log
