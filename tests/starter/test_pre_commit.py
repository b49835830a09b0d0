"""The real pre-commit: the hook that this repository offers, and the one of `factory init`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from factory.cli.main import main
from tests.installed import sources

from .conftest import BROKEN, ENVIRONMENT, GOOD, Repository

BIN = Path(sys.executable).parent


@pytest.fixture
def hooked(tmp_path: Path) -> Repository:
    """A repository in which pre-commit is installed."""
    folder = tmp_path / "team"
    folder.mkdir()
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    home = str(tmp_path / "pre-commit")
    return Repository(folder, {"PATH": path, "PRE_COMMIT_HOME": home})


@pytest.fixture
def offered(tmp_path: Path) -> tuple[Path, str]:
    """This repository as it stands, and its newest commit."""
    folder = sources(tmp_path / "factory")
    here = {"cwd": folder, "env": ENVIRONMENT, "check": True}
    for command in ("git init -q .", "git add --all", "git commit -q -m all"):
        subprocess.run(command.split(), **here)  # type: ignore[call-overload]
    revision = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=folder, text=True)
    return folder, revision.strip()


def test_a_broken_pipeline_is_refused(hooked: Repository, offered: tuple[Path, str]) -> None:
    source, revision = offered
    hooked.write(
        f"repos:\n  - repo: {source}\n    rev: {revision}\n    hooks: [{{id: factory-lint}}]\n",
        ".pre-commit-config.yaml",
    )
    hooked.run("pre-commit", "install")
    hooked.write(GOOD)
    assert "lint pipelines" in hooked.commit().stderr

    hooked.write(BROKEN)
    refused = hooked.commit(check=False)
    assert refused.returncode == 1
    assert "dag_factory_configs/hello.yaml:2:1: error[unknown-key]" in refused.stderr
    assert "did you mean 'schedule'?" in refused.stderr

    hooked.write(GOOD)
    hooked.write("version: 1\nretires: 3\n", "dag_factory_configs/_defaults.yaml")
    refused = hooked.commit(check=False)
    assert "_defaults.yaml:2:1: error[unknown-key]" in refused.stderr

    hooked.run("git", "rm", "-qf", "dag_factory_configs/_defaults.yaml")
    hooked.write("elsewhere\n", "README.md")
    assert "Skipped" in hooked.commit().stderr
    (environment,) = (Path(hooked.env["PRE_COMMIT_HOME"])).glob("repo*/py_env-*")
    packages = {path.name.partition("-")[0] for path in environment.rglob("*.dist-info")}
    assert "airflow_pipeline_factory" in packages
    assert not {"apache_airflow", "pyarrow", "requests", "httpx"} & packages


def test_the_hook_of_a_new_project_uses_what_is_installed(hooked: Repository) -> None:
    assert main(["init", str(hooked.folder)]) == 0
    hooked.run("pre-commit", "install")
    hooked.write(GOOD)
    assert "Passed" in hooked.commit().stderr
    hooked.write(BROKEN)
    refused = hooked.commit(check=False)
    assert refused.returncode == 1
    assert "error[unknown-key]" in refused.stderr
