"""What drivers have in common, and where they differ: parameters, cursors, how a query is ended."""

from __future__ import annotations

import importlib
import socket
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from factory.transfer.dbapi import exact
from factory.transfer.dbapi.troubles import is_away, is_no_table, is_of
from factory.transfer.errors import Missing, TransferError, Unavailable

_SMALL = r"abcdefghijklmnopqrstuvwxyz_0123456789"
# Drivers that would else hold the whole result, and their cursors that do not.
_STREAMING: dict[str, Callable[[Any], Any]] = {
    "psycopg": lambda connection: connection.cursor(name="factory"),
    "psycopg2": lambda connection: connection.cursor(name="factory"),
    "pymysql": lambda connection: connection.cursor(_of("pymysql.cursors", "SSCursor")),
    "MySQLdb": lambda connection: connection.cursor(_of("MySQLdb.cursors", "SSCursor")),
}
_BACKTICKS = ("pymysql", "MySQLdb", "mysql")
_MARKS: dict[str, str] = {
    "qmark": "?",
    "format": "%s",
    "pyformat": "%(p{})s",
    "numeric": ":{}",
    "named": ":p{}",
}
"""How a parameter is written; `{}` is its number."""
_LONGEST = 300
"""Of what a driver says, in characters."""


def _of(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


@dataclass(frozen=True)
class Database:
    """How a database is reached, and what it is told."""

    connect: Callable[[], Any]
    dialect: str = ""  # what it calls itself: `postgresql`, `mysql`
    quotes: str = '"{}"'
    reserved: Collection[str] = frozenset()  # words that are no names, in small letters
    paramstyle: str = "format"  # where its driver does not say


@dataclass
class Statement:
    """Text and values of a statement, in the words of one driver."""

    database: Database
    driver: str
    style: str
    values: list[Any] = field(default_factory=list)

    def bound(self, value: Any) -> str:
        """A value, bound by the driver."""
        self.values.append(value)
        return f"\0{len(self.values)}\0"

    def name(self, name: str) -> str:
        """A column, or a table with what it is in.

        What is of small letters stands as it is: each database then finds it in its own case.
        All else is quoted, and is exactly what is written.
        """
        return ".".join(map(self._name, name.split(".")))

    def column(self, name: str) -> str:
        """A column, whose name may hold a point."""
        return self._name(name)

    def _name(self, name: str) -> str:
        plain = not set(name) - set(_SMALL) and not name[0].isdigit()
        if plain and name not in self.database.reserved:
            return name
        quotes = self.database.quotes
        if self.driver in _BACKTICKS and quotes == Database.quotes:
            quotes = "`{}`"
        return quotes.format(name.replace(quotes[-1], quotes[-1] * 2))

    def text(self, statement: str) -> str:
        """The statement as the driver takes it."""
        if self.values and self.style in ("format", "pyformat"):
            statement = statement.replace("%", "%%")
        mark = _MARKS[self.style]
        for number in range(1, len(self.values) + 1):
            statement = statement.replace(f"\0{number}\0", mark.format(number))
        return statement

    def given(self) -> Sequence[Any] | dict[str, Any] | None:
        """The values as the driver takes them; None where there are none."""
        if self.style in ("named", "pyformat"):
            named = {f"p{number}": value for number, value in enumerate(self.values, 1)}
            return named or None
        return tuple(self.values) or None


class Session:
    """A connection, until it is closed or takes too long; `label` is what is read, for people.

    What its driver raises is a `TransferError`.
    """

    def __init__(self, database: Database, limit: Limit, label: str) -> None:
        self._database = database
        self._limit = limit
        self._label = label
        with self._told():
            self._connection = database.connect()
        self._module = type(self._connection).__module__
        limit.watch(self._connection)
        with self._told():
            exact.prepare(self._driver, self._connection)

    def statement(self) -> Statement:
        """A new one."""
        return Statement(self._database, self._driver, self._style())

    @property
    def dialect(self) -> str:
        """As SQLAlchemy calls it; empty where nobody says."""
        return self._database.dialect

    def word(self, described: Sequence[Any]) -> str:
        """See `exact.word`."""
        return exact.word(self._driver, self.dialect, described)

    @property
    def _driver(self) -> str:
        return self._module.partition(".")[0]

    def _style(self) -> str:
        parts = self._module.split(".")
        for length in range(len(parts), 0, -1):
            module = sys.modules.get(".".join(parts[:length]))
            if (style := getattr(module, "paramstyle", None)) in _MARKS:
                return str(style)
        return self._database.paramstyle

    @contextmanager
    def run(self, text: str, statement: Statement) -> Iterator[Any]:
        """A cursor with the rows of a text, which come as they are fetched."""
        with self._told():
            new = _STREAMING.get(self._driver, lambda connection: connection.cursor())
            cursor = new(self._connection)
            self._limit.watch(cursor)
            given = statement.given()
            cursor.execute(statement.text(text), *([] if given is None else [given]))
        try:
            yield cursor
        finally:
            with suppress(Exception):
                cursor.close()

    def fetched(self, cursor: Any, number: int) -> Sequence[Sequence[Any]]:
        """So many of the next rows, or fewer."""
        with self._told():
            found: Sequence[Any] = cursor.fetchmany(number)
        if found and isinstance(found[0], Mapping):  # as some connections' extra has it
            return [tuple(row.values()) for row in found]
        return found

    def close(self) -> None:
        """End all; nothing was changed."""
        self._limit.forget()
        for end in (self._connection.rollback, self._connection.close):
            with suppress(Exception):
                end()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except TransferError:  # of our own, while the driver makes a value
            raise
        except Exception as error:
            raise _told(error, self._label, self._limit) from None


class Limit:
    """Ends what runs: when it has run so many seconds (0: without end), or when it is told to."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.passed = False
        self._watched: list[Any] = []
        self._timer = threading.Timer(seconds, self._pass) if seconds else None

    def __enter__(self) -> Limit:
        if self._timer is not None:
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def watch(self, running: Any) -> None:
        """A connection or a cursor, which `end` ends."""
        self._watched.append(running)

    def forget(self) -> None:
        """Nothing runs any more."""
        self._watched.clear()

    def _pass(self) -> None:
        self.passed = True
        self.end()

    def end(self) -> None:
        """By the first way that there is; a driver without one is left when it gives rows."""
        for running in list(self._watched):
            for way in ("cancel", "interrupt"):
                if callable(end := getattr(running, way, None)):
                    with suppress(Exception):
                        end()
                    return
        for running in list(self._watched):
            if isinstance(wire := getattr(running, "_sock", None), socket.socket):
                with suppress(OSError):
                    wire.shutdown(socket.SHUT_RDWR)


def _told(error: Exception, label: str, limit: Limit) -> TransferError:
    """What a driver raises, without what it may quote of rows."""
    if limit.passed:
        own = f"The statement_timeout of the source is {limit.seconds:g} s"
        return Unavailable(f"{label} can't be read: it took too long", own)
    message = f"{label} can't be read: {_said(error)}"
    if is_away(error):
        return Unavailable(
            message, "Nothing is left behind: when the connection was lost, repeat the task"
        )
    return Missing(message) if is_no_table(error) else TransferError(message)


def _said(error: Exception) -> str:
    """A driver's words; of a value that fails in a query, but what kind of error it is."""
    name, numbers = type(error).__name__, [one for one in error.args if isinstance(one, int)]
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    code = " ".join(map(str, filter(None, (state, *numbers[:1]))))
    if is_of(error, "DataError"):
        said = "a value does not fit what the query makes of it (its text is not shown)"
        return f"{name} {code}: {said}".replace(" :", ":")
    words = next((one for one in error.args if isinstance(one, str)), str(error))
    first = words.strip().partition("\n")[0].partition(" with text ")[0]
    return f"{name}: {first[:_LONGEST]}" + (f" ({code})" if code else "")
