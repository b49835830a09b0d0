"""`factory services`: real servers for a person's first steps."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from factory.cli import services
from tests.patience import seconds

from .conftest import Cli, process


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "dag_factory_configs").mkdir()
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    return tmp_path


def test_a_shell_reaches_them_until_they_are_interrupted(project: Path) -> None:
    command = [sys.executable, "-m", "factory", "services", "warehouse=postgres", "files"]
    home = project / ".services"
    (home / "files").mkdir(parents=True)
    (home / "files" / "a.csv").write_text("id\n1\n")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        said = [running.stdout.readline() for _ in range(9)]
        below = psutil.Process(running.pid).children(recursive=True)
        psql = said[2].strip()
        asked = subprocess.check_output([*psql.split(), "-Atc", "SELECT 'it works'"], text=True)
        shell = f". {home}/connections.sh; echo $AIRFLOW_CONN_WAREHOUSE $AIRFLOW_CONN_FILES"
        told = subprocess.check_output(["sh", "-c", shell], text=True)
        second = process("services", "files", cwd=project)
        os.kill(running.pid, signal.SIGINT)
    assert running.returncode == 128 + signal.SIGINT
    assert said[:2] == ["warehouse is starting …\n", "warehouse is ready; to look inside:\n"]
    assert said[7] == f"  . {home}/connections.sh\n"
    assert asked == "it works\n"
    assert '"conn_type": "postgres"' in told
    assert '"conn_type": "http"' in told
    assert second.code == 1
    assert "in use by another process" in second.err
    assert below
    assert psutil.wait_procs(below, timeout=seconds(10))[1] == []
    assert not (home / "connections.sh").exists()
    assert (home / ".gitignore").read_text() == "*\n"
    assert (home / "warehouse" / "PG_VERSION").is_file()


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("postgre", "did you mean 'postgres'?"),
        ("my db=postgres", "'my db' cannot be the id of a connection"),
    ],
)
def test_what_cannot_be_is_told(word: str, said: str, project: Path, cli: Cli) -> None:
    result = cli("services", word)
    assert result.code == 2
    assert said in result.err
    assert not (project / ".services").exists()


def test_the_help_names_every_service() -> None:
    from argparse import ArgumentParser

    from factory_embedded.services import builtin_names

    parser = ArgumentParser()
    services.add_arguments(parser)
    assert [name for name in builtin_names() if name not in parser.format_help()] == []
