"""Connections to the target, and PostgreSQL's errors as ours."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import adbc_driver_manager
import psycopg
from psycopg import sql

from factory.transfer.errors import BadRow, TransferError
from factory.transfer.postgres.table import Connection, Table

# The server ends what waits while rows are copied through another connection, or for a lock.
_PATIENCE = (
    "idle_session_timeout",
    "idle_in_transaction_session_timeout",
    "transaction_timeout",
)
_LOST = ("08", "57P01", "57P02", "57P03", "57P05")
_SAFE = "Nothing is half done: repeat the load"


@dataclass(frozen=True)
class Limits:
    """Seconds to wait for a lock and for a statement; 0: without end."""

    lock: float = 600.0
    statement: float = 3600.0


@contextmanager
def connected(uri: str, limits: Limits) -> Iterator[Connection]:
    """The connection that does everything but to copy rows."""
    with psycopg.connect(uri, autocommit=True, keepalives_idle=30) as connection:
        # In a stricter one, a publisher that waited would not see what it waited for.
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        connection.execute(
            "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = ANY(%s)",
            (list(_PATIENCE),),
        )
        for name, value in (("lock_timeout", limits.lock), ("statement_timeout", limits.statement)):
            connection.execute("SELECT set_config(%s, %s, false)", (name, milliseconds(value)))
        with suppress(psycopg.Error):  # not on every system
            # So that the work of a killed process ends soon, and with it its locks.
            connection.execute("SET client_connection_check_interval = '2s'")
        yield connection


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
    if state == "22021" and (found := re.search(r"COPY .*, line (\d+), column (.*)", text)):
        row, column = found.groups()
        return BadRow(
            f"the column {column!r} holds a NUL character in row {row}, "
            "which PostgreSQL can't store in a text"
        )
    lost = not state and "server closed the connection" in text
    match = re.search(r"(?:ERROR|FATAL|PANIC):\s+(.*)", text)
    said = match[1] if match else text.partition("\n")[0]
    return _said(target, limits, said, "08" if lost else state)


def _said(target: Table, limits: Limits, said: str, state: str) -> TransferError:
    if said.startswith("connection failed"):
        return TransferError(f"{target}: PostgreSQL can't be reached: {said}")
    if state.startswith(_LOST):
        return TransferError(f"{target}: the connection to PostgreSQL was lost: {said}", _SAFE)
    hint = None
    if state == "57014" and "statement timeout" in said:
        hint = f"The statement_timeout of the target is {limits.statement:g} s"
    elif state == "42501":
        hint = "Grant the right to the role of the connection"
    return TransferError(f"{target}: PostgreSQL said: {said}", hint)
