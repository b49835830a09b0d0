"""A file server on the loopback, in a thread of this process, for downloads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from factory_embedded.service import Connection, ServiceError, never


@dataclass(frozen=True)
class Server:
    """Where a running server listens."""

    host: str
    port: int
    folder: Path

    @property
    def url(self) -> str:
        """The address of the folder, without a final slash."""
        return f"http://{self.host}:{self.port}"

    @property
    def look(self) -> str:
        """A list of the files."""
        return self.url

    @property
    def connection(self) -> Connection:
        """How Airflow reaches it."""
        return Connection("http", self.host, self.port)


@contextmanager
def running(
    folder: Path, *, port: int = 0, cancelled: Callable[[], bool] = never
) -> Iterator[Server]:
    """Serve the files in ``folder`` on 127.0.0.1 until the block ends; it is ready at once.

    Answers GET and HEAD with Content-Length, Last-Modified and ETag, and 304 to If-None-Match and
    If-Modified-Since. Port 0 takes a free one. Raises `ServiceError` when the port is taken.
    """
    handler = partial(_Handler, directory=str(folder))
    with _bound(port, handler) as server:
        thread = threading.Thread(
            target=server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="file-server",
            daemon=True,
        )
        thread.start()
        try:
            yield Server("127.0.0.1", server.server_port, folder)
        finally:
            server.shutdown()
            thread.join()


def _bound(port: int, handler: Callable[..., SimpleHTTPRequestHandler]) -> ThreadingHTTPServer:
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise ServiceError(f"port {port} cannot be used: {error.strerror}") from error


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if not self._not_modified():
            super().do_GET()

    def do_HEAD(self) -> None:
        if not self._not_modified():
            super().do_HEAD()

    def end_headers(self) -> None:
        etag = self._etag()
        if etag:
            self.send_header("ETag", etag)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal belongs to the demo."""

    def _not_modified(self) -> bool:
        etag = self._etag()
        asked = [tag.strip() for tag in self.headers.get("If-None-Match", "").split(",")]
        if not etag or etag not in asked:
            return False
        self.send_response(HTTPStatus.NOT_MODIFIED)
        self.end_headers()
        return True

    def _etag(self) -> str:
        if not hasattr(self, "path"):  # the request line itself was broken
            return ""
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            return ""
        facts = path.stat()
        return f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"'
