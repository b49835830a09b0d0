"""What was published, kept beside the tables and written in the same transaction.

Rows are only added to it: loads of other tables are not made to wait, and none fails by another.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from factory.transfer.bigquery import table as tables
from factory.transfer.bigquery.api import Api, Facts
from factory.transfer.bigquery.errors import DENIED, Refused
from factory.transfer.bigquery.jobs import Jobs
from factory.transfer.bigquery.table import Existing, Table, literal

log = logging.getLogger(__name__)

NAME = "_factory_loads"
_CHECKS = "checks"
_GONE = "'replaced'"  # the mode of an entry that ends another
_ENTRY = ("table_name", "made_at", "load_id", "published_at")  # by which both are one
_COLUMNS = {
    "table_name": "STRING",
    "load_id": "STRING",
    "mode": "STRING",
    "rows": "INT64",
    "published_at": "TIMESTAMP",
    "made_at": "INT64",  # when the table was made
    "digest": "STRING",  # of the values
    _CHECKS: "STRING",  # what they found
}
_DESCRIPTION = "The loads that are in the tables of this dataset. Without it, one may come twice."


@dataclass(frozen=True)
class Entry:
    """A load that was published."""

    rows: int
    published_at: datetime
    digest: str
    made_at: int  # when the table was made that the rows went to
    checks: str | None = None  # what they found

    @property
    def when(self) -> str:
        """For people."""
        return f"{self.published_at:%Y-%m-%d %H:%M:%SZ}"


def ensure(api: Api, target: Table) -> None:
    """Make the ledger of the target's dataset when it is missing, or older."""
    fields = [tables.field_of(name, kind) for name, kind in _COLUMNS.items()]
    more = {"clustering": {"fields": ["table_name"]}, "description": _DESCRIPTION}
    if tables.make(api, target.beside(NAME), fields, more) is None:
        _add(api, target.beside(NAME), fields)


def _add(api: Api, ledger: Table, fields: Sequence[Facts]) -> None:
    try:
        tables.add(api, ledger, fields)
    except Refused as error:
        if error.reason != DENIED:
            raise
        log.info(
            "%s keeps nothing of what the checks found: the login may not add the column. "
            "For one that may: ALTER TABLE %s ADD COLUMN IF NOT EXISTS %s STRING",
            *(ledger, ledger.sql, _CHECKS),
        )


def to_keep(api: Api, target: Table, checks: str) -> str | None:
    """What checks found, where there is a column for it."""
    return checks if _keeps_checks(tables.look(api, target.beside(NAME)) or {}) else None


def _keeps_checks(facts: Facts) -> bool:
    return _CHECKS in [field["name"] for field in tables.fields_of(facts)]


def is_there(api: Api, target: Table) -> bool:
    """Whether the target's dataset has one."""
    return tables.look(api, target.beside(NAME)) is not None


def standing(target: Table) -> str:
    """The entries of tables of this name whose rows are not known to be gone.

    A FROM and a WHERE, to which more may be added.
    """
    ledger = target.beside(NAME).sql
    mine = f"it.table_name = {literal(target.name)}"
    same = " AND ".join(f"gone.{name} = it.{name}" for name in _ENTRY)
    gone = f"SELECT 1 FROM {ledger} AS gone WHERE {same} AND gone.mode = {_GONE}"
    return f"FROM {ledger} AS it WHERE {mine} AND it.mode <> {_GONE} AND NOT EXISTS ({gone})"


def find(jobs: Jobs, target: Table, existing: Existing, load_id: str) -> Entry | None:
    """Look up whether this load was published, into this table before all others of its name."""
    facts = tables.look(jobs.api, target.beside(NAME))
    if facts is None:
        return None
    checks = _CHECKS if _keeps_checks(facts) else "CAST(NULL AS STRING)"
    found = jobs.asked(
        f"SELECT `rows`, published_at, digest, made_at, {checks} {standing(target)}"
        f" AND load_id = {literal(load_id)}"
        f" ORDER BY made_at = {existing.made_at} DESC, published_at DESC LIMIT 1"
    )
    return Entry(*found[0]) if found else None


def is_empty(jobs: Jobs, target: Table, existing: Existing) -> bool:
    """Whether the target has no row."""
    where = existing.every() or "true"
    return not jobs.asked(f"SELECT 1 FROM {target.sql} WHERE {where} LIMIT 1")


def previous_rows(jobs: Jobs, target: Table, load_id: str) -> int | None:
    """How many rows the load before this one published; None when there was none."""
    if not is_there(jobs.api, target):
        return None
    found = jobs.asked(
        f"SELECT `rows` FROM {target.beside(NAME).sql} WHERE table_name = {literal(target.name)}"
        f" AND load_id <> {literal(load_id)} AND mode <> {_GONE}"
        " ORDER BY published_at DESC LIMIT 1"
    )
    return int(found[0][0]) if found else None


def digests(jobs: Jobs, target: Table) -> list[str]:
    """What loads into an external table of this name have noted: the names of its files."""
    found = jobs.asked(
        f"SELECT DISTINCT digest FROM {target.beside(NAME).sql}"
        f" WHERE table_name = {literal(target.name)} AND made_at = 0"
    )
    return [name for (name,) in found]


def forget(jobs: Jobs, target: Table) -> None:
    """The table is gone, with all that was loaded into it."""
    if is_there(jobs.api, target):
        where = f"table_name = {literal(target.name)}"
        jobs.query(f"DELETE FROM {target.beside(NAME).sql} WHERE {where}")


def replaced(target: Table) -> str:
    """The SQL that notes which loads are replaced: those that the transaction sees, no other.

    A moment would not tell: rows that another adds meanwhile stay, whichever began first.
    """
    return _gone(target, "")


def made_anew(target: Table, existing: Existing) -> str:
    """The SQL that notes, of a table without a row, that it has none of those of its name."""
    return _gone(target, f" AND made_at <> {existing.made_at}")


def _gone(target: Table, which: str) -> str:
    kept = [name for name in _COLUMNS if name != _CHECKS]
    names = ", ".join(f"`{name}`" for name in kept)
    chosen = ", ".join(_GONE if name == "mode" else f"`{name}`" for name in kept)
    ledger = target.beside(NAME).sql
    return f"INSERT INTO {ledger} ({names}) SELECT {chosen} {standing(target)}{which}"


def record(
    target: Table,
    existing: Existing,
    load_id: str,
    mode: str,
    rows: int,
    digest: str,
    checks: str | None,
) -> str:
    """The SQL that notes a load; `checks` as `to_keep` has it."""
    kept = [name for name in _COLUMNS if name != _CHECKS or checks is not None]
    names = ", ".join(f"`{name}`" for name in kept)
    texts = [literal(text) for text in (target.name, load_id, mode)]
    given = [*texts, str(rows), "CURRENT_TIMESTAMP()", str(existing.made_at)]
    given += [literal(text) for text in (digest, checks) if text is not None]
    return f"INSERT INTO {target.beside(NAME).sql} ({names}) VALUES ({', '.join(given)})"
