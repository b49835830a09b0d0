"""The examples that need no cloud, under one real Airflow."""

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
from factory_embedded.airflow_api import AirflowApi, DagRun
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


@dataclass(frozen=True)
class World:
    """A running Airflow with the examples, their database and their folders."""

    api: AirflowApi
    folder: Path
    database: psycopg.Connection[Any]
    web: webs.Web
    runs: dict[tuple[str, datetime], DagRun]

    def ended(self, dag_id: str, moment: datetime = DAY) -> DagRun:
        """Wait for the end of a run."""
        run = self.runs[dag_id, moment]

        def end() -> DagRun | None:
            now = self.api.dag_run(run.dag_id, run.dag_run_id)
            return now if now.ended else None

        return until(end)

    def states(self, run: DagRun) -> dict[str, str]:
        tasks = self.api.task_instances(run.dag_id, run.dag_run_id)
        return {task.task_id: str(task.state) for task in tasks}

    def logs(self, run: DagRun) -> str:
        tasks = self.api.task_instances(run.dag_id, run.dag_run_id)
        return "\n".join(line for task in tasks for line in self.api.log(task))

    def rows(self, query: str) -> list[Any]:
        return self.database.execute(query).fetchall()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(ROOT / "dags", folder / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    configs = folder / "dag_factory_configs"
    for name in FOLDERS:
        shutil.copytree(ROOT / "examples" / name, configs / name)
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
            connections={**connections, "weather_api": f"http://127.0.0.1:{web.port}"},
            env={"AIRFLOW_VAR_CITIES": json.dumps(CITIES)},
            parallelism=4,
        ) as server,
    ):
        database.execute(CRM)
        web.answers = [(200, json.dumps(WEATHER).encode())]
        web.headers["Content-Type"] = "application/json"
        until(
            lambda: {dag.dag_id for dag in server.api.dags()} >= {*dict(RUNS), "quality_validation"}
        )
        runs = {run: server.api.trigger(run[0], logical_date=run[1]) for run in RUNS}
        yield World(server.api, folder, database, web, runs)


def test_a_group_for_each_row_then_dbt(world: World) -> None:
    run = world.ended("shop_daily")
    assert run.state == "success", world.logs(run)
    spent = world.rows("SELECT customer_id, spent, day::text FROM marts.spent ORDER BY 1")
    assert [(one, float(much), day) for one, much, day in spent] == [
        (1, 15.0, "2024-01-02"),
        (2, 2.5, "2024-01-02"),
    ]


def test_tables_by_what_has_changed(world: World) -> None:
    for moment in (DAY, DAY.replace(hour=1)):
        run = world.ended("crm_tables", moment)
        assert run.state == "success", world.logs(run)
    assert world.rows("SELECT user_id FROM raw.users") == [(2,)]
    assert world.rows("SELECT event_id FROM raw.events ORDER BY 1") == [(1,), (2,)]
    assert world.rows("SELECT code FROM raw.countries ORDER BY 1") == [("DE",), ("NO",)]


def test_work_that_is_known_at_run_time(world: World) -> None:
    run = world.ended("silver")
    assert run.state == "success", world.logs(run)
    assert set(world.states(run).values()) == {"success"}
    assert (world.folder / "lake/silver/2024.csv").read_text() == "hour\n1"
    (child,) = world.api.dag_runs("quality_validation")
    assert child.state == "success"


def test_no_work_in_a_run(world: World) -> None:
    run = world.ended("silver", DAY.replace(hour=1))
    states = world.states(run)
    skipped = {name for name, state in states.items() if state == "skipped"}
    assert skipped == {"year", "year__done", "quality"}, world.logs(run)
    assert (world.folder / "lake/audit.txt").read_text() == "[2023, 2024]\n[]\n"


def test_a_load_for_each_item_of_a_variable(world: World) -> None:
    run = world.ended("city_weather")
    assert run.state == "success", world.logs(run)
    assert sorted(asked.path.partition("&")[0] for asked in world.web.asked) == [
        "/v1/observations?latitude=41.9",
        "/v1/observations?latitude=59.9",
    ]
    for city in CITIES:
        query = f"SELECT temperature_2m FROM raw.weather_{city['name']}"
        assert [float(value) for (value,) in world.rows(query)] == [3.5]
