"""What stands in for Snowflake on the loopback: fakesnow, over DuckDB, with what it lacks.

It lets everybody in, and keeps all in memory. `standin.py` says what it does otherwise.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from factory_embedded import apart
from factory_embedded.patience import Patience
from factory_embedded.ports import free_ports
from factory_embedded.service import Cancelled, Connection, ServiceError, never
from factory_embedded.supervise import supervised

READY_SECONDS = 90.0
ACCOUNT, DATABASE, SCHEMA = "factory", "FACTORY", "PUBLIC"
DOWNLOAD = 120_000_000
"""Bytes that are downloaded when it is not at hand."""

_HERE = Path(__file__).parent
_LOCK = _HERE / "requirements.lock"
_NAME = "fakesnow"
_PAUSE = 0.05
_ANSWER_SECONDS = 10.0
# `urlopen` would go by the proxies of the environment
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Server:
    """Where a running server listens."""

    port: int
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def look(self) -> str:
        """A page that says no more than that it is there: SQL is asked by the connector."""
        return f"http://127.0.0.1:{self.port}/session"

    @property
    def connection(self) -> Connection:
        """How Airflow reaches it."""
        place = {"account": ACCOUNT, "database": DATABASE, "host": "127.0.0.1"}
        extra = {**place, "port": str(self.port), "protocol": "http"}
        return Connection(
            "snowflake", "", login="factory", password="any-at-all", schema=SCHEMA, extra=extra
        )

    def fail(self, match: str, do: str) -> None:
        """Let the next statement that holds a match fare badly, or be long: see `standin`."""
        _post(self.port, "/faults", {"match": match, "do": do})

    def read_buckets(self, url: str, folder: Path) -> None:
        """Let what external stages have under a URL, such as `gcs://`, be files in a folder."""
        _post(self.port, "/buckets", {"url": url, "folder": str(folder)})


@contextmanager
def running(folder: Path, *, cancelled: Callable[[], bool] = never) -> Iterator[Server]:
    """Serve on 127.0.0.1 until the block ends; its log is in ``folder``.

    The first start ever downloads it. Raises `ServiceError`, with the end of the log, when it does
    not start, and `Cancelled` once ``cancelled`` says so.
    """
    python = made(cancelled)
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    (port,) = free_ports(1)
    log = folder / "snowflake.log"
    command = [str(python), "-I", str(_HERE / "standin.py"), str(port)]
    files = folder / "files"
    files.mkdir(exist_ok=True)
    env = {**os.environ, "TMPDIR": str(files)}  # where it keeps what is uploaded
    with supervised(command, env=env, cwd=folder, log=log) as process:
        server = Server(port, process)
        _await(server, log, cancelled)
        yield server


def made(cancelled: Callable[[], bool] = never) -> Path:
    """The interpreter of its environment, which is downloaded when it is missing."""
    return apart.python(_NAME, _LOCK, cancelled)


def is_at_hand() -> bool:
    """Whether `running` will download nothing."""
    return apart.is_at_hand(_NAME, _LOCK)


def _await(server: Server, log: Path, cancelled: Callable[[], bool]) -> None:
    patience = Patience(READY_SECONDS)
    while not _answers(server.port):
        if cancelled():
            raise Cancelled
        if server.process.poll() is not None or patience.is_over:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
            raise ServiceError(f"Snowflake's stand-in did not start; the end of {log}:\n{tail}")
        time.sleep(_PAUSE)


def _answers(port: int) -> bool:
    try:
        _post(port, "/telemetry/send", {})
    except (urllib.error.URLError, OSError):
        return False
    return True


def _post(port: int, path: str, body: dict[str, str]) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with _direct.open(request, timeout=_ANSWER_SECONDS) as answer:
        answer.read()
