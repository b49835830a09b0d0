"""docker-compose.yml as it stands, under podman: it comes up healthy, loads, and leaves nothing.

The official images are stood in for (`images/`), and podman-compose for Docker's own.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from packaging.utils import canonicalize_name

from factory_embedded.airflow_api import AirflowApi, DagRun
from factory_embedded.ports import free_port
from tests.end_to_end.containers import (
    SECONDS,
    Compose,
    Failed,
    Podman,
    debian,
    missing,
    podman,
    processes_below,
    stand_in,
)

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
BASE = re.compile(r"^ARG BASE=(?P<name>\S+:slim-(?P<version>[\d.]+)-\S+)$", re.MULTILINE)
USED = (
    ".dockerignore",
    "Dockerfile",
    "LICENSE",
    "README.md",
    "constraints.txt",
    "dag_factory_configs",
    "dags",
    "docker",
    "docker-compose.yml",
    "factory",
    "pyproject.toml",
    "requirements-run.lock",
)
LOAD = """version: 1
description: A file of the project into the warehouse.
tasks:
  - id: orders
    uses: ingest
    with:
      source:
        type: file
        path: file:///opt/airflow/project/dag_factory_configs/first/orders.csv
        format: csv
      target: {table: raw.orders}
      write: {mode: replace}
"""
LONG = """version: 1
description: Is running when Airflow is told to stop.
defaults: {retries: 0}
tasks:
  - id: long
    run: |
      touch /var/lib/pipelines/stage/began
      sleep 15
      echo it ended by itself
"""
ORDERS = "order_id,total\n1,2.50\n2,3.50\n"


@dataclass(frozen=True)
class World:
    """The project of a team, its containers, and Airflow's API with the login of its .env."""

    compose: Compose
    secrets: dict[str, str]
    url: str
    api: AirflowApi

    def ended(self, run: DagRun) -> DagRun:
        deadline = time.monotonic() + SECONDS
        while not (now := self.api.dag_run(run.dag_id, run.dag_run_id)).ended:
            assert time.monotonic() < deadline, self.compose.tail("airflow-scheduler")
            time.sleep(0.5)
        return now

    def trigger(self, dag_id: str) -> DagRun:
        deadline = time.monotonic() + SECONDS
        while self.api.dag(dag_id) is None:
            assert self.api.import_errors() == []
            assert time.monotonic() < deadline, self.compose.tail("airflow-dag-processor")
            time.sleep(0.5)
        self.api.pause(dag_id, False)
        return self.api.trigger(dag_id)

    def said(self, run: DagRun) -> str:
        tasks = self.api.task_instances(run.dag_id, run.dag_run_id)
        return "\n".join(f"{task.task_id} {task.state} {self.api.log(task)}" for task in tasks)

    def sql(self, database: str, query: str) -> str:
        """What the warehouse's user is answered."""
        address = (
            f"postgresql://warehouse:{self.secrets['WAREHOUSE_PASSWORD']}@localhost/{database}"
        )
        return self.compose.exec("postgres", "psql", "-Atc", query, address)


def project(folder: Path) -> Path:
    """What the compose file and the image use of a checkout, and two pipelines more."""
    for name in USED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, folder / name)
    team = folder / "dag_factory_configs/first"
    team.mkdir()
    for name, text in {"load.yaml": LOAD, "long.yaml": LONG, "orders.csv": ORDERS}.items():
        (team / name).write_text(text)
    return folder


def new_env(folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(folder / "docker/new-env.sh")]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def read(env: Path) -> dict[str, str]:
    lines = (line.partition("=") for line in env.read_text().splitlines() if "=" in line)
    return {name: value for name, _, value in lines if not name.startswith("#")}


@pytest.fixture(scope="module")
def client() -> Iterator[Podman]:
    if reason := missing():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    with podman() as client:
        yield client


@pytest.fixture(scope="module")
def images(client: Podman) -> None:
    named = BASE.search((ROOT / "Dockerfile").read_text())
    assert named, "the Dockerfile's base is a slim image of one version"
    debian(client)
    stand_in(client, "postgres", "library/postgres:18")
    stand_in(client, "airflow", named["name"], AIRFLOW_VERSION=named["version"])


@pytest.fixture(scope="module")
def world(
    client: Podman, images: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder = project(tmp_path_factory.mktemp("compose") / "team")
    new_env(folder)
    env = folder / ".env"
    port = f"AIRFLOW_PORT={free_port()}\n"
    env.write_text(env.read_text().replace("AIRFLOW_PORT=8080\n", port))
    compose = Compose(client, folder)
    before = {kind: client.names(kind) for kind in ("container", "volume", "network")}
    compose("build", "airflow-init")
    try:
        compose.up()
        secrets = read(env)
        url = f"http://127.0.0.1:{secrets['AIRFLOW_PORT']}"
        yield World(compose, secrets, url, AirflowApi(url, "admin", secrets["ADMIN_PASSWORD"]))
    finally:
        compose("down", "--volumes")
    after = {kind: client.names(kind) for kind in before}
    assert after == before
    assert not list(processes_below(client.folder))


def test_all_come_up_healthy(world: World) -> None:
    ended, running = "exited 0", "running 0"
    assert world.compose.states() == {
        "postgres": running,
        "warehouse": ended,
        "airflow-init": ended,
        "airflow-apiserver": running,
        "airflow-scheduler": running,
        "airflow-dag-processor": running,
        "airflow-triggerer": running,
    }
    assert set(world.api.health().values()) == {"healthy"}


def test_a_pipeline_loads_a_file_into_the_warehouse(world: World) -> None:
    run = world.ended(world.trigger("load"))
    assert run.state == "success", world.said(run)
    # the api-server reads them from the volume that the scheduler writes them to
    assert "/opt/airflow/logs/dag_id=load/" in world.said(run)
    assert world.sql("warehouse", "SELECT * FROM raw.orders ORDER BY 1") == "1|2.5\n2|3.5\n"
    left = world.compose.exec("airflow-scheduler", "find", "/var/lib/pipelines/stage", "-type", "f")
    assert left == ""


def test_the_pipelines_cannot_read_what_airflow_keeps(world: World) -> None:
    with pytest.raises(Failed, match="permission denied for database"):
        world.sql("airflow", "SELECT 1")


def test_the_ui_answers(world: World) -> None:
    page = requests.get(world.url, timeout=60)
    assert page.status_code == 200
    assert "<title>Airflow</title>" in page.text
    (script,) = re.findall(r'<script[^>]+src="([^"]*index[^"]*\.js)"', page.text)
    assert requests.get(f"{world.url}/{script.lstrip('./')}", timeout=60).status_code == 200


def test_the_doctor_finds_the_pipelines_and_the_stage(world: World) -> None:
    """It finds that the examples' connections are missing, too, and so ends with an error."""
    said = world.compose.exec("airflow-scheduler", "sh", "-c", "factory doctor || true")
    for line in (
        "the pipelines are those of /opt/airflow/project/dag_factory_configs",
        "the environment is dev, by FACTORY_ENV",
        "all can be built",
        "/opt/airflow/project/dags/pipelines.py loads them",
        "all tasks run on the scheduler's machine, which has the stage",
    ):
        assert line in said


def test_the_login_is_the_one_of_env(world: World) -> None:
    def answer(password: str) -> int:
        login = {"username": "admin", "password": password}
        return requests.post(f"{world.url}/auth/token", json=login, timeout=60).status_code

    assert answer(world.secrets["ADMIN_PASSWORD"]) == 201
    assert answer("admin") == 401


def test_a_stop_lets_the_running_task_end(world: World) -> None:
    run = world.trigger("long")
    began = "until test -e /var/lib/pipelines/stage/began; do sleep 0.2; done"
    world.compose.exec("airflow-scheduler", "timeout", str(SECONDS), "sh", "-c", began)
    container = world.compose.container("airflow-scheduler")
    first = int(world.compose.podman("inspect", "--format={{.State.Pid}}", container))
    with ThreadPoolExecutor(1) as pool:
        stop = pool.submit(world.compose, "stop", "airflow-scheduler")
        if not wait([stop], timeout=120).done:
            # now and then Airflow's LocalExecutor does not tell its idle worker, and waits for it
            os.kill(first, signal.SIGKILL)
    (task,) = world.api.task_instances(run.dag_id, run.dag_run_id)
    assert (task.state, task.try_number) == ("success", 1)
    assert "it ended by itself" in "\n".join(world.api.log(task))
    world.compose.start("airflow-scheduler")
    world.compose.await_healthy("airflow-scheduler")
    assert world.ended(run).state == "success"


def test_the_image_holds_what_a_worker_needs_and_nothing_else(world: World) -> None:
    listed = world.compose.exec("airflow-scheduler", "pip", "list", "--format=freeze")
    installed = {canonicalize_name(line.partition("==")[0]) for line in listed.splitlines()}
    lock = (ROOT / "requirements-run.lock").read_text()
    locked = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    # Debian's venv and the slim image bring these; the rest is the lock
    assert installed - locked <= {"airflow-pipeline-factory", "pip", "setuptools", "uv"}
    assert {"apache-airflow", "airflow-pipeline-factory", "pyarrow"} <= installed
    assert world.compose.exec("airflow-scheduler", "id").startswith(
        "uid=50000(airflow) gid=0(root)"
    )


def test_without_env_it_says_what_to_do(client: Podman, world: World, tmp_path: Path) -> None:
    shutil.copyfile(ROOT / "docker-compose.yml", tmp_path / "docker-compose.yml")
    with pytest.raises(Failed, match=r"docker/new-env\.sh"):
        Compose(client, tmp_path)("config")


def test_env_is_written_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    shutil.copyfile(ROOT / "docker/new-env.sh", tmp_path / "docker/new-env.sh")
    assert new_env(tmp_path).returncode == 0
    env = tmp_path / ".env"
    secrets = read(env)
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    assert len(set(secrets.values())) == len(secrets), "each is its own"
    again = new_env(tmp_path)
    assert (again.returncode, read(env)) == (1, secrets)
    assert "already" in again.stderr


def test_what_compose_asks_for_is_in_env(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    shutil.copyfile(ROOT / "docker/new-env.sh", tmp_path / "docker/new-env.sh")
    new_env(tmp_path)
    asked = set(re.findall(r"(?<!\$)\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    assert asked == read(tmp_path / ".env").keys()
