"""A pooler as PgBouncer is one: it answers for the server, and lends out the server's sessions."""

import os
import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

Message = tuple[bytes, bytes]

_SSL_REQUEST = 80877103
_GSS_REQUEST = 80877104


@contextmanager
def pooling(uri: str, *, mode: str, newest: bool = True) -> Iterator[str]:
    """The address of a pool of the `mode` transaction or session.

    `newest`: the session that was given back last is lent out first, as PgBouncer does unless it is
    told otherwise.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pool = _Pool(uri, mode, newest)
        threading.Thread(target=pool.serve, args=(listener,), daemon=True).start()
        port = listener.getsockname()[1]
        yield uri.replace(f":{urlsplit(uri).port}/", f":{port}/")
        pool.close()


class _Pool:
    def __init__(self, uri: str, mode: str, newest: bool) -> None:
        self._parts = urlsplit(uri)
        self._mode = mode
        self._newest = newest
        self._idle: deque[socket.socket] = deque()
        self._all: list[socket.socket] = []
        self._lock = threading.Lock()

    def serve(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._client, args=(client,), daemon=True).start()

    def close(self) -> None:
        for each in self._all:
            each.close()

    def _client(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            parameters = _startup(client)
            server, greeting = self._connect(parameters)
            client.sendall(_packed(b"R", (0).to_bytes(4, "big")))
            for kind, body in greeting:
                # As PgBouncer: a key of its own, by which it would find whom to cancel.
                client.sendall(_packed(kind, os.urandom(8) if kind == b"K" else body))
            if self._mode == "session":
                threading.Thread(target=_pump, args=(server, client), daemon=True).start()
                _pump(client, server)
                return
            self._give_back(server)
            while (first := _message(client)) is not None and first[0] != b"X":
                self._transaction(client, first)

    def _transaction(self, client: socket.socket, message: Message | None) -> None:
        """Lend a session until the server says that no transaction is open."""
        server = self._take()
        try:
            while message is not None:
                server.sendall(_packed(*message))
                if message[0] in (b"Q", b"S") and _answered(server, client):
                    return
                message = _message(client)
        finally:
            self._give_back(server)

    def _take(self) -> socket.socket:
        with self._lock:
            return self._idle.pop() if self._newest else self._idle.popleft()

    def _give_back(self, server: socket.socket) -> None:
        with self._lock:
            self._idle.append(server)

    def _connect(self, parameters: bytes) -> tuple[socket.socket, list[Message]]:
        server = socket.create_connection((self._parts.hostname or "", self._parts.port or 0))
        self._all.append(server)
        body = (196608).to_bytes(4, "big") + parameters
        server.sendall((len(body) + 4).to_bytes(4, "big") + body)
        greeting: list[Message] = []
        while not greeting or greeting[-1][0] != b"Z":
            found = _message(server)
            if found is None:
                raise ConnectionError
            greeting.append(found)
        return server, [each for each in greeting if each[0] != b"R"]


def _answered(server: socket.socket, client: socket.socket) -> bool:
    """Hand the answer on, and whatever a COPY sends; is the transaction over?"""
    while (found := _message(server)) is not None:
        client.sendall(_packed(*found))
        if found[0] == b"G":  # COPY … FROM STDIN: the client's turn, until it ends
            while (sent := _message(client)) is not None:
                server.sendall(_packed(*sent))
                if sent[0] in (b"c", b"f"):
                    break
        if found[0] == b"Z":
            return found[1] == b"I"
    raise ConnectionError


def _startup(client: socket.socket) -> bytes:
    """The client's parameters."""
    while True:
        body = _exactly(client, int.from_bytes(_exactly(client, 4), "big") - 4)
        code = int.from_bytes(body[:4], "big")
        if code not in (_SSL_REQUEST, _GSS_REQUEST):
            return body[4:]
        client.sendall(b"N")


def _message(stream: socket.socket) -> Message | None:
    kind = stream.recv(1)
    if not kind:
        return None
    return kind, _exactly(stream, int.from_bytes(_exactly(stream, 4), "big") - 4)


def _packed(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body


def _exactly(stream: socket.socket, size: int) -> bytes:
    parts = b""
    while len(parts) < size:
        part = stream.recv(size - len(parts))
        if not part:
            raise ConnectionError
        parts += part
    return parts


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
