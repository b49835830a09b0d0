"""A proxy on the loopback that makes the faults of a network, before a real server."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

Fault = Literal["", "slow_down", "reset", "lost", "half"]
"""None; an answer 503; the connection ends before the request, or after it, or in the answer."""
SLOW_DOWN = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Slow.</Message></Error>"


@dataclass
class Proxy:
    """`fault` says what happens to a request, by its method and its path with the query."""

    url: str = ""
    fault: Callable[[str, str], Fault] = lambda method, path: ""
    asked: list[tuple[str, str]] = field(default_factory=list)

    def once(self, method: str, part: str, fault: Fault, times: int = 1) -> None:
        """A fault of the first requests that are of this method, with this part in the path."""
        left, lock = [fault] * times, threading.Lock()

        def next_of(asked: str, path: str) -> Fault:
            with lock:
                return left.pop() if left and asked == method and part in path else ""

        self.fault = next_of


@contextmanager
def before(endpoint: str) -> Iterator[Proxy]:
    proxy, behind = Proxy(), urlsplit(endpoint).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            proxy.asked.append((self.command, self.path))
            fault = proxy.fault(self.command, self.path)
            if fault == "reset":
                self.close_connection = True
            elif fault == "slow_down":
                self.give(503, [("Content-Type", "application/xml")], SLOW_DOWN)
            else:
                self.forward(body, fault)

        def forward(self, body: bytes, fault: Fault) -> None:
            server = http.client.HTTPConnection(behind, timeout=60)
            server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("connection", "expect"):
                    server.putheader(name, value)
            server.endheaders(body)
            answer = server.getresponse()
            given = answer.read()
            server.close()
            if fault == "lost":
                self.close_connection = True
            else:
                self.give(answer.status, answer.getheaders(), given, half=fault == "half")

        def give(
            self, status: int, headers: list[tuple[str, str]], body: bytes, half: bool = False
        ) -> None:
            self.send_response_only(status)
            length = dict(headers).get("Content-Length", str(len(body)))
            for name, value in headers:
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", length)
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if half else body)
            self.close_connection = half

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        proxy.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
