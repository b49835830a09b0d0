"""The kind `dbt`: a real dbt on a real PostgreSQL, run by a real Airflow."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from factory_embedded import dbt
from factory_embedded.services.postgres import Server
from tests.patience import until

from ..pipelines import Pipelines, Run

EXAMPLE = Path(__file__).parents[3] / "examples" / "dbt"
PASSWORD = "its-0wn-w0rd"
SPEC = """
version: 1
schedule: "@daily"
start_date: 2024-01-01
tasks:
  - id: marts
    uses: dbt
    with:
      project: shop
      profile: {{type: connection, conn_id: warehouse, schema: {schema}}}
      vars: {{raw_schema: {schema}, until: "{{{{ interval.end.date() }}}}"}}
      executable: {executable}
      {more}
"""


@pytest.fixture(scope="session")
def executable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dbt.executable(tmp_path_factory.mktemp("dbt"))


@pytest.fixture(scope="session")
def manifest(executable: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a person commits: written by `dbt parse`, which asks no database."""
    folder = tmp_path_factory.mktemp("parsed")
    output = {"type": "postgres", "host": "h", "user": "u", "password": "p", "dbname": "d"}
    outputs = {"outputs": {"x": {**output, "port": 1, "schema": "s"}}, "target": "x"}
    (folder / "profiles.yml").write_text(json.dumps({"shop": outputs}))
    places = ("project-dir", EXAMPLE / "shop"), ("profiles-dir", folder), ("target-path", folder)
    options = [f"--{name}={path}" for name, path in (*places, ("log-path", folder))]
    subprocess.run([executable, "--quiet", "parse", *options], check=True)
    return folder / "manifest.json"


@dataclass(frozen=True)
class Shop:
    """The example's project over a schema with its table of orders."""

    pipelines: Pipelines
    schema: str
    database: psycopg.Connection[Any]
    executable: Path

    def spec(self, more: str = "") -> None:
        text = SPEC.format(schema=self.schema, executable=self.executable, more=more)
        self.pipelines.write("revenue.yaml", text)

    def run(self, more: str = "") -> Run:
        self.spec(more)
        return self.pipelines.run("revenue")

    def order(self, id: int, day: str, cents: int, loaded_at: str = "now()") -> None:
        self.database.execute(
            f"INSERT INTO {self.schema}.orders VALUES (%s, %s, %s, {loaded_at})", (id, day, cents)
        )

    def revenue(self) -> list[Any]:
        rows = self.database.execute(
            f"SELECT ordered_on::text, orders, revenue::int FROM {self.schema}.daily_revenue"
            " ORDER BY 1"
        )
        return rows.fetchall()

    @property
    def project(self) -> Path:
        return self.pipelines.root / "shop"


@pytest.fixture
def shop(pipelines: Pipelines, postgres: Server, executable: Path) -> Iterator[Shop]:
    schema = f"s{uuid.uuid4().hex}"
    pipelines.connect_postgres("warehouse", postgres, password=PASSWORD)
    shutil.copytree(EXAMPLE / "shop", pipelines.root / "shop")
    with psycopg.connect(postgres.uri, autocommit=True) as database:
        database.execute(f"CREATE SCHEMA {schema}")
        database.execute(
            f"CREATE TABLE {schema}.orders (id int, day date, cents int, loaded_at timestamptz)"
        )
        shop = Shop(pipelines, schema, database, executable)
        shop.order(1, "2024-01-01", 100)
        shop.order(2, "2024-01-01", 300)
        shop.order(3, "2024-01-02", 500)
        yield shop
        database.execute(f"DROP SCHEMA {schema} CASCADE")


def test_a_project_is_built_as_one_task(shop: Shop) -> None:
    run = shop.run()
    assert run.states == {"marts": "success"}, run.log
    assert shop.revenue() == [("2024-01-01", 2, 4), ("2024-01-02", 1, 5)]
    for line in (
        "model stg_orders: success, CREATE VIEW",
        "model daily_revenue: success, 2 rows, SELECT 2",
        "test unique_stg_orders_order_id: pass",
        "dbt: 2 success, 3 pass",
    ):
        assert line in run.log
    result = run.xcom("marts")
    assert (result["statuses"], result["failed"]) == ({"success": 2, "pass": 3}, [])
    kept = Path(result["artifacts"].removeprefix("file://"))
    assert {path.name for path in kept.iterdir()} == {
        *("run_results.json", "manifest.json", "dbt.log")
    }
    said = json.loads((kept / "run_results.json").read_text())
    assert said["args"]["vars"] == {"raw_schema": shop.schema, "until": "2024-01-03"}
    for path in kept.iterdir():
        assert PASSWORD not in path.read_text(), path
    assert PASSWORD not in run.log


def test_each_model_is_a_task(shop: Shop, manifest: Path) -> None:
    """In the order of the manifest, with its own tests."""
    shutil.copy(manifest, shop.project)
    shop.order(3, "2024-01-02", 500)
    run = shop.run("tasks: per_model")
    assert run.states == {
        "marts.stg_orders": "failed",
        "marts.daily_revenue": "upstream_failed",
    }
    told = "test unique_stg_orders_order_id (models/models.yml): Got 1 result, configured to fail"
    assert f"marts.stg_orders failed: {told}" in run.log
    assert "test not_null_stg_orders_order_id: pass" in run.log
    assert "unique_daily_revenue_ordered_on" not in run.log

    shop.database.execute(f"DELETE FROM {shop.schema}.orders WHERE id = 3")
    run = shop.run("tasks: per_model")
    assert set(run.states.values()) == {"success"}
    assert run.log.count("model stg_orders: success") == 1
    assert run.log.count("model daily_revenue: success") == 1
    assert shop.revenue() == [("2024-01-01", 2, 4)]


def test_a_source_that_is_too_old_fails_before_anything_is_built(shop: Shop) -> None:
    shop.database.execute(f"UPDATE {shop.schema}.orders SET loaded_at = now() - interval '9 days'")
    run = shop.run("freshness: true")
    assert run.states == {"marts": "failed"}
    assert "source orders (models/staging/sources.yml): its last rows came 216.0 hours" in run.log
    assert "model stg_orders" not in run.log


def test_what_dbt_refuses_is_told_with_its_words(shop: Shop) -> None:
    (shop.project / "models" / "daily_revenue.sql").write_text("select * from {{ ref('gone') }}")
    run = shop.run()
    assert run.states == {"marts": "failed"}
    assert "marts failed: dbt build failed: " in run.log
    assert "depends on a node named 'gone' which was not found" in run.log


SLOW = "{{ config(materialized='table') }} select pg_sleep(600)::text as slept"
EXECUTE = """
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from factory.in_airflow.render import render
from factory.project import Project
root = Path(sys.argv[1])
dag = render(Project(root).plan("revenue"), root)
task = SimpleNamespace(dag_id="revenue", run_id="r", task_id="marts", try_number=1)
marts = dag.task_dict["marts"]
marts.vars = {}  # nobody has filled its template in
signal.signal(signal.SIGTERM, lambda *_: marts.on_kill())  # as Airflow does
marts.execute({"dag": dag, "task_instance": task})
"""


def asleep(shop: Shop) -> bool:
    found = shop.database.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE %s AND pid <> pg_backend_pid()"
        " AND state = 'active'",
        (f"%{shop.schema}%pg_sleep(600)%",),
    ).fetchone()
    return found is not None and bool(found[0])


def running(shop: Shop) -> list[str]:
    """Processes that the project's folder was named to: dbt, its leash, what they began."""
    told = (each.info["cmdline"] or () for each in psutil.process_iter(["cmdline"]))
    return [" ".join(words) for words in told if f"--project-dir={shop.project}" in words]


def kept(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("marts/try-1/*")}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_task_that_is_ended_leaves_no_dbt_and_no_query(
    shop: Shop, tmp_path: Path, number: signal.Signals
) -> None:
    """By a person, or with its worker: what dbt left is kept where there is somebody to do it."""
    (shop.project / "models" / "slow.sql").write_text(SLOW)
    shop.spec(f"select: [slow]\n      artifacts: {(tmp_path / 'kept').as_uri()}")
    command = [sys.executable, "-c", EXECUTE, str(shop.pipelines.root)]
    with subprocess.Popen(command, env=os.environ, cwd=Path(__file__).parents[3]) as worker:
        try:
            until(lambda: asleep(shop) or worker.poll() is not None, "dbt's query")
            assert worker.poll() is None
            assert running(shop)
            worker.send_signal(number)
            until(lambda: worker.poll() is not None, "the task's end")
        finally:
            worker.kill()
    until(lambda: not asleep(shop), "the end of dbt's query")
    until(lambda: not running(shop), "the end of dbt")
    if number == signal.SIGTERM:
        assert kept(tmp_path / "kept") >= {"dbt.log", "manifest.json"}


def test_a_time_out_cancels_the_query(shop: Shop, tmp_path: Path) -> None:
    (shop.project / "models" / "slow.sql").write_text(SLOW)
    artifacts = f"artifacts: {(tmp_path / 'kept').as_uri()}"
    run = shop.run(f"select: [slow]\n      timeout: 10s\n      {artifacts}")
    assert run.states == {"marts": "failed"}
    assert "dbt was ended after 10 seconds, the `timeout`" in run.log
    assert not asleep(shop)
    assert not running(shop)
    assert kept(tmp_path / "kept") >= {"dbt.log", "manifest.json"}


def test_a_dbt_that_is_not_there_is_told_before_anything_else(shop: Shop) -> None:
    run = dataclasses.replace(shop, executable=Path("/nowhere/dbt")).run()
    assert "there is no program /nowhere/dbt" in run.log
    assert "let `executable` name its bin/dbt" in run.log
