"""Commands in copies of fixed projects, in this process or in one of their own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from factory.cli.main import main
from tests.patience import seconds

PROJECTS = Path(__file__).parent / "projects"


class Result(NamedTuple):
    code: int
    out: str
    err: str


Cli = Callable[..., Result]


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FACTORY_ENV", "FACTORY_CONFIGS", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def enter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Go into a copy of a project."""

    def enter(name: str) -> Path:
        folder = tmp_path / name
        shutil.copytree(
            PROJECTS / name,
            folder,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        monkeypatch.chdir(folder)
        return folder

    return enter


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    """Run a command in this process."""

    def run(*argv: str) -> Result:
        capfd.readouterr()
        code = main(argv)
        captured = capfd.readouterr()
        return Result(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def env(cache: Path) -> Mapping[str, str]:
    """The environment of someone who has no Airflow of their own."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return {**mine, "XDG_CACHE_HOME": str(cache), "PYTHONUNBUFFERED": "1"}


def process(
    *argv: str,
    env: Mapping[str, str] | None = None,
    only: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Result:
    """Run a command in a process of its own, with more environment, or with only that."""
    done = subprocess.run(
        [sys.executable, "-m", "factory", *argv],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=dict(only) if only is not None else {**os.environ, **(env or {})},
        timeout=seconds(300),
    )
    return Result(done.returncode, done.stdout, done.stderr)
