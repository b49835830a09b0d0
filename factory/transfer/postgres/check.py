"""Check a table that exists. It is read, never written."""

import difflib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg

from factory.definitions.checks import Check, RowCount
from factory.definitions.tables import STATEMENT_SECONDS
from factory.transfer.errors import BadOption, Missing, TransferError
from factory.transfer.postgres import session
from factory.transfer.postgres import table as tables
from factory.transfer.postgres.rows import Rows
from factory.transfer.postgres.session import Limits
from factory.transfer.postgres.table import Connection, Table
from factory.transfer.warehouse.audit import Result, audit, prepare, verify
from factory.transfer.warehouse.rows import Subject

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checked:
    """What was checked, and what was found."""

    table: str
    rows: int
    seconds: float
    checks: tuple[Result, ...]


def check(
    uri: str,
    *,
    table: str,
    checks: Sequence[Check],
    where: str = "",
    as_of: datetime | None = None,
    statement_timeout: float = STATEMENT_SECONDS,
) -> Checked:
    """Check the rows of a table or view that meet the SQL condition `where`.

    `as_of` is the moment that ages are told from; None: now. `statement_timeout` is in seconds, 0
    for none. Raises `ChecksFailed`, `Missing`, `BadOption`, `TransferError`.
    """
    started = time.monotonic()
    target = tables.parse(table)
    try:
        with session.opened(uri, Limits(lock=0, statement=statement_timeout)) as connection:
            columns = _columns(connection, target)
            prepare(checks, columns)
            _refuse_change(checks)
            rows = Rows(connection, Subject(target, columns, as_of=as_of, where=where))
            verify(rows, checks)
            count, results = audit(rows, checks)
    except psycopg.Error as error:
        said = error.diag.message_primary or str(error).partition("\n")[0]
        raise TransferError(f"{target}: PostgreSQL said: {said}") from None
    seconds = time.monotonic() - started
    log.info("checked %s: %d rows, %d checks, %.2f s", target, count, len(results), seconds)
    return Checked(str(target), count, seconds, tuple(results))


def _refuse_change(checks: Sequence[Check]) -> None:
    if any(isinstance(check, RowCount) and check.max_change is not None for check in checks):
        raise BadOption("max_change compares a load with the one before, which no table knows")


def _columns(connection: Connection, target: Table) -> list[str]:
    rows = connection.execute(
        "SELECT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
        " AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
        (target.schema, target.name),
    ).fetchall()
    if not rows:
        raise _missing(connection, target)
    return [name for (name,) in rows]


def _missing(connection: Connection, target: Table) -> Missing:
    """Build the error for a table that is not there, with the nearest name."""
    schemas = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_'"
    known = [name for (name,) in connection.execute(schemas)]
    if target.schema not in known:
        return _not_found(
            f"there is no schema {target.schema!r} for {target}", target.schema, known
        )
    tables = (
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
        " AND NOT starts_with(c.relname, '_factory_')"
    )
    known = [name for (name,) in connection.execute(tables, (target.schema,))]
    return _not_found(f"there is no table or view {target}", target.name, known)


def _not_found(message: str, name: str, known: Sequence[str]) -> Missing:
    near = difflib.get_close_matches(name, known, n=1)
    return Missing(message, f"Did you mean {near[0]!r}?" if near else None)
