"""A small HTTP/1.1 server on the loopback, in a thread of its own, that can misbehave."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.patience import seconds


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.body or b"{}")
        return value


@dataclass(frozen=True)
class Reply:
    """`lost`: the connection breaks instead; `delay` in seconds before it."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    lost: bool = False
    delay: float = 0.0

    def encode(self) -> bytes:
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        body = b"" if self.body is None else text.encode()
        kind = "text/plain" if isinstance(self.body, str) else "application/json"
        headers = {"Content-Type": kind, "Content-Length": str(len(body)), **self.headers}
        lines = [f"HTTP/1.1 {self.status} X", *(f"{k}: {v}" for k, v in headers.items())]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class HttpServer:
    """Answers by `handle`, which runs in the server's thread, one call at a time."""

    def __init__(
        self, handle: Callable[[Call], Reply], context: ssl.SSLContext | None = None
    ) -> None:
        self._handle = handle
        self._context = context
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.connections = 0

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}"

    def start(self) -> None:
        if not self._thread.is_alive():
            self._thread.start()
        self._await(self._listen())

    def stop(self) -> None:
        """Close the port and break all connections; `start` opens the same port again."""
        self._await(self._close())

    def end(self) -> None:
        self.stop()
        self._await(self._cancel())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _await(self, what: Any) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(seconds(30))

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=self._context, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        for writer in list(self._open):
            writer.transport.abort()
        await asyncio.sleep(0.05)

    async def _cancel(self) -> None:
        """End the answers that are still delayed."""
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for each in left:
            each.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
            while (call := await _read(reader)) is not None:
                if call is _HELLO:
                    writer.write(Reply(400, "No TLS here").encode())
                    break
                reply = self._handle(call)
                if reply.delay:
                    await asyncio.sleep(reply.delay)
                if reply.lost:
                    writer.transport.abort()
                    break
                writer.write(reply.encode())
                await writer.drain()
        self._open.discard(writer)
        writer.close()


_TLS = b"\x16"
_HELLO = Call("", "", {}, {}, b"")


async def _read(reader: asyncio.StreamReader) -> Call | None:
    byte = await reader.read(1)
    if byte in (b"", _TLS):
        return _HELLO if byte else None
    first = (byte + await reader.readline()).decode("latin-1").split()
    if len(first) != 3:
        return None
    headers: dict[str, str] = {}
    while (line := (await reader.readline()).decode("latin-1").strip()) != "":
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    url = urlsplit(first[1])
    return Call(first[0], url.path, dict(parse_qsl(url.query)), headers, body)
