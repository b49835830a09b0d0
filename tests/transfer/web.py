"""Web servers on the loopback that answer, well and badly, as a test says."""

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.patience import seconds


@dataclass(frozen=True)
class Answer:
    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = 1  # the body again and again
    length: int | None = None  # when it lies
    stall: bool = False  # after the body
    chunked: bool = False
    no_length: bool = False
    gate: threading.Event | None = None  # what follows the first half waits for it


Asked = dict[str, str]
Answering = Callable[[Asked], Answer]


@dataclass(frozen=True)
class File:
    """A file as a good server offers it: with validators, ranges and conditions."""

    body: bytes
    etag: str | None = '"v1"'
    modified: str | None = None
    cut: int | None = None  # so many bytes, then the connection ends
    ranges: bool = True
    if_range: bool = True
    conditions: bool = True

    def __call__(self, asked: Asked) -> Answer:
        if self._is_held(asked):
            return Answer(status=304, headers=self.headers())
        start = self._start(asked)
        if start is None:
            return self._cut(Answer(self.body, headers=self.headers()))
        size = len(self.body)
        if start >= size:
            return Answer(status=416, headers={"Content-Range": f"bytes */{size}"})
        part = {"Content-Range": f"bytes {start}-{size - 1}/{size}"}
        return self._cut(Answer(self.body[start:], 206, {**self.headers(), **part}))

    def headers(self) -> dict[str, str]:
        given = {"ETag": self.etag, "Last-Modified": self.modified}
        return {name: value for name, value in given.items() if value is not None}

    def _is_held(self, asked: Asked) -> bool:
        given = (asked.get("If-None-Match"), asked.get("If-Modified-Since"))
        return self.conditions and any(
            value is not None and value == own
            for value, own in zip(given, (self.etag, self.modified), strict=True)
        )

    def _start(self, asked: Asked) -> int | None:
        if not self.ranges or "Range" not in asked:
            return None
        if self.if_range and asked["If-Range"] not in (self.etag, self.modified):
            return None
        return int(asked["Range"].removeprefix("bytes=").partition("-")[0])

    def _cut(self, answer: Answer) -> Answer:
        if self.cut is None:
            return answer
        return replace(answer, body=answer.body[: self.cut], length=len(answer.body))


class Web:
    """`answers` are given in turn, the last one for ever; `asked` are the requests' headers."""

    def __init__(self) -> None:
        self.port = 0
        self.scheme = "http"
        self.answers: list[Answer | Answering] = []
        self.asked: list[Asked] = []
        self.paths: list[str] = []
        self.ended = threading.Event()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}/{path}"

    def answer(self, to: BaseHTTPRequestHandler) -> None:
        self.asked.append(dict(to.headers))
        self.paths.append(to.path)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        answer = found if isinstance(found, Answer) else found(self.asked[-1])
        to.send_response(answer.status)
        to.send_header("Connection", "close")
        for name, value in answer.headers.items():
            to.send_header(name, value)
        if answer.chunked:
            to.send_header("Transfer-Encoding", "chunked")
        elif not answer.no_length and answer.status != 304:
            length = len(answer.body) * answer.times if answer.length is None else answer.length
            to.send_header("Content-Length", str(length))
        to.end_headers()
        self._body(answer, to)
        to.wfile.flush()
        if answer.stall:
            self.ended.wait(seconds(20))
        to.close_connection = True

    def _body(self, answer: Answer, to: BaseHTTPRequestHandler) -> None:
        if answer.chunked:
            to.wfile.write(f"{len(answer.body):x}\r\n".encode() + answer.body + b"\r\n")
            if not answer.stall and answer.length is None:
                to.wfile.write(b"0\r\n\r\n")
        elif answer.gate is not None:
            half = len(answer.body) // 2
            to.wfile.write(answer.body[:half])
            to.wfile.flush()
            answer.gate.wait(seconds(20))
            to.wfile.write(answer.body[half:])
        else:
            for _ in range(answer.times):
                to.wfile.write(answer.body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves, or is killed, is what the tests are about."""


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Web]:
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            web.answer(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with _Server(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
            web.scheme = "https"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        web.port = server.server_port
        try:
            yield web
        finally:
            web.ended.set()
            server.shutdown()
            thread.join()
