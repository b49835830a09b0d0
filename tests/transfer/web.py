"""A web server's answers, good and bad, in the order in which they are given."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler


@dataclass(frozen=True)
class Answer:
    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None  # when it lies
    stall: bool = False  # after the body
    chunked: bool = False


class Web:
    def __init__(self) -> None:
        self.port = 0
        self.answers: list[Answer] = []
        self.asked: list[dict[str, str]] = []
        self.ended = threading.Event()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    def answer(self, to: BaseHTTPRequestHandler) -> None:
        self.asked.append(dict(to.headers))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        to.send_response(answer.status)
        for name, value in answer.headers.items():
            to.send_header(name, value)
        if answer.chunked:
            to.send_header("Transfer-Encoding", "chunked")
        else:
            length = len(answer.body) if answer.length is None else answer.length
            to.send_header("Content-Length", str(length))
        to.end_headers()
        if answer.chunked:
            to.wfile.write(f"{len(answer.body):x}\r\n".encode() + answer.body + b"\r\n")
            if not answer.stall and answer.length is None:
                to.wfile.write(b"0\r\n\r\n")
        else:
            to.wfile.write(answer.body)
        to.wfile.flush()
        if answer.stall:
            self.ended.wait(20)
        to.close_connection = True
