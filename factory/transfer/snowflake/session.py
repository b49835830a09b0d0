"""Sessions of Snowflake, with what the meaning of a statement hangs on; its errors as ours."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from factory.definitions.tables import LOCK_SECONDS, STATEMENT_SECONDS
from factory.transfer.errors import TransferError
from factory.transfer.snowflake.names import Table, literal, quoted

# What it tells at its start is of no use in a task's log; of its debug lines, some hold statements.
for _name, _level in (("snowflake.connector", "WARNING"), ("snowflake.connector._core", "ERROR")):
    logging.getLogger(_name).setLevel(_level)
# it would ask of the machine which cloud it is in, for its makers to know
os.environ.setdefault("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")

import snowflake.connector  # noqa: E402
from snowflake.connector import errors  # noqa: E402

log = logging.getLogger(__name__)

Connection = Any
"""The connector's, of either of its generations."""
Row = Sequence[Any]

LOGIN_SECONDS = 60
ANSWER_SECONDS = 120
_GRACE = 60  # the server's own time-out comes first
_MOST_SECONDS = 604_800
_SILENT: Mapping[str, Any] = {"CLIENT_TELEMETRY_ENABLED": False}
_RELIED_ON: Mapping[str, Any] = {
    "AUTOCOMMIT": True,
    "TIMEZONE": "UTC",
    "TIMESTAMP_TYPE_MAPPING": "TIMESTAMP_NTZ",
    "TIMESTAMP_INPUT_FORMAT": "AUTO",
    "DATE_INPUT_FORMAT": "AUTO",
    "TIME_INPUT_FORMAT": "AUTO",
    "BINARY_INPUT_FORMAT": "HEX",
    "QUOTED_IDENTIFIERS_IGNORE_CASE": False,
    "ERROR_ON_NONDETERMINISTIC_MERGE": True,
    "MULTI_STATEMENT_COUNT": 1,
    **_SILENT,
    "PYTHON_CONNECTOR_QUERY_RESULT_FORMAT": "ARROW",
}
_ANOTHERS = "42710"  # what is to be made is there, and the role has no right to it
_OF_DATA = "22"  # the class of errors that quote what a row holds
LONGEST_TAG = 2000  # characters
_NOT_THERE, _NO_RIGHT, _TIMED_OUT, _LOCKED, _NO_WAREHOUSE = 2003, 3001, 630, 625, 606
_HINTS = {
    _NOT_THERE: "It may be there, and the role of the connection may not see it",
    _NO_RIGHT: "Grant the right to the role of the connection, or name another `role`",
    _TIMED_OUT: "The `statement_timeout` of the step is {statement:g} s",
    _LOCKED: "Another load or statement holds the table; `lock_timeout` is {lock:g} s",
    _NO_WAREHOUSE: "Name a `warehouse`, in the step or in the connection's extra",
}
ERRORS: tuple[type[Exception], ...] = (errors.Error,)
REFUSALS: tuple[type[Exception], ...] = (
    errors.ProgrammingError,
    errors.DataError,
    errors.NotSupportedError,
)


@dataclass(frozen=True)
class Limits:
    """Seconds to wait for others, and for one statement; 0: without end."""

    lock: float = LOCK_SECONDS
    statement: float = STATEMENT_SECONDS


@dataclass(frozen=True)
class Account:
    """Who logs in, and where.

    :param arguments: gives what the connector takes, secrets included: each session asks anew,
        since some tokens end.
    """

    arguments: Callable[[], Mapping[str, Any]] = field(repr=False)
    database: str = ""
    schema: str = ""
    tag: str = ""  # what the queries of a session are known by
    name: str = ""  # as the connection has it: what tells it from other accounts


def account(login: Callable[[], Mapping[str, Any]], tag: str) -> Account:
    """Who logs in by what the connector takes; its queries are known by `tag`."""
    given = login()
    database, schema = (str(given.get(each) or "") for each in ("database", "schema"))
    name = (str(given[each]) for each in ("account", "region", "host") if given.get(each))
    return Account(login, database, schema, tag, ".".join(name).lower())


@contextmanager
def connected(account: Account, limits: Limits) -> Iterator[Connection]:
    """A session in which each statement commits itself."""
    connection = _connect(account, limits)
    try:
        yield connection
    finally:
        with suppress(Exception):
            connection.close()


def _connect(account: Account, limits: Limits) -> Connection:
    asked = {**_RELIED_ON, **_limits(limits), "QUERY_TAG": account.tag[:LONGEST_TAG]}
    given = {**_timeouts(limits), **account.arguments(), "autocommit": True}
    return log_in({"arrow_number_to_decimal": True, **given}, asked)


def log_in(arguments: Mapping[str, Any], parameters: Mapping[str, Any] = _SILENT) -> Connection:
    """A session; its `parameters` take the place of those that the arguments hold."""
    given = {name: value for name, value in arguments.items() if value not in (None, "")}
    own = given.pop("session_parameters", None) or {}
    return snowflake.connector.connect(
        **{
            "login_timeout": LOGIN_SECONDS,
            "client_session_keep_alive": True,
            "enable_server_session_keep_alive_auto_detection": False,
            **given,
            "session_parameters": {**own, **parameters},
        }
    )


def _limits(limits: Limits) -> Mapping[str, int]:
    """The server's own, in whole seconds."""
    return {
        "STATEMENT_TIMEOUT_IN_SECONDS": _whole(limits.statement),
        "LOCK_TIMEOUT": _whole(limits.lock),
    }


def _whole(seconds: float) -> int:
    return min(max(1, round(seconds)), _MOST_SECONDS) if seconds else _MOST_SECONDS


def _timeouts(limits: Limits) -> Mapping[str, int]:
    """The connector's: by a wall clock, with what it tries again."""
    longest = _whole(limits.statement) + _GRACE
    if int(snowflake.connector.__version__.partition(".")[0]) < 5:
        return {"network_timeout": longest, "socket_timeout": ANSWER_SECONDS}
    return {"query_timeout": longest, "request_timeout": ANSWER_SECONDS}


def ask(connection: Connection, query: str) -> list[Row]:
    """All rows of a small answer."""
    with closing(connection.cursor()) as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def asked(connection: Connection, query: str) -> list[Mapping[str, Any]]:
    """All rows of a small answer, by the names of its columns, in capitals."""
    with closing(connection.cursor()) as cursor:
        cursor.execute(query)
        names = [str(column[0]).upper() for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def changed(connection: Connection, query: str) -> Row:
    """Run what changes rows; how many, as Snowflake counts them.

    An INSERT and a DELETE answer one number, a MERGE one of each that it does.
    """
    with closing(connection.cursor()) as cursor:
        cursor.execute(query)
        log.info("Snowflake's query %s", cursor.sfqid)
        (row,) = cursor.fetchall()
        return [int(number) for number in row]


def in_schema(view: str, table: Table) -> str:
    """A view of the information schema, and the condition that it is about a table's schema."""
    own = literal(table.schema) if table.schema else "CURRENT_SCHEMA()"
    return f"{information(table)}.{view} WHERE TABLE_SCHEMA = {own}"


def information(table: Table) -> str:
    """The information schema of a table's database."""
    return (
        f"{quoted(table.database)}.INFORMATION_SCHEMA" if table.database else "INFORMATION_SCHEMA"
    )


def is_denied(error: Exception) -> bool:
    """Whether the role lacks a right to what may be there."""
    number, state = getattr(error, "errno", None), getattr(error, "sqlstate", None)
    return number in (_NOT_THERE, _NO_RIGHT) or state == _ANOTHERS


def said(error: Exception) -> str:
    """What Snowflake says of an error, without contents of rows."""
    text = str(getattr(error, "raw_msg", None) or getattr(error, "msg", None) or error)
    text = re.sub(r"^(\d{6} \(\w{5}\): )+", "", text).partition(" (request_id=")[0]
    text = " ".join(text.split())
    if str(getattr(error, "sqlstate", "") or "").startswith(_OF_DATA):
        text = re.sub(r"'.*'|\".*\"", "…", text)
    return text[:500]


@contextmanager
def told(label: str, limits: Limits) -> Iterator[None]:
    """Errors of Snowflake as ours: what it says, and what helps."""
    try:
        yield
    except errors.Error as error:
        hint = _HINTS.get(getattr(error, "errno", None) or 0)
        filled = hint and hint.format(statement=limits.statement, lock=limits.lock)
        raise TransferError(f"{label}: Snowflake said: {said(error)}", filled) from None
