"""A login that stays: connected when it is first needed, and again when it broke off."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from paramiko import AuthenticationException, BadHostKeyException, SSHClient, SSHException

from factory.stores.sftp.wire import Request, Wire

T = TypeVar("T")

TIMEOUT = 60.0
"""Seconds without a byte."""
TRIES = 4
PAUSE = 1.0

BROKEN = (EOFError, SSHException, OSError)
"""The server was not reached, refused the login, or broke off."""


class Session:
    """What a connection's files are reached by, for all threads of a process.

    :param connect: logs in; called again after each break.
    """

    def __init__(self, connect: Callable[[], SSHClient]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._client: SSHClient | None = None
        self._wire: Wire | None = None
        self._process = os.getpid()

    def call(self, work: Callable[[Wire], T], tries: int = TRIES) -> T:
        """What `work` gives, on a wire that lives. It is done again when that breaks off.

        :raises EOFError, OSError, SSHException: it broke off so many times.
        """
        for turn in range(1, tries + 1):
            try:
                return work(self._live())
            except BROKEN as error:
                if turn == tries or is_final(error):
                    raise
            time.sleep(PAUSE * turn)
        raise AssertionError

    def quietly(self, *requests: Request) -> bool:
        """Ask without caring for the answers. Whether they came."""
        with suppress(*BROKEN):
            self.call(lambda wire: wire.ask(requests), tries=2)
            return True
        return False

    def close(self) -> None:
        """Log out. The next call logs in again."""
        with self._lock:
            self._leave()

    def _live(self) -> Wire:
        with self._lock:
            if self._process != os.getpid():  # a fork: the connection is the parent's
                self._client = self._wire = None
                self._process = os.getpid()
            if self._wire is None or not self._wire.is_open:
                self._leave()
                self._client = self._connect()
                self._wire = _opened(self._client)
            return self._wire

    def _leave(self) -> None:
        if self._client is not None:
            with suppress(*BROKEN):
                self._client.close()
        self._client = self._wire = None


def _opened(client: SSHClient) -> Wire:
    transport = client.get_transport()
    if transport is None:
        raise EOFError("the connection is closed")
    channel = transport.open_session(timeout=TIMEOUT)
    channel.settimeout(TIMEOUT)
    channel.invoke_subsystem("sftp")
    return Wire(channel)


def is_final(error: BaseException) -> bool:
    """Would it be the same the next time?"""
    refused = isinstance(error, AuthenticationException | BadHostKeyException)
    return refused or is_unknown_host(error) or is_of_file(error)


def is_of_file(error: BaseException) -> bool:
    """Is it about a file, and not about the connection?"""
    return isinstance(error, OSError) and error.filename is not None


def is_unknown_host(error: BaseException) -> bool:
    """Is nothing known of the host's key? paramiko has no class for that."""
    return isinstance(error, SSHException) and "not found in known_hosts" in str(error)
