"""Check a table that exists. It is read, never written."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from factory.account import say
from factory.amounts import counted, spent
from factory.definitions.checks import Check, RowCount
from factory.definitions.tables import STATEMENT_SECONDS
from factory.transfer.errors import BadOption, TransferError
from factory.transfer.progress import Progress
from factory.transfer.warehouse.audit import Result, audit, prepare, verdicts, verify
from factory.transfer.warehouse.rows import Rows, S, Subject
from factory.transfer.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class Checked:
    """What was checked, and what was found."""

    table: str
    rows: int
    seconds: float
    checks: tuple[Result, ...]


def check(
    warehouse: Warehouse[S],
    address: Any,
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
    target = warehouse.table(table)
    asked = (table, checks, where, as_of, statement_timeout)
    with Progress("checking"), verified(warehouse, address, *asked) as rows:
        count, results = audit(rows, checks)
    seconds = time.monotonic() - started
    for result in results:
        if result.passed:  # a warning has told of others
            say("%s: %s", result.type, result.message)
    said = ", ".join([*verdicts(results), spent(seconds)])
    say("%s: %s, %s", target, counted(count, "row"), said)
    return Checked(str(target), count, seconds, tuple(results))


@contextmanager
def verified(
    warehouse: Warehouse[S],
    address: Any,
    table: str,
    checks: Sequence[Check],
    where: str,
    as_of: datetime | None,
    statement_timeout: float = STATEMENT_SECONDS,
) -> Iterator[Rows[S]]:
    """The rows that `check` checks, of which the checks make sense; raises as it does."""
    target = warehouse.table(table)
    try:
        with warehouse.connected(address, statement_timeout) as session:
            columns = warehouse.columns(session, target)
            prepare(checks, columns)
            _refuse_change(checks)
            rows = warehouse.rows(session, Subject(target, columns, as_of=as_of, where=where))
            verify(rows, checks)
            yield rows
    except warehouse.errors as error:
        words = warehouse.said(error)
        raise TransferError(f"{target}: {warehouse.can.name} said: {words}") from None


def _refuse_change(checks: Sequence[Check]) -> None:
    if any(isinstance(check, RowCount) and check.max_change is not None for check in checks):
        raise BadOption("max_change compares a load with the one before, which no table knows")
