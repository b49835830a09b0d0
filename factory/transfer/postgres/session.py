"""Connections to the target, and PostgreSQL's errors as ours."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import adbc_driver_manager
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from factory.transfer.errors import TransferError
from factory.transfer.postgres import pooled
from factory.transfer.postgres.table import Connection, Table
from factory.transfer.warehouse.parts import Limits

RELIED_ON: Mapping[str, str] = {
    "client_encoding": "UTF8",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "bytea_output": "hex",
    "standard_conforming_strings": "on",
    "extra_float_digits": "1",
    "session_replication_role": "origin",  # in another one, foreign keys are not looked at
    "transform_null_equals": "off",
    "gin_fuzzy_search_limit": "0",
    "track_counts": "on",  # what triggers do is counted by it
    # In a stricter one, a publisher that waited would not see what it waited for.
    "default_transaction_isolation": "read committed",
    # The server would end what waits while rows are copied through another connection, or for a
    # lock.
    "idle_session_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "transaction_timeout": "0",
}
"""What the meaning of a load hangs on, whatever the role, the database, the connection's `options`
or the worker's environment (`PGCLIENTENCODING`, `PGOPTIONS`, `PGTZ`, …) set."""

# (`unnest` and not a literal list: it is one text for both drivers.)
_SET = """
SELECT set_config(wanted.name, wanted.value, false)
  FROM unnest({names}::text[], {values}::text[]) AS wanted (name, value)
  JOIN pg_settings s ON lower(s.name) = lower(wanted.name)
 WHERE s.setting <> wanted.value
"""
_CATALOG_FIRST = """
SELECT set_config('search_path', array_to_string(ARRAY(
           SELECT quote_ident(s) FROM unnest(current_schemas(false)) s WHERE s <> 'pg_catalog'
       ), ', '), false)
 WHERE 'pg_catalog' = ANY (current_schemas(false))
"""
LOST = ("08", "57P01", "57P02", "57P03", "57P05")
_SAFE = "Nothing is half done: repeat the load"


@contextmanager
def connected(uri: str, limits: Limits) -> Iterator[Connection]:
    """A session that everything but the copy of rows is done in."""
    with opened(uri, limits) as connection:
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        with suppress(psycopg.Error):  # not on every system
            # So that the work of a killed process ends soon, and with it its locks.
            connection.execute("SET client_connection_check_interval = '2s'")
        yield connection


@contextmanager
def opened(uri: str, limits: Limits) -> Iterator[Connection]:
    """A session of its own, with the settings that are relied on."""
    with psycopg.connect(conninfo(uri), autocommit=True, keepalives_idle=30) as connection:
        pooled.refuse(conninfo(uri), connection)
        for query in settings(limits):
            try:
                connection.execute(query)
            except psycopg.errors.InsufficientPrivilege as error:
                raise TransferError(
                    f"{error.diag.message_primary}, which a load relies on",
                    "Take the setting from the role, the database or the connection's options",
                ) from None
        yield connection


def conninfo(uri: str) -> str:
    """The address; rows are sent in UTF-8, and the server is told so."""
    return make_conninfo(uri, client_encoding=RELIED_ON["client_encoding"])


def settings(limits: Limits) -> tuple[sql.Composed, ...]:
    """Queries that set what is relied on, in whichever driver's connection."""
    wanted = {
        **RELIED_ON,
        "lock_timeout": milliseconds(limits.lock),
        "statement_timeout": milliseconds(limits.statement),
    }
    given = {"names": sql.Literal(list(wanted)), "values": sql.Literal(list(wanted.values()))}
    # What is not to survive a crash would be told to be there.
    durable = "SELECT set_config('synchronous_commit', 'on', false)"
    durable += " WHERE current_setting('synchronous_commit') = 'off'"
    return sql.SQL(_SET).format(**given), *(sql.SQL(q).format() for q in (_CATALOG_FIRST, durable))


def milliseconds(seconds: float) -> str:
    """As `SET` takes it."""
    return str(round(seconds * 1000))


def see_every_row(connection: Connection) -> None:
    """Let a query fail that row-level security would make blind to rows, and so wrong."""
    connection.execute("SET row_security = off")


def refuse_without_rights(
    connection: Connection, target: Table, oid: int, needs: tuple[str, ...]
) -> None:
    """Raise `TransferError` before rows are moved that may not be published."""
    granted = connection.execute(
        "SELECT need, CASE need WHEN 'DELETE' THEN has_table_privilege(%s::oid, need)"
        " ELSE has_any_column_privilege(%s::oid, need) END, current_user"
        " FROM unnest(%s::text[]) need",
        (oid, oid, list(needs)),
    ).fetchall()
    # NULL: another load has replaced the table since it was looked at; the publish looks again
    lacking = [need for need, given, _ in granted if given is False]
    if lacking:
        role = sql.Identifier(granted[0][2]).as_string()
        words = ", ".join(lacking)
        raise TransferError(
            f"the role {role} may not {words} in {target}",
            f"GRANT {words} ON {target.identifier.as_string()} TO {role}",
        )


@contextmanager
def translated(target: Table, limits: Limits) -> Iterator[None]:
    """PostgreSQL's errors without their details, which quote contents of rows."""
    try:
        yield
    except psycopg.errors.LockNotAvailable as error:
        raise TransferError(
            f"{target} was not free within the lock_timeout of {limits.lock:g} s",
            "Another load or query holds it",
        ) from error
    except psycopg.Error as error:
        lost = isinstance(error, psycopg.OperationalError) and not error.sqlstate
        said = error.diag.message_primary or str(error).partition("\n")[0]
        raise _said(target, limits, said, error.sqlstate or ("08" if lost else "")) from None
    except adbc_driver_manager.Error as error:
        raise _from_copy(target, limits, error) from None


def _from_copy(target: Table, limits: Limits, error: adbc_driver_manager.Error) -> TransferError:
    text, state = str(error), error.sqlstate or ""
    lost = not state and "server closed the connection" in text
    match = re.search(r"(?:ERROR|FATAL|PANIC):\s+(.*)", text)
    said = match[1] if match else text.partition("\n")[0]
    return _said(target, limits, said, "08" if lost else state)


def _said(target: Table, limits: Limits, said: str, state: str) -> TransferError:
    if said.startswith(("connection failed", "failed to resolve", "connection timeout")):
        return TransferError(f"{target}: PostgreSQL can't be reached: {said}")
    if state.startswith(LOST):
        return TransferError(f"{target}: the connection to PostgreSQL was lost: {said}", _SAFE)
    hint = None
    if state == "57014" and "statement timeout" in said:
        hint = f"The statement_timeout of the target is {limits.statement:g} s"
    elif state == "42501":
        hint = "Grant the right to the role of the connection"
    elif "row is too big" in said:
        hint = (
            "PostgreSQL keeps the columns of a row together in one page, all but long texts: "
            "`select` fewer, load them into several tables, or declare smaller types"
        )
    return TransferError(f"{target}: PostgreSQL said: {said}", hint)
