"""Which row of a load a key, a check or a foreign key of the table forbids.

The server says that there is one, not which. So, once it has refused, the rows are copied anew,
numbered and without keys, and looked at.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import pymysql

from factory.transfer.errors import BadRow, TransferError
from factory.transfer.mysql import staging
from factory.transfer.mysql import table as tables
from factory.transfer.mysql.modes import Staged
from factory.transfer.mysql.publish import Job
from factory.transfer.mysql.session import Connection, ask, code_of, name
from factory.transfer.mysql.table import Part
from factory.transfer.warehouse.parquet import Files
from factory.transfer.warehouse.parts import free_name

log = logging.getLogger(__name__)

_CHECKS = (3140, 3819, 4025)  # no JSON; MySQL's, MariaDB's
_REFERS = (1216, 1452)
_SAID = {
    1062: "a key that names one row stands in several",
    3140: "a value is no JSON",
    **dict.fromkeys((3819, 4025), "a check of the table refuses one"),
    **dict.fromkeys(_REFERS, "one refers to a row that is not there"),
}


@contextmanager
def told(connection: Connection, job: Job, staged: Staged, files: Files) -> Iterator[None]:
    """Raises `BadRow`, with its place, where the table forbids a row: none is written then."""
    try:
        yield
    except (pymysql.IntegrityError, pymysql.OperationalError) as error:
        code = code_of(error)
        if code not in _SAID:
            raise
    except staging.Unsuited as unsuited:
        code = unsuited.code
    else:
        return
    with suppress(pymysql.Error):
        connection.rollback()
    raise _error(connection, job, staged, files, int(str(code)))


def _error(connection: Connection, job: Job, staged: Staged, files: Files, code: int) -> BadRow:
    try:
        numbered = _copied_anew(connection, job, staged, files)
        found = next(_LOOKS[code](connection, job, numbered), None)
    except (pymysql.Error, TransferError) as error:
        log.info("which row it is can't be told: %s", error)
        found = None
    if found is None:
        return BadRow(
            f"rows of the load do not suit {job.target}: {_SAID[code]}",
            "Look for them with a check: `unique`, or `sql`",
        )
    other = "" if found.other is None else f" {files.place(found.other + 1)} has, too"
    return BadRow(
        f"{files.place(found.row + 1)}: {job.target} takes no such row: {found.why}{other}"
    )


@dataclass(frozen=True)
class _Found:
    row: int  # the first is 0
    why: str
    other: int | None = None  # of the load: what `why` ends with is of this row


def _copied_anew(connection: Connection, job: Job, staged: Staged, files: Files) -> Staged:
    """The staged rows, numbered, in a table that takes any."""
    number = free_name(staged.columns, "_factory_row")
    numbered = replace(staged, number=number, like=None, filled=())
    tables.drop(connection, staged.table)
    staging.create(connection, numbered)
    staging.copy(connection, job.target, numbered, files)
    job.mode.tidy(connection, numbered)
    return numbered


def _of_keys(connection: Connection, job: Job, staged: Staged) -> Iterator[_Found]:
    there, own, number = tables.sql(job.target), tables.sql(staged.table), name(staged.number or "")
    known = {column.name for column in staged.given}
    existing = tables.existing(connection, job.target)
    for key, parts in _uniques(connection, job).items():
        named = [column for column, _ in parts]
        if not known.issuperset(named):
            continue
        columns, same = ", ".join(named), ", ".join(map(_sql, parts))
        filled = " AND ".join(f"{name(column)} IS NOT NULL" for column in named)
        rows = ask(
            connection,
            f"SELECT min({number}), max({number}) AS `last` FROM {own} WHERE {filled}"
            f" GROUP BY {same} HAVING count(*) > 1 ORDER BY `last` LIMIT 1",
        )
        if rows:
            first, last = rows[0]
            yield _Found(last, f"it has the key {key} ({columns}) that", first)
        if existing is not None and not job.mode.whole:
            joined = " AND ".join(f"{_sql(part, 's.')} = {_sql(part, 't.')}" for part in parts)
            query = f"SELECT min(s.{number}) FROM {own} s JOIN {there} t ON {joined}"
            ((row,),) = ask(connection, f"{query} WHERE {job.mode.stay(staged)}")
            if row is not None:
                yield _Found(row, f"a row that is there has its key {key} ({columns})")


def _uniques(connection: Connection, job: Job) -> Mapping[str, Sequence[Part]]:
    """Of a table that is not there yet, its primary key."""
    own = {"PRIMARY": [(column, None) for column in job.primary_key]}
    return tables.uniques(connection, job.target) or own


def _sql(part: Part, of: str = "") -> str:
    column, most = part
    own = of + name(column)
    return own if most is None else f"LEFT({own}, {most})"


def _of_checks(connection: Connection, job: Job, staged: Staged) -> Iterator[_Found]:
    for check, clause in tables.checks(connection, job.target):
        query = f"SELECT min({name(staged.number or '')}) FROM {tables.sql(staged.table)}"
        with suppress(pymysql.Error):  # it names what the load has not
            ((row,),) = ask(connection, f"{query} WHERE NOT coalesce({clause}, true)")
            if row is not None:
                yield _Found(row, f"the check {check} of the table refuses it")


def _of_references(connection: Connection, job: Job, staged: Staged) -> Iterator[_Found]:
    own, number = tables.sql(staged.table), name(staged.number or "")
    for key, other, pairs in tables.refers(connection, job.target):
        same = " AND ".join(f"s.{name(mine)} = o.{name(theirs)}" for mine, theirs in pairs)
        filled = " AND ".join(f"s.{name(mine)} IS NOT NULL" for mine, _ in pairs)
        query = f"SELECT min(s.{number}) FROM {own} s WHERE {filled} AND NOT EXISTS"
        with suppress(pymysql.Error):
            sought = f"(SELECT 1 FROM {tables.sql(other)} o WHERE {same})"
            ((row,),) = ask(connection, f"{query} {sought}")
            if row is not None:
                columns = ", ".join(mine for mine, _ in pairs)
                yield _Found(row, f"{other} has no row that its {columns} refers to ({key})")


_LOOKS = {
    1062: _of_keys,
    **dict.fromkeys(_CHECKS, _of_checks),
    **dict.fromkeys(_REFERS, _of_references),
}
