"""What the account may see: what it may not, the server leaves out without a word.

A right that comes by a role is not proved here: then nothing is taken for seen.
"""

from __future__ import annotations

from factory.transfer.mysql import table as tables
from factory.transfer.mysql.session import Connection, ask
from factory.transfer.mysql.writing import value
from factory.transfer.warehouse.parts import Table

_SHOWING = ("SELECT", "INSERT", "UPDATE", "DELETE", "REFERENCES", "TRIGGER", "SHOW VIEW")
"""Each of them, on all tables, shows the definitions of all tables."""


def sees_triggers(connection: Connection, table: Table) -> bool:
    """Whether all triggers of the table are shown: it takes the right TRIGGER."""
    mine, right = _mine(connection), "PRIVILEGE_TYPE = 'TRIGGER'"
    # Of names of databases with a `%` that fit, the server takes the closest alone.
    fitting = f"{mine} AND {value(table.schema)} LIKE TABLE_SCHEMA GROUP BY TABLE_SCHEMA"
    found = ask(
        connection,
        f"SELECT {_has('USER', f'{mine} AND {right}')}"
        f" OR {_has('TABLE', f'{mine} AND {right} AND {tables.here(table)}')}"
        f" OR coalesce((SELECT min(has) FROM (SELECT max({right}) AS has"
        f" FROM information_schema.SCHEMA_PRIVILEGES WHERE {fitting}) AS each_one), 0)",
    )
    return found == [(1,)]


def sees_references(connection: Connection, table: Table) -> bool:
    """Whether all foreign keys to the table are shown, in whatever database they are.

    It takes a right on all tables; there are none to a table that has no index.
    """
    rights = f"PRIVILEGE_TYPE IN ({', '.join(map(value, _SHOWING))})"
    found = ask(
        connection,
        f"SELECT {_has('USER', f'{_mine(connection)} AND {rights}')} OR NOT EXISTS"
        f" (SELECT 1 FROM information_schema.STATISTICS WHERE {tables.here(table)})",
    )
    return found == [(1,)]


def account(connection: Connection) -> str:
    """The session's account, as GRANT names it."""
    ((own,),) = ask(connection, "SELECT CURRENT_USER()")
    user, _, host = str(own).rpartition("@")
    return f"'{user}'@'{host}'"


def _mine(connection: Connection) -> str:
    """The condition that a right is of the session's account."""
    return "GRANTEE = " + value(account(connection))


def _has(level: str, where: str) -> str:
    return f"EXISTS (SELECT 1 FROM information_schema.{level}_PRIVILEGES WHERE {where})"
