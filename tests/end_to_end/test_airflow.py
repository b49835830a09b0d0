"""One real Airflow with two bundles: a folder that is edited under it, and a Git repository."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeVar

import pytest
from git import Repo

from factory_embedded.airflow_api import AirflowApi, DagRun
from factory_embedded.services import airflow
from tests.patience import until

pytestmark = pytest.mark.slow

DAGS = Path(__file__).parents[2] / "dags"
Answer = TypeVar("Answer")

TICKER = """version: 1
description: Runs all the time.
schedule: {every: 15s}
start_date: 2024-01-01
max_active_runs: 1
tasks: [{id: tick, run: echo tick}]
"""
EDITED = """version: 1
description: Is edited while Airflow runs.
tasks: [{id: say, run: echo first words}]
"""
FAILING = """version: 1
description: Its task fails.
tasks: [{id: fail, run: "echo before it fails; exit 3"}]
"""
BROKEN = """version: 1
description: Is broken, then mended.
taks: [{id: say, run: echo mended}]
"""
LARGEST = f"""version: 1
description: {"d" * 4000}
owner: {"o" * 500}
tags: [{"t" * 100}]
max_active_runs: 2147483647
max_active_tasks: 2147483647
max_consecutive_failed_dag_runs: 2147483647
dagrun_timeout: 9999d
start_date: 1900-01-01
end_date: 2999-12-31
schedule: "0,{",".join(map(str, range(1, 60)))} 1 1 1 1"
tasks:
  - id: {"i" * 200}
    run: echo it fits
    retries: 100
    retry_delay: 9999d
    execution_timeout: 9999d
    priority_weight: 100000
    max_active_tis_per_dag: 2147483647
    queue: {"q" * 256}
"""
ENDING = """version: 1
tasks:
  - id: a
    uses: airflow.providers.standard.operators.empty.EmptyOperator
    with: {x: {$call: os._exit, with: {status: 0}}}
"""
TRACKED = """version: 1
description: Comes from a Git repository.
vars: {word: WORD}
tasks: [{id: say, run: "echo the WORD commit says ${vars.word}"}]
"""


@dataclass(frozen=True)
class World:
    """A running Airflow, the configuration root of its folder, and its repository."""

    api: AirflowApi
    root: Path
    repository: Repo

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)

    def run(self, dag_id: str) -> DagRun:
        """Start a run and wait for its end."""
        return self.ended(self.api.trigger(dag_id))

    def ended(self, run: DagRun) -> DagRun:
        def end() -> DagRun | None:
            now = self.api.dag_run(run.dag_id, run.dag_run_id)
            return now if now.ended else None

        return until(end)

    def said(self, run: DagRun, attempt: int = 1) -> str:
        """The log of the run's only task."""
        (task,) = self.api.task_instances(run.dag_id, run.dag_run_id)
        return "\n".join(self.api.log(task, attempt))


def project(folder: Path, **specs: str) -> Path:
    """A folder with the loaders in `dags/` and the specs beside it."""
    shutil.copytree(DAGS, folder / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "dag_factory_configs/team").mkdir(parents=True)
    for name, text in specs.items():
        (folder / f"dag_factory_configs/team/{name}.yaml").write_text(text)
    return folder


def commit(repository: Repo, message: str) -> str:
    repository.git.add(all=True)
    repository.git.commit("-m", message)
    return str(repository.head.commit.hexsha)


def git_repository(folder: Path) -> Repo:
    repository = Repo.init(project(folder, tracked=TRACKED.replace("WORD", "first")))
    repository.git.checkout("-b", "main")
    with repository.config_writer() as settings:
        settings.set_value("user", "name", "Test")
        settings.set_value("user", "email", "test@example.org")
    commit(repository, "first")
    return repository


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("airflow")
    local = project(folder / "local", ticker=TICKER, edited=EDITED, failing=FAILING)
    repository = git_repository(folder / "repository")
    bundles = "airflow.dag_processing.bundles.local.LocalDagBundle"
    git_bundles = "airflow.providers.git.bundles.git.GitDagBundle"
    git = {
        "repo_url": str(folder / "repository"),
        "tracking_ref": "main",
        "subdir": "dags",
        "refresh_interval": 2,
    }
    config = [
        {"name": "folder", "classpath": bundles, "kwargs": {"path": str(local / "dags")}},
        {"name": "repository", "classpath": git_bundles, "kwargs": git},
    ]
    env = {
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
        "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(config),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(folder / "bundles"),
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "2",
    }
    with airflow.running(folder / "home", dags=local / "dags", env=env) as server:
        root = local / "dag_factory_configs/team"
        yield World(server.api, root, repository)


def test_specs_appear_by_themselves_and_the_code_tab_shows_them(world: World) -> None:
    known = {"ticker", "edited", "failing", "tracked"}
    until(lambda: {dag.dag_id for dag in world.api.dags()} == known)
    assert world.api.dag_source("edited") == EDITED
    assert world.api.dag_source("tracked") == TRACKED.replace("WORD", "first")
    assert world.api.import_errors() == []
    edited = world.api.dag("edited")
    assert edited is not None
    assert edited.relative_fileloc == "pipelines.py"
    assert edited.description == "Is edited while Airflow runs."


def test_an_edit_shows_by_itself_and_only_a_change_of_the_dag_is_a_new_version(
    world: World,
) -> None:
    first = world.run("edited")
    assert first.state == "success"
    assert "first words" in world.said(first)

    commented = f"# Why it is so.\n{EDITED}"
    world.write("edited.yaml", commented)
    until(lambda: world.api.dag_source("edited") == commented)
    assert [version.version_number for version in world.api.dag_versions("edited")] == [1]

    changed = EDITED.replace("first", "other")
    world.write("edited.yaml", changed)
    until(lambda: len(world.api.dag_versions("edited")) == 2)
    assert world.api.dag_source("edited") == changed
    assert world.api.dag_source("edited", version=1) == commented
    assert "other words" in world.said(world.run("edited"))


def test_a_broken_spec_shows_its_line_and_every_other_dag_goes_on(world: World) -> None:
    world.write("broken.yaml", BROKEN)
    (error,) = until(world.api.import_errors)
    assert Path(error.filename).name == "pipeline_errors.py"
    assert error.bundle_name == "folder"
    assert "dag_factory_configs/team/broken.yaml:3:1: the key 'taks' is not known" in (
        error.stack_trace
    )
    shown = datetime.now(timezone.utc)

    def scheduled_since() -> DagRun | None:
        runs = [run for run in world.api.dag_runs("ticker") if run.run_after > shown]
        return next((run for run in runs if run.ended), None)

    assert until(scheduled_since).state == "success"
    assert world.run("edited").state == "success"
    assert len(world.api.import_errors()) == 1
    for dag in world.api.dags():
        assert (dag.is_stale, dag.has_import_errors) == (False, False), dag.dag_id

    world.write("broken.yaml", BROKEN.replace("taks", "tasks"))
    until(lambda: not world.api.import_errors())
    until(lambda: world.api.dag("broken"))
    assert "mended" in world.said(world.run("broken"))


def test_values_at_their_bounds_run_on_a_real_database(world: World) -> None:
    world.write("largest.yaml", LARGEST)
    until(lambda: world.api.dag("largest"))
    run = world.run("largest")
    assert run.state == "success"
    assert "it fits" in world.said(run)
    assert world.run("edited").state == "success"


def test_a_spec_that_ends_the_dag_processors_process_hides_no_other(world: World) -> None:
    world.write("ending.yaml", ENDING)

    def named() -> str:
        errors = [error.stack_trace for error in world.api.import_errors()]
        return next((text for text in errors if "team/ending.yaml:1:1: " in text), "")

    assert "the pipeline is left out: it ends the process that builds it" in until(named)
    for dag in world.api.dags():
        assert (dag.is_stale, dag.has_import_errors) == (False, False), dag.dag_id
    changed = EDITED.replace("first", "still read")
    world.write("edited.yaml", changed)
    until(lambda: world.api.dag_source("edited") == changed)
    assert "still read words" in world.said(world.run("edited"))
    world.write("ending.yaml", EDITED)
    until(lambda: not world.api.import_errors())


def test_a_failing_task_fails_its_own_run_only(world: World) -> None:
    failed = world.run("failing")
    assert failed.state == "failed"
    said = world.said(failed)
    assert "before it fails" in said
    assert "exit code 3" in said
    assert world.run("edited").state == "success"


def test_a_run_uses_the_specs_of_its_own_git_commit(world: World) -> None:
    first = world.run("tracked")
    assert first.bundle_version == world.repository.head.commit.hexsha
    assert "the first commit says first" in world.said(first)

    spec = Path(world.repository.working_dir) / "dag_factory_configs/team/tracked.yaml"
    spec.write_text(TRACKED.replace("WORD", "second"))
    second_commit = commit(world.repository, "second")

    def follows() -> bool:
        dag = world.api.dag("tracked")
        return dag is not None and dag.bundle_version == second_commit

    until(follows)
    world.api.clear("tracked", first.dag_run_id)
    again = world.ended(first)
    assert again.state == "success"
    assert again.bundle_version == first.bundle_version
    assert "the first commit says first" in world.said(again, attempt=2)

    second = world.run("tracked")
    assert second.bundle_version == second_commit
    assert "the second commit says second" in world.said(second)
