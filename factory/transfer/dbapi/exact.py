"""Values that drivers would change before anybody sees them: taken as they are, or refused.

The drivers of PostgreSQL are told to leave texts what they would make something else of; of MySQL's
the description of a result tells what comes changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from factory.transfer.errors import BadRow, TransferError

_POSTGRES = ("psycopg", "psycopg2")
_TEXTS: Mapping[int, str] = {114: "jsonb", 3802: "jsonb", 1186: "interval"}
"""Types of PostgreSQL that come as texts, by their oids, with the words for them.

As something else a number in JSON is a float, a key that is there twice is once, and a month is 30
days.
"""
_MYSQL = ("mysql", "mariadb")
_FLOAT = 4
_MOMENTS = {
    1082: "PYDATE",
    1083: "PYTIME",
    1114: "PYDATETIME",
    1184: "PYDATETIMETZ",
    1266: "PYTIME",
}
"""Dates and times by their oids, with psycopg2's own ways to read them."""


def prepare(driver: str, connection: Any) -> None:
    """Have a connection that was just opened give texts where its driver would change values."""
    if (prepared := _PREPARED.get(driver)) is not None:
        prepared(connection)


def word(driver: str, dialect: str, described: Any) -> str:
    """The word for a column that comes as a text of its type; empty for others.

    `described` is its part of a cursor's description. Raises `TransferError` for a column of which
    the driver gives other values than there are.
    """
    name, code = described[0], described[1]
    if dialect in _MYSQL and code == _FLOAT:
        raise TransferError(
            f"the column {name!r} is a FLOAT, of which the driver is given six digits",
            f"Read it by `type: mysql`, or in a `query`: `CAST({name} AS DOUBLE) AS {name}`",
        )
    return _TEXTS.get(code, "") if driver in _POSTGRES else ""


def _psycopg(connection: Any) -> None:
    loader = import_module("psycopg.types.string").TextLoader
    for oid in _TEXTS:
        connection.adapters.register_loader(oid, loader)
    _write_intervals_plainly(connection, connection.info.parameter_status("IntervalStyle"))


def _psycopg2(connection: Any) -> None:
    extensions = import_module("psycopg2.extensions")

    def register(oids: Any, make: Callable[[Any, Any], Any]) -> None:
        extensions.register_type(extensions.new_type(tuple(oids), "EXACT", make), connection)

    register(_TEXTS, lambda text, cursor: text)
    for oid, known in _MOMENTS.items():
        register([oid], _without_odd(getattr(extensions, known)))
    _write_intervals_plainly(connection, connection.get_parameter_status("IntervalStyle"))


def _without_odd(make: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """What Python has not, the driver makes its last day of, or its first hour."""

    def made(text: str | None, cursor: Any) -> Any:
        if text is not None and (text.endswith("infinity") or text.startswith("24:")):
            raise BadRow(
                f"a column holds {text}, which no date and no time is elsewhere",
                "Read it by `type: postgres` with `as_text`, or cast it to text in a `query`",
            )
        return make(text, cursor)

    return made


def _write_intervals_plainly(connection: Any, style: str | None) -> None:
    """In the SQL standard's style, who reads an interval may take it for another."""
    if style not in (None, "", "postgres"):
        connection.cursor().execute("SET IntervalStyle = 'postgres'")


_PREPARED: Mapping[str, Callable[[Any], None]] = {"psycopg": _psycopg, "psycopg2": _psycopg2}
