import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from factory.errors import FactoryError
from factory_embedded.services import gcs
from tests.patience import seconds
from tests.processes import runs


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[gcs.Server]:
    with gcs.running(tmp_path_factory.mktemp("gcs")) as server:
        assert server.create_bucket("lake") == "gs://lake"
        yield server


def asked(url: str, data: bytes | None = None) -> bytes:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(urllib.request.Request(url, data), timeout=60) as answer:
        return bytes(answer.read())


@pytest.mark.parametrize("key", ["a", "day=2024-01-01/part-0.csv", "with space/ü+%.csv", "a\nb"])
def test_what_is_put_is_read_and_listed(server: gcs.Server, key: str) -> None:
    name = quote(key, safe="")
    asked(f"{server.endpoint}/upload/storage/v1/b/lake/o?uploadType=media&name={name}", b"1,2\n")
    assert asked(f"{server.endpoint}/storage/v1/b/lake/o/{name}?alt=media") == b"1,2\n"
    listed = json.loads(asked(f"{server.endpoint}/storage/v1/b/lake/o"))["items"]
    assert key in [one["name"] for one in listed]
    assert [one["name"] for one in json.loads(asked(server.look))["items"]] == ["lake"]


def test_what_it_keeps_is_there_again(tmp_path: Path) -> None:
    with gcs.running(tmp_path) as server:
        server.create_bucket("kept")
        asked(f"{server.endpoint}/upload/storage/v1/b/kept/o?uploadType=media&name=a", b"1")
        below = psutil.Process(server.process.pid).children(recursive=True)
        assert below
    assert not any(runs(process.pid) for process in below)
    with gcs.running(tmp_path) as server:
        assert asked(f"{server.endpoint}/storage/v1/b/kept/o/a?alt=media") == b"1"


def test_it_ends_with_its_owner(tmp_path: Path) -> None:
    code = """
import sys, time; from pathlib import Path
from factory_embedded.services.gcs import running
with running(Path(sys.argv[1])) as server:
    print(server.process.pid, flush=True); time.sleep(600)
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        watcher = psutil.Process(int(owner.stdout.readline()))
        (server,) = watcher.children()
        owner.send_signal(signal.SIGKILL)
    psutil.wait_procs([watcher, server], timeout=seconds(20))
    assert not runs(server.pid)


def test_a_start_that_fails_shows_the_log(tmp_path: Path, server: gcs.Server) -> None:
    taken = int(server.endpoint.rpartition(":")[2])
    with pytest.raises(FactoryError, match="in use"), gcs.running(tmp_path, port=taken):
        pass
