"""A proxy on the loopback that makes the faults of a network, before a real server."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

Fault = Literal["", "slow_down", "reset", "lost", "half"] | int
"""None; an answer 503; the connection ends before the request, or after it, or in the answer; an
empty answer of this status."""


class Request(NamedTuple):
    """What a client asked for: the path with its query, headers by their names in small letters."""

    method: str
    path: str
    headers: Mapping[str, str]


class Refusal(NamedTuple):
    """What a server says in S3's words that it does not do."""

    status: int
    code: str
    headers: Mapping[str, str] = {}

    @property
    def body(self) -> bytes:
        text = f"<Error><Code>{self.code}</Code><Message>As told.</Message></Error>"
        return f"<?xml version='1.0'?>{text}".encode()


SLOW_DOWN = Refusal(503, "SlowDown")


@dataclass
class Proxy:
    """`fault` says what happens to a request, by its method and its path with the query, and
    `refuse` what the server would say to it. `send` makes another body of each request, `change`
    of each answer, as long as it was.
    """

    url: str = ""
    fault: Callable[[str, str], Fault] = lambda method, path: ""
    refuse: Callable[[Request], Refusal | None] = lambda request: None
    send: Callable[[bytes], bytes] = lambda body: body
    change: Callable[[bytes], bytes] = lambda body: body
    asked: list[tuple[str, str]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def once(self, method: str, part: str, fault: Fault, times: int = 1) -> None:
        """A fault of the first requests that are of this method, with this part in the path."""
        left, lock = [fault] * times, threading.Lock()

        def next_of(asked: str, path: str) -> Fault:
            with lock:
                return left.pop() if left and asked == method and part in path else ""

        self.fault = next_of


def repeats(method: str, meanwhile: Callable[[], None]) -> Callable[[str, str], Fault]:
    """A fault: the first answer to such a request is lost, and this happens before the second."""
    asked = list[str]()

    def fault(of: str, path: str) -> Fault:
        if of != method:
            return ""
        asked.append(path)
        if len(asked) == 1:
            return "lost"
        if len(asked) == 2:
            meanwhile()
        return ""

    return fault


@contextmanager
def before(endpoint: str) -> Iterator[Proxy]:
    proxy, behind = Proxy(), urlsplit(endpoint).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = Request(
                self.command, self.path, {n.lower(): v for n, v in self.headers.items()}
            )
            proxy.asked.append((self.command, self.path))
            proxy.requests.append(request)
            fault = proxy.fault(self.command, self.path)
            refusal = SLOW_DOWN if fault == "slow_down" else proxy.refuse(request)
            if fault == "reset":
                self.close_connection = True
            elif isinstance(fault, int):
                self.give(fault, [], b"")
            elif refusal is not None:
                said = [("Content-Type", "application/xml"), *refusal.headers.items()]
                self.give(refusal.status, said, b"" if self.command == "HEAD" else refusal.body)
            else:
                self.forward(proxy.send(body), fault)

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
                self.give(
                    answer.status, answer.getheaders(), proxy.change(given), half=fault == "half"
                )

        def give(
            self, status: int, headers: list[tuple[str, str]], body: bytes, half: bool = False
        ) -> None:
            self.send_response_only(status)
            length = dict(headers).get("Content-Length", str(len(body)))
            for name, given in headers:
                value = given.replace(behind, urlsplit(proxy.url).netloc)  # where an upload goes on
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
