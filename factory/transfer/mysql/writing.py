"""Sessions that write, with what a load relies on, and their errors as ours."""

from __future__ import annotations

import hashlib
import logging
import math
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pymysql
from pymysql.constants import CLIENT, COMMAND
from pymysql.converters import escape_item
from pymysql.protocol import OKPacketWrapper

from factory.transfer.errors import TransferError
from factory.transfer.mysql.session import (
    MOST_SECONDS,
    Address,
    Connection,
    ask,
    code_of,
    connect,
    is_lost,
    limit,
    said,
)
from factory.transfer.warehouse.parts import Limits, Table

log = logging.getLogger(__name__)

_MODES = (
    *("STRICT_ALL_TABLES", "NO_ZERO_DATE", "NO_ZERO_IN_DATE", "ERROR_FOR_DIVISION_BY_ZERO"),
    *("NO_ENGINE_SUBSTITUTION", "NO_AUTO_VALUE_ON_ZERO"),
)
# What the meaning of a load hangs on, whatever the server, or its `init_connect`, set.
_RELIED_ON = {
    "sql_mode": f"'{','.join(_MODES)}'",
    "time_zone": "'+00:00'",
    "autocommit": "1",
    "foreign_key_checks": "1",
    "unique_checks": "1",
    "sql_safe_updates": "0",
    "sql_auto_is_null": "0",
    "sql_select_limit": "18446744073709551615",
    "sql_notes": "1",  # a value that was cut is told by a note
    "max_error_count": "64",
    # The server would end what waits while rows come, or are checked by another session.
    "wait_timeout": "2147483",
    "net_read_timeout": "3600",
    "net_write_timeout": "3600",
}
_CHUNK = 1 << 18
_BUSY = (1205, 3572, 4173)  # a lock is waited for in vain
_DEADLOCK = 1213
_TOO_WIDE = 1118
# Proxies' (which look for the file themselves, or know no such command), and the servers'.
_NO_LOCAL = (2, 29, 1047, 1148, 3948, 3950, 4166)


@contextmanager
def opened(address: Address, limits: Limits) -> Iterator[Connection]:
    """A session in which each statement is a transaction, unless one is begun."""
    seconds = limits.statement
    connection = connect(
        address, seconds + limits.lock, flags=CLIENT.LOCAL_FILES, writes=seconds or MOST_SECONDS
    )
    try:
        for setting, value in {**_RELIED_ON, **_limits(connection, limits)}.items():
            connection.query(f"SET SESSION {setting} = {value}")
        connection.query("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield connection
    finally:
        with suppress(pymysql.Error, OSError):
            connection.close()


def _limits(connection: Connection, limits: Limits) -> dict[str, str]:
    lock = str(max(1, math.ceil(min(limits.lock or MOST_SECONDS, MOST_SECONDS))))
    return {
        "lock_wait_timeout": lock,
        "innodb_lock_wait_timeout": str(min(int(lock), 100_000_000)),
        **limit(connection, limits.statement),
    }


def run(connection: Connection, statement: str) -> int:
    """Run what gives no rows: how many it changed."""
    return int(connection.query(statement))


def value(given: object) -> str:
    """A value, quoted as our sessions read it: with backslashes, whatever the server's mode."""
    return str(escape_item(given, "utf8mb4"))


class NoLocal(Exception):
    """LOAD DATA LOCAL is refused before any row is asked for."""


def send(connection: Connection, statement: str, chunks: Iterable[memoryview]) -> tuple[int, int]:
    """Answer a LOAD DATA LOCAL with these bytes, whatever file the server asks for.

    How many rows there are, and how many warnings. Raises `NoLocal`. (PyMySQL would open the file
    that is asked for, also for a server that asks instead of answering another query; it is not
    told that it may.)
    """
    inner: Any = connection
    inner._execute_command(COMMAND.COM_QUERY, statement)
    try:
        asked = inner._read_packet()
    except pymysql.Error as error:
        if code_of(error) in _NO_LOCAL:
            raise NoLocal(error.args[-1]) from None
        raise
    if not asked.is_load_local_packet():
        raise TransferError("the server did not ask for the rows of a LOAD DATA LOCAL")
    try:
        for chunk in chunks:
            for start in range(0, len(chunk), _CHUNK):
                inner.write_packet(bytes(chunk[start : start + _CHUNK]))
    except pymysql.Error:
        raise
    except BaseException:
        with suppress(pymysql.Error, OSError):
            _end(inner)
        raise
    return _end(inner)


def _end(connection: Any) -> tuple[int, int]:
    """No more bytes come; what the server made of them."""
    connection.write_packet(b"")
    done = OKPacketWrapper(connection._read_packet())
    return done.affected_rows, done.warning_count


@contextmanager
def locked(connection: Connection, what: str, seconds: float) -> Iterator[None]:
    """Hold a lock of the server that this names; it ends with the connection, at the latest.

    Raises `TransferError` when it is not free in time.
    """
    lock = value(_lock(what))
    wait = seconds or MOST_SECONDS
    if ask(connection, f"SELECT GET_LOCK({lock}, {wait:.3f})") != [(1,)]:
        raise TransferError(
            f"another load did not end within the lock_timeout of {seconds:g} s ({what})",
            "Two loads into one table wait for each other",
        )
    try:
        yield
    finally:
        with suppress(pymysql.Error, OSError):
            ask(connection, f"SELECT RELEASE_LOCK({lock})")


def holds(connection: Connection, what: str) -> bool:
    """Whether this session holds the lock still."""
    lock = value(_lock(what))
    return ask(connection, f"SELECT IS_USED_LOCK({lock}) = CONNECTION_ID()") == [(1,)]


def is_free(connection: Connection, what: str) -> bool:
    """Whether nobody holds the lock."""
    return ask(connection, f"SELECT IS_FREE_LOCK({value(_lock(what))})") == [(1,)]


def _lock(what: str) -> str:
    """Names of locks have 64 characters, and are of the whole server."""
    return f"factory {hashlib.sha256(what.encode()).hexdigest()[:48]}"


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """All of it, or nothing. (A statement that defines tables commits what was before it.)"""
    connection.begin()
    try:
        yield
    except BaseException:
        with suppress(pymysql.Error, OSError):
            connection.rollback()
        raise
    connection.commit()


@contextmanager
def translated(target: Table, limits: Limits) -> Iterator[None]:
    """The server's errors without contents of rows."""
    try:
        yield
    except pymysql.Error as error:
        raise _translated(target, limits, error) from None


def _translated(target: Table, limits: Limits, error: pymysql.Error) -> TransferError:
    code = code_of(error)
    if code in _BUSY:
        return TransferError(
            f"{target} was not free within the lock_timeout of {limits.lock:g} s",
            "Another load or query holds it",
        )
    words, hint = said(error, f"The statement_timeout of the target is {limits.statement:g} s")
    if is_lost(error):
        hint = "Nothing is half done: repeat the load"
        return TransferError(f"{target}: the connection to MySQL was lost: {words}", hint)
    if code == _TOO_WIDE:
        hint = "InnoDB has 8,126 bytes for a row, and each text takes up to 40 of them: take fewer"
    if code == _DEADLOCK:
        hint = "Another transaction held what this one needed, and nothing is done: repeat the load"
    return TransferError(f"{target}: MySQL said: {without_values(words)}", hint)


def without_values(words: str) -> str:
    """What the server says, but for values of rows, which it quotes after these words."""
    return re.sub(r"((?:value|entry|string):? )'.*?'(?= for| at|$)", r"\1…", words, flags=re.DOTALL)
