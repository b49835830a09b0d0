"""A kind of another package: lint, plan, schema, and a real run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .installing import install

SPEC = """
version: 1
tasks:
  - {id: hello, uses: greet, with: {%s}}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install("acme_kinds", tmp_path_factory.mktemp("acme") / "site")


def factory(site: Path, folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    env = {**mine, "PYTHONPATH": str(site), "XDG_CACHE_HOME": str(folder / "cache")}
    return subprocess.run(
        [sys.executable, "-m", "factory", *args],
        capture_output=True,
        text=True,
        env=env,
        cwd=folder,
    )


def write(folder: Path, arguments: str) -> None:
    root = folder / "dag_factory_configs"
    root.mkdir()
    (root / "greeting.yaml").write_text(SPEC % arguments)


def test_a_mistake_is_told_as_of_a_built_in_kind(site: Path, tmp_path: Path) -> None:
    write(tmp_path, "nme: world")
    done = factory(site, tmp_path, "lint", "--format", "json")
    found = {entry["code"]: entry for entry in json.loads(done.stdout)["findings"]}
    assert found["unknown-key"]["hint"] == "did you mean 'name'?"
    assert found["unknown-key"]["line"] == 4


def test_editors_are_offered_it(site: Path, tmp_path: Path) -> None:
    write(tmp_path, "name: world")
    done = factory(site, tmp_path, "schema", "--output", "schemas")
    assert done.returncode == 0, done.stderr
    schema = json.loads((tmp_path / "schemas/kinds/greet.schema.json").read_text())
    assert schema["properties"]["name"]["description"] == "Who is greeted."


def test_a_list_of_kinds_has_the_good_ones_beside_a_broken_one(site: Path, tmp_path: Path) -> None:
    metadata = tmp_path / "site" / "broken-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "entry_points.txt").write_text("[dag_factory.kinds]\nbroken = not_there\n")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    write(tmp_path, "name: world")
    both = f"{site}{os.pathsep}{metadata.parent}"
    env = {**os.environ, "PYTHONPATH": both}
    command = [sys.executable, "-m", "factory", "new", "--list"]
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = {line.partition(" ")[0]: line for line in done.stdout.splitlines()}
    assert "Greet somebody in the task's log." in lines["greet"]
    assert "does not load: ModuleNotFoundError" in lines["broken"]
    assert "bash" in lines


@pytest.mark.slow
def test_it_runs(site: Path, tmp_path: Path) -> None:
    write(tmp_path, "name: world")
    done = factory(site, tmp_path, "run", "greeting", "--verbose")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Hello world" in done.stdout
