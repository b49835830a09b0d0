"""Scratch repositories, as a team has them: made by `factory init`, with commits good and bad."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from factory.cli.main import main
from tests.installed import ROOT, build, sources

GOOD = "version: 1\ntasks:\n  - {id: hello, run: echo hello}\n"
BROKEN = "version: 1\nshedule: '@daily'\ntasks:\n  - {id: hello, run: echo hello}\n"
ENVIRONMENT = {
    **{name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ},
    **{name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    **{
        f"GIT_{who}_{what}": "test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    },
}


class Repository:
    """A Git repository whose only pipeline may be changed."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.folder = folder
        self.env = {**ENVIRONMENT, **env}
        self.run("git", "init", "-q", "-b", "main", ".")

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            check=check,
            timeout=300,
        )

    def write(self, text: str, name: str = "dag_factory_configs/hello.yaml") -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        self.run("git", "add", "--all")
        return self.run("git", "commit", "-q", "-m", "a change", check=check)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with this package, where pip finds it."""
    made = tmp_path_factory.mktemp("wheels")
    build("wheel", sources(tmp_path_factory.mktemp("source")), made)
    return made


@pytest.fixture
def runner(tmp_path: Path, wheels: Path) -> dict[str, str]:
    """The environment of a CI's machine: a Python of its own with pip, and an index of packages."""
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "python")], check=True)
    return {
        "CI": "true",
        "PATH": f"{tmp_path / 'python' / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PIP_CONSTRAINT": str(ROOT / "constraints.txt"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_FIND_LINKS": str(wheels),
    }


@pytest.fixture
def project(tmp_path: Path, runner: dict[str, str]) -> Repository:
    """What `factory init` makes, on a branch of a pull request."""
    folder = tmp_path / "project"
    folder.mkdir()
    repository = Repository(folder, runner)
    assert main(["init", str(folder)]) == 0
    repository.write(GOOD)
    repository.commit()
    repository.run("git", "switch", "-q", "-c", "change")
    return repository
