"""What was published, kept in the target's database and written in the same transaction.

A table that came in by its name (RENAME TABLE commits by itself) bears its load in its comment,
until the ledger has it: see `publish.settle`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pymysql

from factory.transfer.mysql import table as tables
from factory.transfer.mysql.session import Connection, ask, code_of
from factory.transfer.mysql.writing import run, value
from factory.transfer.warehouse.parts import Table

log = logging.getLogger(__name__)

NAME = "_factory_loads"
_TWICE, _DENIED = 1060, 1142  # the server's numbers: a column is there; the account may not
_COLUMNS = (
    "`table_name` varchar(64) NOT NULL, `load_id` varchar(600) NOT NULL,"
    " `mode` varchar(16) NOT NULL, `rows` bigint NOT NULL,"
    " `published_at` datetime(6) NOT NULL, `previous_rows` bigint NULL,"
    " `table_made` datetime NULL, `digest` text NULL, `checks` mediumtext NULL,"
    " PRIMARY KEY (`table_name`, `load_id`)"
)


@dataclass(frozen=True)
class Entry:
    """A load that was published."""

    rows: int
    published_at: datetime
    made: datetime | None  # when the table was, to which the rows went
    digest: str | None
    checks: str | None

    @property
    def when(self) -> str:
        """For people."""
        return f"{self.published_at:%Y-%m-%d %H:%M:%SZ}"


def of(target: Table) -> Table:
    """The ledger of the target's database."""
    return Table(target.schema, NAME)


def is_there(connection: Connection, target: Table) -> bool:
    """Whether there is a ledger."""
    return tables.is_there(connection, of(target))


def ensure(connection: Connection, target: Table) -> None:
    """Make the ledger when it is missing, or older."""
    tables.ensure(connection, of(target), _COLUMNS)
    if not _keeps_checks(connection, target):
        _keep_checks(connection, target)


def _keep_checks(connection: Connection, target: Table) -> None:
    add = f"ALTER TABLE {tables.sql(of(target))} ADD COLUMN `checks` mediumtext"
    try:
        run(connection, add)
    except pymysql.Error as error:
        if code_of(error) == _DENIED:
            log.info(
                "%s keeps nothing of what the checks found: the account may not add the column. "
                "For one that may: %s",
                *(of(target), add),
            )
        elif code_of(error) != _TWICE:  # another load has added it
            raise


def _keeps_checks(connection: Connection, target: Table) -> bool:
    where = f"{tables.here(of(target))} AND COLUMN_NAME = {value('checks')}"
    return bool(ask(connection, f"SELECT 1 FROM information_schema.COLUMNS WHERE {where}"))


def find(connection: Connection, target: Table, load_id: str) -> Entry | None:
    """Look up whether this load was published."""
    if not is_there(connection, target):
        return None
    checks = "`checks`" if _keeps_checks(connection, target) else "NULL"
    found = ask(
        connection,
        f"SELECT `rows`, `published_at`, `table_made`, `digest`, {checks}"
        f" FROM {tables.sql(of(target))} WHERE {its(target, load_id)}",
    )
    return Entry(*found[0]) if found else None


def its(target: Table, load_id: str) -> str:
    """The condition that an entry is of this load."""
    return f"`table_name` = {value(target.name)} AND `load_id` = {value(load_id)}"


def previous_rows(connection: Connection, target: Table, load_id: str) -> int | None:
    """How many rows the load before this one published; None when there was none."""
    if not is_there(connection, target):
        return None
    mine = f"`load_id` = {value(load_id)}"
    found = ask(
        connection,
        f"SELECT CASE WHEN {mine} THEN `previous_rows` ELSE `rows` END"
        f" FROM {tables.sql(of(target))} WHERE `table_name` = {value(target.name)}"
        f" ORDER BY {mine} DESC, `published_at` DESC LIMIT 1",
    )
    return found[0][0] if found else None


def forget(connection: Connection, target: Table) -> None:
    """The table's earlier rows are gone, so its earlier loads may be repeated."""
    tables.delete(connection, of(target), f"`table_name` = {value(target.name)}")


def forget_emptied(connection: Connection, target: Table, made: datetime | None) -> None:
    """The table is empty: loads into what it was before it was made anew may be repeated."""
    whose = f"`table_name` = {value(target.name)}"
    other = f"NOT (`table_made` <=> {value(made)})"
    tables.delete(connection, of(target), f"{whose} AND {other}")


def record(connection: Connection, target: Table, said: dict[str, Any]) -> None:
    """Note a published load: its `load_id`, `mode`, `rows`, `previous_rows`, `digest`, `checks`."""
    given = {"table_name": target.name, **said}
    if not _keeps_checks(connection, target):
        given.pop("checks")
    run(
        connection,
        f"REPLACE INTO {tables.sql(of(target))} ({tables.names([*given])}, `published_at`,"
        f" `table_made`) SELECT {', '.join(value(each) for each in given.values())},"
        f" UTC_TIMESTAMP(6), {_made(target)}",
    )


def note_made(connection: Connection, target: Table, load_id: str) -> None:
    """When the table was made, once more: an ALTER TABLE makes it anew."""
    made = f"`table_made` = {_made(target)}"
    run(connection, f"UPDATE {tables.sql(of(target))} SET {made} WHERE {its(target, load_id)}")


def _made(target: Table) -> str:
    return f"(SELECT CREATE_TIME FROM information_schema.TABLES WHERE {tables.here(target)})"
