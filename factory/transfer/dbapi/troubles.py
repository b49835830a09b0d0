"""What a driver's error means for who may ask again: PEP 249 has classes, each driver its own use.

A state of SQL's standard (`SQLSTATE`) is believed before a number, a number before words.
"""

from __future__ import annotations

import re

# `08` connections, `40` a lost race, `53` resources, `55` locks, `57` an end by an operator
_AWAY = ("08", "40", "53", "55", "57", "58", "HYT")
_NO_TABLE = ("42P01", "3F000", "42S02", "42V01")
# MySQL's client is away from 2000 on; of its own numbers a server that is full, busy or stopping
_MYSQL = ("pymysql", "MySQLdb", "mysql")
_MYSQL_AWAY = {1040, 1053, 1152, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1317, 1927, 1969, 3024}
_MYSQL_AWAY |= {2002, 2003, 2006, 2012, 2013, 2055}
_MYSQL_NO_TABLE = {1049, 1146}
_SQLITE_AWAY = re.compile("locked|busy|unable to open|disk")
_REFUSED = re.compile(
    r"authenticat|password|credential|logon denied|login failed|pg_hba|(access|permission) denied"
    r"|not (permitted|authori[sz]ed)|unauthori[sz]ed|privilege|syntax"
    r"|(role|user|database|column) .*not exist",
    re.IGNORECASE,
)
_NO_TABLE_WORDS = re.compile(
    r"no such table|invalid object name|undefined name|unknown (table|schema)|ORA-00942"
    r"|(TABLE|VIEW|SCHEMA)_NOT_FOUND"
    r"|\b(table|view|relation|object|schema)\b.*(not exist|n't exist|not found|unknown)",
    re.IGNORECASE,
)


def is_no_table(error: Exception) -> bool:
    """Whether a query named a table that is not there."""
    if state := _state(error):
        return state in _NO_TABLE
    if _driver(error) in _MYSQL:
        return _number(error) in _MYSQL_NO_TABLE
    return _NO_TABLE_WORDS.search(str(error)) is not None


def is_away(error: Exception) -> bool:
    """Whether the database could not be asked, and later may be: no word of the query was wrong."""
    if isinstance(error, OSError):
        return True
    if not (is_of(error, "OperationalError") or is_of(error, "InterfaceError")):
        return False
    if state := _state(error):
        return state.startswith(_AWAY)
    if _driver(error) in _MYSQL:
        return _number(error) in _MYSQL_AWAY or is_of(error, "InterfaceError")
    if _driver(error) == "sqlite3":
        return _SQLITE_AWAY.search(str(error)) is not None
    return _REFUSED.search(str(error)) is None


def is_of(error: Exception, name: str) -> bool:
    """By the name that PEP 249 gives the class."""
    return any(cls.__name__ == name for cls in type(error).__mro__)


def _driver(error: Exception) -> str:
    return type(error).__module__.partition(".")[0]


def _number(error: Exception) -> object:
    return error.args[0] if error.args else None


def _state(error: Exception) -> str:
    """The SQLSTATE, where the driver tells it; drivers of ODBC tell it first."""
    told = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or _number(error)
    is_one = isinstance(told, str) and re.fullmatch("[0-9A-Z]{5}", told)
    return str(told) if is_one else ""
