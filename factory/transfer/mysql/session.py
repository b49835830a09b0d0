"""Sessions of MySQL or MariaDB, and their errors as ours."""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pymysql

from factory.login import Login
from factory.transfer.errors import BadOption, Missing, TransferError, unknown
from factory.transfer.warehouse.warehouse import not_found

Connection: TypeAlias = "pymysql.Connection[Any]"
CONNECT_SECONDS = 10
_PORT = 3306
# A server that is gone without a word is noticed after a minute.
_ALIVE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
_TLS = ("DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY")
_FILES = ("ca", "cert", "key")
# What the meaning of a query hangs on, whatever the server, or its `init_connect`, set. The mode
# that refuses a query for being ambiguous stays; others change what a text or a value is.
_RELIED_ON = {
    "sql_mode": "IF(FIND_IN_SET('ONLY_FULL_GROUP_BY', @@sql_mode), 'ONLY_FULL_GROUP_BY', '')",
    "time_zone": "'+00:00'",
    "sql_select_limit": "18446744073709551615",
    "group_concat_max_len": "4294967295",  # else a longer text is cut without an error
}
MOST_SECONDS = 31_536_000
TIMED_OUT = (1969, 3024)  # MariaDB's, MySQL's
_LOST = (1053, 1927, 2006, 2013)  # also when somebody else ends the session
_KILLED = 1317
_ALTERED = 1412
_DENIED = (1044, 1142, 1143, 1370)
CUT = {1260: "a text is cut", 1301: "a value is too long for the server, and null"}
"""Warnings of values that are not what the query says."""
_TWICE = 1060
_NO_DATABASE = 1046
_NOT_THERE = (1049, 1146)  # a database, a table
_QUOTES_VALUES = (1292, 1366, 1411, 3140, 3141, 3156, 4037, 4038)


@dataclass(frozen=True)
class Address:
    """Where a server is, and who connects.

    `files` are the paths of `ca`, `cert` and `key`.
    """

    host: str
    port: int = _PORT
    user: str = ""
    password: str = field(default="", repr=False)
    database: str = ""
    socket: str = ""
    tls: str = "PREFERRED"
    files: Mapping[str, str] = field(default_factory=dict)


def address(login: Login) -> Address:
    """The address of a connection, with the extras that Airflow's MySQL hook knows.

    Raises `BadOption`. (`charset` is of no meaning here: every text comes as Unicode.)
    """
    extras = login.extra_dejson
    files = _certificates(extras.get("ssl"))
    usual = "VERIFY_CA" if "ca" in files else "REQUIRED" if files else "PREFERRED"
    mode = str(extras.get("ssl_mode") or usual).upper()
    if mode not in _TLS:
        raise unknown("ssl_mode", mode, _TLS)
    return Address(
        host=login.host or "localhost",
        port=login.port or _PORT,
        user=login.login or "",
        password=login.password or "",
        database=login.schema or "",
        socket=str(extras.get("unix_socket") or ""),
        tls=mode,
        files=files,
    )


def _certificates(given: object) -> dict[str, str]:
    """Of the extra `ssl`: a mapping, or one as JSON."""
    if isinstance(given, str):
        with suppress(ValueError):
            given = json.loads(given)
    if given in (None, "", {}):
        return {}
    if not isinstance(given, Mapping) or set(given) - set(_FILES):
        raise BadOption(
            "the extra `ssl` of the connection is not what is known",
            'Write the paths of files: {"ca": …, "cert": …, "key": …}',
        )
    return {name: str(path) for name, path in given.items()}


@contextmanager
def opened(address: Address, seconds: float) -> Iterator[pymysql.Connection[Any]]:
    """A session that reads as of one moment; a statement may take so long (0: without end).

    Its end is told as the server tells it: see `told`.
    """
    connection = connect(address, seconds)
    try:
        for statement in _settings(connection, seconds):
            connection.query(statement)
        yield connection
    finally:
        with suppress(pymysql.Error, OSError):
            connection.close()


def connect(
    address: Address, seconds: float, *, flags: int = 0, writes: float = CONNECT_SECONDS
) -> pymysql.Connection[Any]:
    """A session with the server's own settings; nobody waits longer than that for an answer.

    `writes` are the seconds that the server may leave what is sent to it.
    """
    waits = min(seconds or MOST_SECONDS, MOST_SECONDS) + CONNECT_SECONDS
    connection = pymysql.connect(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        database=address.database or None,
        unix_socket=address.socket or None,
        charset="utf8mb4",
        connect_timeout=CONNECT_SECONDS,
        read_timeout=waits,
        write_timeout=writes,
        client_flag=flags,
        autocommit=None,
        program_name="airflow-pipeline-factory",
        **_tls(address),
    )
    _keep_alive(connection)
    if address.tls not in ("DISABLED", "PREFERRED") and not _is_encrypted(connection):
        connection.close()
        raise TransferError(
            f"the server on {address.host} has no TLS, and the connection wants it",
            "Turn it on there, or set `ssl_mode` of the connection",
        )
    return connection


def _tls(address: Address) -> dict[str, Any]:
    """What PyMySQL is told of it: a context, where one says more than it does by itself."""
    if address.tls == "DISABLED":
        return {"ssl_disabled": True}
    files = address.files
    if address.tls == "PREFERRED" and not files:
        return {}
    try:
        context = ssl.create_default_context(cafile=files.get("ca"))
        if "cert" in files:
            context.load_cert_chain(files["cert"], files.get("key"))
    except OSError as error:
        raise BadOption(
            f"a certificate of the connection can't be read: {error.strerror or error}",
            f"The extra `ssl` names {', '.join(map(repr, files.values()))}",
        ) from None
    # What servers make for themselves lacks what a strict reader wants.
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    context.check_hostname = address.tls == "VERIFY_IDENTITY"
    if not address.tls.startswith("VERIFY"):
        context.verify_mode = ssl.CERT_NONE
    return {"ssl": context}


def _is_encrypted(connection: pymysql.Connection[Any]) -> bool:
    ((_, cipher),) = ask(connection, "SHOW SESSION STATUS LIKE 'Ssl_cipher'")
    return bool(cipher)


def _keep_alive(connection: pymysql.Connection[Any]) -> None:
    own = getattr(connection, "_sock", None)
    if own is None or own.family not in (socket.AF_INET, socket.AF_INET6):
        return
    for name, value in _ALIVE:
        if hasattr(socket, name):
            own.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _settings(connection: pymysql.Connection[Any], seconds: float) -> Iterator[str]:
    limits = {
        # Where who reads is slow, the server would end the session after a minute.
        "net_write_timeout": str(round(min(seconds or MOST_SECONDS, MOST_SECONDS)) + 60),
        **limit(connection, seconds),
    }
    for name, value in {**_RELIED_ON, **limits}.items():
        yield f"SET SESSION {name} = {value}"
    yield "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"
    yield "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"


def limit(connection: pymysql.Connection[Any], seconds: float) -> dict[str, str]:
    """How long a statement may take, as each of the two calls it."""
    ((version,),) = ask(connection, "SELECT VERSION()")
    if "mariadb" in str(version).lower():
        return {"max_statement_time": f"{seconds:.3f}"}
    return {"max_execution_time": str(round(seconds * 1000))}


def ask(connection: pymysql.Connection[Any], query: str) -> Sequence[tuple[Any, ...]]:
    """All rows of a small answer."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


@contextmanager
def naming(connection: pymysql.Connection[Any], table: str | None) -> Iterator[None]:
    """Tell a table or a database that is not there with the nearest one. Raises `Missing`."""
    try:
        yield
    except pymysql.Error as error:
        if not table or (*error.args, None)[0] not in _NOT_THERE:
            raise
        raise _not_there(connection, table) from None


def _not_there(connection: pymysql.Connection[Any], table: str) -> Missing:
    """Only what the user may see is told."""
    schema, _, own = table.rpartition(".")
    databases = [found for (found,) in ask(connection, "SHOW DATABASES")]
    if schema and schema not in databases:
        return not_found(f"there is no database {schema!r} for {table}", schema, databases)
    known = ask(connection, f"SHOW TABLES FROM {name(schema)}" if schema else "SHOW TABLES")
    return not_found(f"there is no table or view {table}", own, [found for (found,) in known])


def end(connection: pymysql.Connection[Any], address: Address) -> None:
    """End another session, and its query."""
    with suppress(pymysql.Error, OSError), connect(address, 1) as other:
        other.kill(connection.thread_id())  # type: ignore[no-untyped-call]


def about(address: Address) -> str:
    """What the server is, and whether it takes LOAD DATA LOCAL."""
    connection = connect(address, CONNECT_SECONDS)
    try:
        ((version, local),) = ask(connection, "SELECT VERSION(), @@local_infile")
    finally:
        connection.close()
    slow = "" if local else "; local_infile is off: rows are inserted slowly"
    return f"{version}{slow}"


def name(text: str) -> str:
    """As an identifier."""
    return "`" + text.replace("`", "``") + "`"


@contextmanager
def told(label: str, seconds: float) -> Iterator[None]:
    """Errors of the server without what quotes contents of rows."""
    try:
        yield
    except pymysql.Error as error:
        words, hint = said(error, f"The statement_timeout of the source is {seconds:g} s")
        raise TransferError(f"{label} can't be read: the server said: {words}", hint) from None


def code_of(error: pymysql.Error) -> object:
    """The server's number for an error."""
    return error.args[0] if error.args else None


def is_lost(error: pymysql.Error) -> bool:
    """Whether there is no connection any more; the driver has no number for one that it closed."""
    return code_of(error) in _LOST or isinstance(error, pymysql.InterfaceError)


def said(error: pymysql.Error, timed_out: str) -> tuple[str, str | None]:
    """What the server says of an error, without contents of rows, and a hint.

    `timed_out` is the hint where a statement took too long.
    """
    code, words = (*error.args, "", "")[:2]
    words = str(words) or ("the connection is closed" if is_lost(error) else "")
    if code in _QUOTES_VALUES:
        words = re.sub(r"'.*'|\".*\"", "…", words, flags=re.DOTALL)
    hint = _LOST_HINT if is_lost(error) else _HINTS.get(code)
    return words, timed_out if code in TIMED_OUT else hint


_LOST_HINT = "The connection was lost, and nothing is left behind: repeat the task"
_HINTS: dict[object, str] = {
    **dict.fromkeys(
        _QUOTES_VALUES, "A value of a row is not what the query takes it for; it is not shown here"
    ),
    **dict.fromkeys(_DENIED, "Grant the right to the user of the connection"),
    _KILLED: "Somebody ended the query, and nothing is left behind: repeat the task",
    _ALTERED: "Somebody altered the table meanwhile, and nothing is left behind: repeat the task",
    _NO_DATABASE: "Write `database.table`, or give the connection a database (its field `schema`)",
    _TWICE: "Give one of them another name: `AS …`",
}
