"""The session on an SFTP server that an Airflow connection makes."""

import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import paramiko
import pytest
from airflow.providers.common.compat.sdk import AirflowNotFoundException

from factory.cli.main import main
from factory.errors import FactoryError
from factory.in_airflow.clients import client
from factory.in_airflow.storage import place
from factory.stores.sftp import session

from ...stores.contract import put, read, there
from ...stores.sftp_server import PASSWORD, Server, running
from ..pipelines import Pipelines

USER_KEY = paramiko.RSAKey.generate(2048)


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that lets in who has the key."""
    public = f"{USER_KEY.get_name()} {USER_KEY.get_base64()}"
    with running(tmp_path_factory.mktemp("keyed"), user_key=public) as server:
        yield server


def private() -> str:
    written = StringIO()
    USER_KEY.write_private_key(written)
    return written.getvalue()


def reach(pipelines: Pipelines, server: Server, **other: Any) -> None:
    """Write and read by the connection `drop`."""
    extra = {"host_key": server.host_key, **other.pop("extra", {})}
    pipelines.connect("drop", **{**server.connection, **other, "extra": extra})
    file = place("sftp://drop/~/a/b")
    put(file, b"1")
    assert read(file) == b"1"
    assert there(place("sftp://drop/~/a")) == ["b"]
    file.store.delete(file.path)


@pytest.mark.parametrize("kind", ["sftp", "ssh"])
def test_it_reaches_the_server_by_a_password(
    kind: str, pipelines: Pipelines, real_sftp: Server
) -> None:
    reach(pipelines, real_sftp, conn_type=kind)


def test_it_reaches_the_server_by_a_key(
    pipelines: Pipelines, keyed: Server, tmp_path: Path
) -> None:
    reach(pipelines, keyed, password=None, extra={"private_key": private()})
    file = tmp_path / "key"
    file.write_text(private())
    file.chmod(0o600)
    reach(pipelines, keyed, password=None, extra={"key_file": str(file)})


JUMP = """
import os, socket, sys, threading
far = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def up():
    while some := os.read(0, 65536):
        far.sendall(some)
threading.Thread(target=up, daemon=True).start()
while some := far.recv(65536):
    os.write(1, some)
"""


def test_it_reaches_the_server_by_a_jump_host(
    pipelines: Pipelines, real_sftp: Server, tmp_path: Path
) -> None:
    """As `ssh -W` would: a program carries the bytes. Also when it has to be started again."""
    (tmp_path / "jump.py").write_text(JUMP)
    command = f"{sys.executable} {tmp_path}/jump.py 127.0.0.1 {real_sftp.port}"
    extra = {"host_proxy_cmd": command}
    reach(pipelines, real_sftp, extra=extra)
    client("sftp", "drop").close()
    reach(pipelines, real_sftp, extra=extra)
    client("sftp", "drop").close()


def test_its_limits_are_ours_unless_the_connection_has_its_own(
    pipelines: Pipelines, real_sftp: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, Any]] = []
    connect = paramiko.SSHClient.connect

    def noted(self: paramiko.SSHClient, **given: Any) -> None:
        seen.append(given)
        connect(self, **given)

    monkeypatch.setattr(paramiko.SSHClient, "connect", noted)
    reach(pipelines, real_sftp)
    reach(pipelines, real_sftp, extra={"conn_timeout": 7, "compress": "true"})
    wanted = ("timeout", "banner_timeout", "auth_timeout", "compress")
    assert [tuple(one[name] for name in wanted) for one in seen] == [
        (10, 30, 30, False),
        (7, 30, 30, True),
    ]


def test_it_is_made_once_until_the_connection_changes(
    pipelines: Pipelines, real_sftp: Server
) -> None:
    pipelines.connect("drop", **real_sftp.connection)
    first = client("sftp", "drop")
    assert client("sftp", "drop") is first
    pipelines.connect("drop", **{**real_sftp.connection, "login": "other"})
    assert client("sftp", "drop") is not first


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"host": None}, "remote_host"),
        ({"extra": {"host_key": "ssh-dss AAAA"}}, "DSA/DSS"),
        ({"extra": {"private_key": PASSWORD}}, "Key must have BEGIN"),
        ({"extra": {"private_key": private(), "key_file": "/x"}}, "both provided"),
        ({"extra": {"key_file": "/no/such/key"}}, "No such file or directory: '/no/such/key'"),
    ],
)
def test_what_is_wrong_with_a_connection_is_told(
    other: dict[str, Any], said: str, pipelines: Pipelines, real_sftp: Server
) -> None:
    with pytest.raises(FactoryError, match=f"nobody can log in .* 'drop': .*{said}") as told:
        reach(pipelines, real_sftp, **other)
    assert "correct its host" in told.value.hint
    assert PASSWORD not in str(told.value)


def test_a_connection_that_is_not_there(pipelines: Pipelines) -> None:
    with pytest.raises(AirflowNotFoundException):
        client("sftp", "no_such_connection")


def test_a_key_of_the_host_that_nobody_confirmed(
    pipelines: Pipelines, real_sftp: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "PAUSE", 0)
    monkeypatch.setenv("HOME", str(tmp_path))
    pipelines.connect("drop", **{**real_sftp.connection, "extra": {}})
    with pytest.raises(PermissionError, match=r"key of the SFTP server of .* is not known"):
        place("sftp://drop/x").store.file("/x")
    (tmp_path / ".ssh").mkdir()
    line = f"[127.0.0.1]:{real_sftp.port} {real_sftp.host_key}\n"
    (tmp_path / ".ssh" / "known_hosts").write_text(line)
    assert place("sftp://drop/x").store.file("/no/such") is None


def test_a_file_is_sniffed(
    pipelines: Pipelines, real_sftp: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    pipelines.connect("drop", **real_sftp.connection)
    (real_sftp.home / "a.csv").write_bytes(b"a;b\n1;x\n")
    assert main(["sniff", "sftp://drop/~/a.csv"]) == 0
    assert capfd.readouterr().out.startswith("# a.csv: 2 columns, 1 rows\nformat:\n")
    for address, said in (
        ("sftp://drop/in/b.csv", "No such file or directory: '/in/b.csv'"),
        ("sftp://nobody/in/a.csv", "Airflow does not know the connection 'nobody'"),
    ):
        assert main(["sniff", address]) == 1
        assert said in capfd.readouterr().err


def test_a_worker_imports_little_for_it() -> None:
    code = """
import airflow.sdk, sys
before = set(sys.modules)
from airflow.providers.sftp.hooks.sftp import SFTPHook
from factory.stores import sftp
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(new & {"pandas", "pyarrow", "boto3", "sqlalchemy", "fsspec"}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")
