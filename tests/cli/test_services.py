"""`factory services`: real servers for a person's first steps."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from factory.cli import services
from tests.patience import seconds

from .conftest import Cli, Result, process


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
        said = [running.stdout.readline() for _ in range(11)]
        below = psutil.Process(running.pid).children(recursive=True)
        psql = said[2].strip()
        asked = subprocess.check_output([*psql.split(), "-Atc", "SELECT 'it works'"], text=True)
        shell = f". {home}/connections.sh; echo $AIRFLOW_CONN_WAREHOUSE $AIRFLOW_CONN_FILES"
        told = subprocess.check_output(["sh", "-c", shell], text=True)
        second = process("services", "files", cwd=project)
        os.kill(running.pid, signal.SIGINT)
    assert running.returncode == 128 + signal.SIGINT
    assert said[:2] == ["warehouse is starting …\n", "warehouse is ready; to look inside:\n"]
    assert said[6:8] == ["its files are those in:\n", f"  {home}/files\n"]
    assert said[9] == f"  . {home}/connections.sh\n"
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
@pytest.mark.parametrize("first", [(), ("up",)], ids=["until Ctrl-C", "up"])
def test_what_cannot_be_is_told(
    first: tuple[str, ...], word: str, said: str, project: Path, cli: Cli
) -> None:
    result = cli("services", *first, word)
    assert result.code == 2
    assert said in result.err
    assert not (project / ".services").exists()


def _process(project: Path) -> psutil.Process:
    """What runs them all."""
    return psutil.Process(json.loads((project / ".services/running.json").read_text())["pid"])


def test_in_the_background_they_run_until_they_are_ended(project: Path) -> None:
    def shell(*words: str) -> Result:
        return process("services", *words, cwd=project)

    words = ("warehouse=postgres", "my_lake=s3", "gcs")
    up = shell("up", *words)
    try:
        assert up.code == 0, up.err
        assert "it has a bucket; in a pipeline:\n  gs://gcs@gcs/…\n" in up.out
        assert "warehouse is ready; to look inside:\n" in up.out
        assert "it has a bucket; in a pipeline:\n  s3://my_lake@my-lake/…\n" in up.out
        _put(project, up.out, "s3://my_lake@my-lake/")
        _put(project, up.out, "gs://gcs@gcs/")
        (told,) = (line for line in up.out.splitlines() if "AIRFLOW_CONN_MY_LAKE" in line)
        status = shell("status")
        assert (status.code, told in status.out) == (0, True)
        running = psutil.Process(
            json.loads((project / ".services/running.json").read_text())["pid"]
        )
        below = running.children(recursive=True)
        assert shell("up", *words).out.startswith("they run already\n")
        other = shell("up", "files")
        assert (other.code, "warehouse, my_lake, gcs" in other.err) == (1, True)
        assert (project / ".services/services.log").stat().st_mode & 0o077 == 0
    finally:
        down = shell("down")
    assert (down.code, down.out.partition("\n")[0]) == (0, "warehouse, my_lake, gcs: stopping …")
    assert psutil.wait_procs([running, *below], timeout=seconds(10))[1] == []
    assert shell("status") == Result(1, "no services run below .services\n", "")
    assert shell("down") == Result(0, "no services run below .services\n", "")
    assert not (project / ".services/connections.sh").exists()


def _put(project: Path, said: str, place: str) -> None:
    """What it says of files does what it says."""
    line = f"factory put FILE {place}"
    assert f"  {line}\n" in said
    (project / "a.csv").write_text("id\n1\n")
    words = line.replace("FILE", "a.csv").removeprefix("factory ")
    shell = f". .services/connections.sh; {sys.executable} -m factory {words}"
    told = subprocess.check_output(["sh", "-c", shell], text=True, cwd=project)
    assert told == f"1 file, 5 bytes, at {place}\n"


def test_a_killed_one_is_not_taken_for_running(project: Path) -> None:
    assert process("services", "up", "lake=s3", "gcs", cwd=project).code == 0
    running = _process(project)
    below = running.children(recursive=True)
    running.kill()  # what it ran ends by itself; its data is there for the next one
    assert psutil.wait_procs(below, timeout=seconds(30))[1] == []
    assert process("services", "status", cwd=project).code == 1
    again = process("services", "up", "lake=s3", "gcs", cwd=project)
    assert process("services", "down", cwd=project).code == 0
    assert again.code == 0, again.err


def test_what_does_not_start_in_the_background_is_told(project: Path) -> None:
    (project / ".services/warehouse").mkdir(parents=True)
    (project / ".services/warehouse/mine.txt").touch()
    result = process("services", "up", "warehouse=postgres", cwd=project)
    assert result.code == 1
    assert "holds no PostgreSQL cluster" in result.out
    assert process("services", "status", cwd=project).code == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [(("up",), "needs the services to start"), (("down", "files"), "is of all of them")],
)
def test_words_that_are_missing_or_too_many(
    words: tuple[str, ...], said: str, project: Path, cli: Cli
) -> None:
    result = cli("services", *words)
    assert (result.code, said in result.err) == (2, True)


def test_the_help_names_every_service() -> None:
    from argparse import ArgumentParser

    from factory_embedded.services import builtin_names

    parser = ArgumentParser()
    services.add_arguments(parser)
    assert [name for name in builtin_names() if name not in parser.format_help()] == []
