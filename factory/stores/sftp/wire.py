"""The SFTP protocol, version 3, on a channel of paramiko.

Not by paramiko's own client: there, threads take each other's answers away, and neither a server's
extensions nor the numbers of its refusals are to be had; a name that is no UTF-8 ends a listing.
"""

from __future__ import annotations

import itertools
import os
import stat
import struct
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from paramiko import Channel, Message

INIT, VERSION, OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT, SETSTAT = range(1, 10)
OPENDIR, READDIR, REMOVE, MKDIR, RMDIR, REALPATH, STAT, RENAME = range(11, 19)
STATUS, HANDLE, DATA, NAME, ATTRS = range(101, 106)
EXTENDED = 200

OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE, BAD_MESSAGE = range(6)
OP_UNSUPPORTED = 8

_NOT_THERE = (NO_SUCH_FILE, BAD_MESSAGE)  # the second for a name that is too long

FOR_READING, FOR_WRITING, CREATE = 1, 2, 8
POSIX_RENAME = "posix-rename@openssh.com"
HARDLINK = "hardlink@openssh.com"
FSYNC = "fsync@openssh.com"

MOST = 32 << 10
"""Bytes of data in a request: more than that some servers refuse."""
IN_FLIGHT = 64
"""Requests that wait for their answers at once; with `MOST`, as much as a channel's window has."""
_LONGEST = 1 << 20

_SIZE, _OWNERS, _MODE, _TIMES, _MORE = 1, 2, 4, 8, 1 << 31


class Refused(Exception):
    """An answer that is a status other than `OK`."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text or f"status {status}")
        self.status = status


class Facts(NamedTuple):
    """What a server tells of a file; a part that it does not tell is None."""

    size: int | None = None
    mode: int | None = None
    changed: int | None = None

    @property
    def is_folder(self) -> bool:
        """Is it one?"""
        return self.mode is not None and stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        """Is it a symbolic link?"""
        return self.mode is not None and stat.S_ISLNK(self.mode)

    @property
    def is_file(self) -> bool:
        """Is it a regular file? So is what a server tells no type of."""
        return self.mode is None or stat.S_IFMT(self.mode) in (0, stat.S_IFREG)


class Entry(NamedTuple):
    """A name in a folder, with what is told of it, or of the link that it is."""

    name: str
    facts: Facts


class Request(NamedTuple):
    """What is sent: its type, and what follows the number that it gets."""

    kind: int
    body: bytes


class Reply(NamedTuple):
    """What is answered: its type, and what follows the number."""

    kind: int
    body: bytes


class Wire:
    """One session. Several threads may ask: each has its answers before the next one's turn."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._numbers = itertools.count(1)
        self._turn = threading.Lock()
        self._later: deque[Request] = deque()
        self.extensions = self._greet()

    @property
    def is_open(self) -> bool:
        """Can it be asked?"""
        return not self._channel.closed and not self._channel.eof_received

    def close(self) -> None:
        """Ask no more. Who waits for an answer is told that it is closed."""
        self._channel.close()

    def ask(self, requests: Iterable[Request]) -> list[Reply]:
        """The answers, in the order of the requests, which are sent ahead of them.

        :raises EOFError, OSError, SSHException: the connection broke off; the wire is closed.
        """
        with self._turn:
            try:
                return self._asked(requests)
            except BaseException:
                self.close()  # answers that are still to come would be taken for others
                raise

    def later(self, *requests: Request) -> None:
        """Send them before the next question. Waits for nothing: also for the collector."""
        self._later.extend(requests)

    def one(self, request: Request) -> Message:
        """The answer to one request.

        :raises Refused: it is a status that is not `OK`.
        """
        return require(self.ask((request,))[0])

    def facts(self, *paths: str, of_link: bool = False) -> list[Facts | None]:
        """What is told of each, or None where nothing is.

        :param of_link: links are not followed.
        """
        kind = LSTAT if of_link else STAT
        return [_facts_or_none(reply) for reply in self.ask([on(kind, path) for path in paths])]

    def real(self, paths: Sequence[str]) -> list[str]:
        """Each path as the server has it, without links; as it is where that is not told."""
        replies = self.ask([on(REALPATH, path) for path in paths])
        return [_name_or(path, reply) for path, reply in zip(paths, replies, strict=True)]

    def _asked(self, requests: Iterable[Request]) -> list[Reply]:
        put_off = [self._later.popleft() for _ in range(len(self._later))]
        left = itertools.chain(put_off, requests)
        waits: dict[int, int] = {}
        replies: dict[int, Reply] = {}
        places = itertools.count(-len(put_off))
        while True:
            for request in itertools.islice(left, IN_FLIGHT - len(waits)):
                number = next(self._numbers) & 0xFFFFFFFF
                waits[number] = next(places)
                self._send(request.kind, struct.pack(">I", number) + request.body)
            if not waits:
                return [replies[place] for place in range(len(replies))]
            number, reply = self._receive()
            if (place := waits.pop(number)) >= 0:
                replies[place] = reply

    def _greet(self) -> frozenset[str]:
        """What the server can do beyond version 3."""
        self._send(INIT, struct.pack(">I", 3))
        kind, body = self._packet()
        if kind != VERSION:
            raise EOFError(f"the answer is no SFTP: {body[:60]!r}")
        message, found = Message(body[4:]), []
        while message.get_remainder():
            found.append(message.get_string().decode("utf-8", "replace"))
            message.get_string()
        return frozenset(found)

    def _send(self, kind: int, body: bytes) -> None:
        self._channel.sendall(struct.pack(">IB", len(body) + 1, kind) + body)

    def _receive(self) -> tuple[int, Reply]:
        kind, body = self._packet()
        return struct.unpack_from(">I", body)[0], Reply(kind, body[4:])

    def _packet(self) -> tuple[int, bytes]:
        length, kind = struct.unpack(">IB", self._exactly(5))
        if not 1 <= length <= _LONGEST:
            raise EOFError("the answer is no SFTP")
        return kind, self._exactly(length - 1)

    def _exactly(self, count: int) -> bytes:
        parts = []
        while count:
            part = self._channel.recv(count)
            if not part:
                raise EOFError("the server closed the connection")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


def require(reply: Reply) -> Message:
    """What an answer says.

    :raises Refused: it is a status that is not `OK`.
    """
    message = Message(reply.body)
    if reply.kind == STATUS:
        status = message.get_int()
        if status != OK:
            raise Refused(status, message.get_string().decode("utf-8", "replace"))
    return message


def data_of(reply: Reply) -> bytes:
    """The bytes of an answer to `READ`; none behind the end."""
    if reply.kind == DATA:
        return reply.body[4:]
    try:
        require(reply)
    except Refused as refused:
        if refused.status != EOF:
            raise
    return b""


def facts_of(message: Message) -> Facts:
    """What is told of a file, as the message goes on."""
    flags = message.get_int()
    size = message.get_int64() if flags & _SIZE else None
    if flags & _OWNERS:
        message.get_bytes(8)
    mode = message.get_int() if flags & _MODE else None
    changed = None
    if flags & _TIMES:
        message.get_int()
        changed = message.get_int()
    if flags & _MORE:
        for _ in range(message.get_int()):
            message.get_string()
            message.get_string()
    return Facts(size, mode, changed)


def _facts_or_none(reply: Reply) -> Facts | None:
    try:
        return facts_of(require(reply))
    except Refused as refused:
        if refused.status in _NOT_THERE:
            return None
        raise


def _name_or(path: str, reply: Reply) -> str:
    try:
        message = require(reply)
    except Refused:
        return path
    message.get_int()  # there is one
    return os.fsdecode(message.get_string())


def entries_of(message: Message) -> list[Entry]:
    """The names of a part of a folder."""
    found = []
    for _ in range(message.get_int()):
        name = os.fsdecode(message.get_string())
        message.get_string()  # as people read it
        found.append(Entry(name, facts_of(message)))
    return [entry for entry in found if entry.name not in (".", "..")]


def remote(path: str) -> bytes:
    """A path as a server takes it: `~/x` is below the folder that the login begins in."""
    if path == "~" or path.startswith("~/"):
        path = f".{path[1:]}"
    return os.fsencode(path or "/")


def on(kind: int, path: str, more: bytes = b"") -> Request:
    """A request about a path."""
    return Request(kind, _string(remote(path)) + more)


def of(kind: int, handle: bytes, more: bytes = b"") -> Request:
    """A request about what is open."""
    return Request(kind, _string(handle) + more)


def opens(path: str, how: int) -> Request:
    """Open a file; `how` is a sum of `FOR_READING`, `FOR_WRITING` and `CREATE`."""
    return on(OPEN, path, struct.pack(">II", how, 0))


def reads(handle: bytes, start: int, length: int) -> Request:
    """Some bytes of a file."""
    return of(READ, handle, struct.pack(">QI", start, length))


def writes(handle: bytes, start: int, data: bytes) -> Request:
    """The same, there."""
    return of(WRITE, handle, struct.pack(">Q", start) + _string(data))


def makes(path: str) -> Request:
    """A new folder."""
    return on(MKDIR, path, struct.pack(">I", 0))


def dates(path: str, changed: int) -> Request:
    """A file is as if last changed then, in seconds since 1970."""
    return on(SETSTAT, path, struct.pack(">III", _TIMES, changed, changed))


def renames(one: str, other: str) -> Request:
    """As version 3 has it: a name that is taken is refused."""
    return on(RENAME, one, _string(remote(other)))


def extended(name: str, *parts: str | bytes) -> Request:
    """What an extension brings, of paths or handles."""
    given = (part if isinstance(part, bytes) else remote(part) for part in parts)
    return Request(EXTENDED, b"".join(map(_string, (name.encode(), *given))))


def _string(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value
