"""What was published, kept beside the tables and written in the same transaction."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from factory.transfer.snowflake.names import OURS, Table, literal, quoted
from factory.transfer.snowflake.session import ERRORS, Connection, ask, is_denied

log = logging.getLogger(__name__)

NAME = f"{OURS}LOADS"
_CHECKS = f"{OURS}CHECKS"  # (by its own: a version of before adds to the ledger by position)
_EMPTY = "empty"  # the mode of an entry that says so of a table before its first load
_COLUMNS = (
    "TABLE_NAME VARCHAR, LOAD_ID VARCHAR, MODE VARCHAR, ROW_COUNT NUMBER(38,0),"
    " PREVIOUS_ROWS NUMBER(38,0), TABLE_MADE VARCHAR, DIGEST VARCHAR,"
    " PUBLISHED_AT TIMESTAMP_TZ(6)"
)
_COLUMNS_OF_CHECKS = (
    "TABLE_NAME VARCHAR, LOAD_ID VARCHAR, CHECKS VARCHAR, PUBLISHED_AT TIMESTAMP_TZ(6)"
)


@dataclass(frozen=True)
class Entry:
    """A load that was published."""

    rows: int
    previous: int | None
    made: str  # when the table was made that the rows went to
    digest: str  # of the values, where the rows are added once
    published_at: str


def lock_of(target: Table) -> Table:
    """The table that who publishes into the target holds: an INSERT alone would hold nothing."""
    return target.beside(f"{OURS}LOCK_{target.digest}")


def is_ours(name: str) -> bool:
    """Is a table one that loads themselves keep?"""
    return name.startswith(OURS)


def ensure(connection: Connection, target: Table) -> None:
    """Make the ledger of the target's schema, and what is held, where they are missing."""
    ask(connection, f"CREATE TABLE IF NOT EXISTS {quoted(target.beside(NAME))} ({_COLUMNS})")
    lock = quoted(lock_of(target))
    ask(connection, f"CREATE TRANSIENT TABLE IF NOT EXISTS {lock} (HELD_BY VARCHAR)")
    ask(
        connection,
        f"INSERT INTO {lock} SELECT {literal('')} WHERE NOT EXISTS (SELECT 1 FROM {lock})",
    )


def keeps_checks(connection: Connection, target: Table) -> bool:
    """Whether this role may note what checks found, and ask for it; it is made where it may be.

    Not within a transaction, which what is denied would end.
    """
    checks = quoted(target.beside(_CHECKS))
    try:
        ask(connection, f"CREATE TABLE IF NOT EXISTS {checks} ({_COLUMNS_OF_CHECKS})")
        ask(connection, f"INSERT INTO {checks} SELECT * FROM {checks} WHERE FALSE")
    except ERRORS as error:
        if not is_denied(error):
            raise
        log.info(
            "nothing is kept of what the checks find: the role may not use %s. For its owner: "
            "GRANT SELECT, INSERT, DELETE ON %s TO ROLE …",
            *(checks, checks),
        )
        return False
    return True


def hold(connection: Connection, target: Table, load_id: str) -> None:
    """Wait for others who publish into the target, in this transaction."""
    ask(connection, f"UPDATE {quoted(lock_of(target))} SET HELD_BY = {literal(load_id)}")


def find(connection: Connection, target: Table, load_id: str) -> Entry | None:
    """Look up whether this load was published, and not replaced since."""
    rows = _rows(connection, target, f"LOAD_ID = {literal(load_id)} AND {_since(target)}")
    return Entry(*rows[0]) if rows else None


def checks(connection: Connection, target: Table, load_id: str) -> str:
    """What the checks of the last publish of a load found; empty: nothing tells."""
    whose = f"TABLE_NAME = {literal(target.name)} AND LOAD_ID = {literal(load_id)}"
    published = f"SELECT MAX(PUBLISHED_AT) FROM {quoted(target.beside(NAME))} WHERE {whose}"
    since = f"PUBLISHED_AT >= ({published})"
    rows = ask(
        connection,
        f"SELECT CHECKS FROM {quoted(target.beside(_CHECKS))} WHERE {whose} AND {since}"
        " ORDER BY PUBLISHED_AT DESC LIMIT 1",
    )
    return str(rows[0][0]) if rows else ""


def loads_of(target: Table) -> str:
    """What follows a FROM: the loads of the target that were not replaced since."""
    whose = f"TABLE_NAME = {literal(target.name)}"
    return f"{quoted(target.beside(NAME))} WHERE {whose} AND {_since(target)}"


def _since(target: Table) -> str:
    replaced = f"SELECT MAX(PUBLISHED_AT) FROM {quoted(target.beside(NAME))} WHERE"
    replaced += f" TABLE_NAME = {literal(target.name)} AND MODE = {literal('replace')}"
    never = f"{literal('1970-01-01 00:00:00 +0000')}::TIMESTAMP_TZ"
    return f"PUBLISHED_AT >= COALESCE(({replaced}), {never})"


def previous_rows(connection: Connection, target: Table, load_id: str) -> int | None:
    """How many rows the load before this one published; None when there was none."""
    if own := find(connection, target, load_id):
        return own.previous
    rows = _rows(connection, target, f"MODE <> {literal(_EMPTY)}")
    return int(rows[0][0]) if rows else None


def _rows(connection: Connection, target: Table, which: str) -> list[Any]:
    """The latest first."""
    ledger = quoted(target.beside(NAME))
    return ask(
        connection,
        "SELECT ROW_COUNT, PREVIOUS_ROWS, TABLE_MADE, DIGEST, PUBLISHED_AT::VARCHAR"
        f" FROM {ledger} WHERE TABLE_NAME = {literal(target.name)} AND {which}"
        " ORDER BY PUBLISHED_AT DESC LIMIT 1",
    )


def note_empty(connection: Connection, target: Table, made: str) -> None:
    """The table has no row: none of a load into what it was before it was made anew."""
    if not was_empty(connection, target, made):
        record(connection, target, "", _EMPTY, Entry(0, None, made, "", ""))


def was_empty(connection: Connection, target: Table, made: str) -> bool:
    """Was the table without a row when a load of ours came to it first?"""
    which = f"MODE = {literal(_EMPTY)} AND TABLE_MADE = {literal(made)}"
    return bool(_rows(connection, target, which))


def forget(connection: Connection, target: Table) -> None:
    """The table is to go, with all that was loaded into it."""
    whose = f"TABLE_NAME = {literal(target.name)}"
    for name in (NAME, _CHECKS) if keeps_checks(connection, target) else (NAME,):
        ask(connection, f"DELETE FROM {quoted(target.beside(name))} WHERE {whose}")


def record(connection: Connection, target: Table, load_id: str, mode: str, entry: Entry) -> None:
    """Note a load, in its transaction; nothing is deleted, which others would wait for."""
    ledger = quoted(target.beside(NAME))
    previous = "NULL" if entry.previous is None else str(entry.previous)
    texts = ", ".join(map(literal, (target.name, load_id, mode)))
    told = f"{literal(entry.made)}, {literal(entry.digest)}, CURRENT_TIMESTAMP()"
    ask(connection, f"INSERT INTO {ledger} SELECT {texts}, {entry.rows}, {previous}, {told}")


def record_checks(connection: Connection, target: Table, load_id: str, found: str) -> None:
    """Note what the checks of a load found, in its transaction, after the load."""
    texts = ", ".join(map(literal, (target.name, load_id, found)))
    ledger = quoted(target.beside(_CHECKS))
    ask(connection, f"INSERT INTO {ledger} SELECT {texts}, CURRENT_TIMESTAMP()")
