import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from factory_embedded.service import Cancelled, ServiceError
from factory_embedded.services.mariadb import Server, running
from tests.patience import until
from tests.processes import runs


def ask(server: Server, query: str) -> object:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(query)
        row = cursor.fetchone()
        return row and row[0]


def process(data: Path) -> int:
    return int((data / "server.pid").read_text())


def test_data_is_kept_and_the_server_ends_with_the_block(tmp_path: Path) -> None:
    data = tmp_path / "mariadb"
    with running(data) as server:
        ask(server, "create table kept as select 42 as answer")
        pid = process(data)
        if os.geteuid() == 0:
            assert psutil.Process(pid).uids().real != 0
        assert server.connection.json == (
            f'{{"conn_type": "mysql", "host": "127.0.0.1", "port": {server.port}, '
            '"login": "root", "schema": "factory"}'
        )
        command = [*server.look.split(), "-N", "-e", "select answer from kept"]
        assert subprocess.run(command, capture_output=True, check=True).stdout == b"42\n"
    assert not runs(pid)
    assert "Shutdown complete" in (data / "server.log").read_text()
    with running(data, log=tmp_path / "log") as server:
        assert ask(server, "select answer from kept") == 42
    assert "ready for connections" in (tmp_path / "log").read_text()


def test_a_killed_server(tmp_path: Path) -> None:
    data = tmp_path / "mariadb"
    with running(data) as server:
        ask(server, "create table kept as select 42 as answer")
        os.kill(process(data), signal.SIGKILL)
    with running(data) as server:
        assert ask(server, "select answer from kept") == 42


HOLD = """
import sys, time; from pathlib import Path
from factory_embedded.services.mariadb import running
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


def test_one_process_at_a_time_and_nothing_is_left_of_a_killed_one(tmp_path: Path) -> None:
    data = tmp_path / "mariadb"
    with held(data) as holder:
        with pytest.raises(ServiceError, match="in use by another process"), running(data):
            pass
        pid = process(data)
        holder.kill()
        holder.wait()
        until(lambda: not runs(pid))
    with running(data) as server:
        assert ask(server, "select 1") == 1


def test_what_is_no_data_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ServiceError, match="is not empty and holds no data"), running(tmp_path):
        pass


def test_the_end_of_the_log_is_told(tmp_path: Path) -> None:
    data = tmp_path / "mariadb"
    with running(data):
        pass
    shutil.rmtree(data / "mysql")
    with pytest.raises(ServiceError, match="MariaDB did not start; the end of"), running(data):
        pass


def test_it_is_cancelled(tmp_path: Path) -> None:
    with pytest.raises(Cancelled), running(tmp_path / "mariadb", cancelled=lambda: True):
        pass


def test_other_machines_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(ServiceError, match="for Linux on x86-64"), running(tmp_path / "mariadb"):
        pass
