"""A server on the loopback that speaks as BigQuery does: bqemulator, in an environment of its own.

It reads `gs://` from a server of Cloud Storage that starts with it, and asks nobody who they are.
Its tables are kept; its jobs, and whose ids are taken, are forgotten when it ends.
"""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Any
from urllib.parse import quote

from factory_embedded import apart, bigquery_proxy
from factory_embedded.bigquery_proxy import Proxy
from factory_embedded.patience import Patience
from factory_embedded.ports import free_ports
from factory_embedded.service import Cancelled, Connection, ServiceError, never
from factory_embedded.services import gcs
from factory_embedded.supervise import supervised

READY_SECONDS = 120.0
DATASET = "demo"
LOCK = Path(__file__).with_name("bigquery.lock")
DOWNLOAD = 200_000_000
"""Bytes that are downloaded, about, when the environment is not at hand."""

_NAME = "bqemulator"
_PAGE = 10_000
_PAUSE = 0.1
_ANSWER_SECONDS = 30.0
# its extensions come as packages: it would else download them
_PROGRAM = (
    "import sys, duckdb_extensions\n"
    "for name in ('spatial', 'icu', 'avro'): duckdb_extensions.import_extension(name)\n"
    "from bqemulator.cli import main; sys.exit(main())"
)
# `urlopen` would go by the proxies of the environment
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Server:
    """Where a running server listens."""

    endpoint: str
    grpc: str
    storage: gcs.Server
    proxy: Proxy = field(repr=False)
    scheme: str = "gs"

    @property
    def look(self) -> str:
        """The list of its datasets, as JSON: there is no page."""
        return self._url("datasets")

    @property
    def connection(self) -> Connection:
        """How Airflow reaches it, and its Cloud Storage."""
        known = self.storage.connection
        places = {"bigquery_endpoint": self.endpoint, "bigquery_storage_endpoint": self.grpc}
        return Connection(known.conn_type, "", extra={**known.extra, **places})

    def create_bucket(self, name: str) -> str:
        """Make a bucket, where there is none of that name, and return its address, `gs://…`."""
        return self.storage.create_bucket(name)

    def create_dataset(self, name: str, location: str = "US") -> None:
        """Make a dataset, where there is none of that name."""
        reference = {"projectId": gcs.PROJECT, "datasetId": name}
        try:
            self._post("datasets", {"datasetReference": reference, "location": location})
        except urllib.error.HTTPError as error:
            if error.code != 409:
                raise

    def ask(self, query: str) -> Iterator[tuple[str | None, ...]]:
        """The rows of a query, of values as texts."""
        page = self._post("queries", {"query": query, "useLegacySql": False, "maxResults": _PAGE})
        job = page["jobReference"]["jobId"]
        while True:
            for row in page.get("rows", ()):
                yield tuple(cell["v"] for cell in row["f"])
            if not (token := page.get("pageToken")):
                return
            page = self._get(f"queries/{job}?pageToken={quote(token)}&maxResults={_PAGE}")

    def _post(self, path: str, body: object) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        return _answer(urllib.request.Request(self._url(path), json.dumps(body).encode(), headers))

    def _get(self, path: str) -> dict[str, Any]:
        return _answer(urllib.request.Request(self._url(path)))

    def _url(self, path: str) -> str:
        return f"{self.endpoint}/bigquery/v2/projects/{gcs.PROJECT}/{path}"


def _answer(request: urllib.request.Request) -> dict[str, Any]:
    with _direct.open(request, timeout=_ANSWER_SECONDS) as answer:
        return dict(json.loads(answer.read()))


def made(cancelled: Callable[[], bool] = never) -> Path:
    """The interpreter of its environment, which is downloaded when it is missing."""
    return apart.python(_NAME, LOCK, cancelled)


def is_at_hand() -> bool:
    """Whether `running` will download nothing."""
    return apart.is_at_hand(_NAME, LOCK)


@contextmanager
def running(folder: Path, *, cancelled: Callable[[], bool] = never) -> Iterator[Server]:
    """Serve on 127.0.0.1 until the block ends; its log is in ``folder``.

    The first start ever downloads the emulator. Raises `ServiceError`, with the end of the log,
    when it does not start, and `Cancelled` once ``cancelled`` says so.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    program = made(cancelled)
    rest, grpc = free_ports(2)
    with gcs.running(folder / "gcs", cancelled=cancelled) as storage:
        command = [str(program), "-c", _PROGRAM, *_options(folder / "data", rest, grpc)]
        env = {**os.environ, "BQEMU_GCS_LOCAL_ROOT": str(folder / "gcs" / "data")}
        log, proxy = folder / "bigquery.log", Proxy(rest)
        with (
            supervised(command, env=env, cwd=folder, log=log) as process,
            bigquery_proxy.running(proxy) as port,
        ):
            server = Server(f"http://127.0.0.1:{port}", f"127.0.0.1:{grpc}", storage, proxy)
            _await(server, process, log, cancelled)
            server.create_dataset(DATASET)
            yield server


def _options(data: Path, rest: int, grpc: int) -> Iterator[str]:
    yield from ("start", "--rest-port", str(rest), "--grpc-port", str(grpc))
    yield from ("--persistent", "--data-dir", str(data), "--project", gcs.PROJECT)
    yield from ("--log-level", "warning")


def _await(server: Server, process: Popen[bytes], log: Path, cancelled: Callable[[], bool]) -> None:
    patience = Patience(READY_SECONDS)
    while not _answers(server):
        if cancelled():
            raise Cancelled
        if process.poll() is not None or patience.is_over:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
            raise ServiceError(f"the BigQuery server did not start; the end of {log}:\n{tail}")
        time.sleep(_PAUSE)


def _answers(server: Server) -> bool:
    try:
        with _direct.open(server.look, timeout=_ANSWER_SECONDS):
            return True
    except (urllib.error.URLError, OSError):
        return False
