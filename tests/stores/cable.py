"""A line to a server, of bytes that nobody reads, which a test cuts."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Cable:
    """`port` leads to the server's. `made` counts the connections."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._change = threading.Lock()  # who breaks off connects again at once
        self._left: float = float("inf")
        self.port: int = self._listener.getsockname()[1]
        self.made = 0

    def cut(self) -> None:
        """All that is connected breaks off; who connects again, may."""
        with self._change:
            ends, self._open = self._open, []
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def cut_after(self, count: int) -> None:
        """The same when so many bytes have passed, once."""
        self._left = count

    def run(self) -> None:
        while True:
            try:
                near = self._listener.accept()[0]
            except OSError:
                return
            self.made += 1
            far = socket.create_connection(("127.0.0.1", self._to))
            with self._change:
                self._open += (near, far)
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while some := one.recv(1 << 16):
                self._left -= len(some)
                if self._left < 0:
                    self._left = float("inf")
                    self.cut()
                other.sendall(some)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def before(port: int) -> Iterator[Cable]:
    cable = Cable(port)
    thread = threading.Thread(target=cable.run)
    thread.start()
    try:
        yield cable
    finally:
        cable.close()
        thread.join()
