"""Which files are in a table, kept beside the ledger.

A file is in as long as the load that brought it in is: what the ledger says of loads of a table
that was replaced, or made anew, or that a person forgets, holds for their files, too. Notes are
written in the rows' transaction; of a table that comes in by its name (RENAME TABLE commits by
itself) just before it, and count once its load does: by the table's comment, then by the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from factory.transfer.errors import TransferError
from factory.transfer.mysql import ledger
from factory.transfer.mysql import table as tables
from factory.transfer.mysql.session import Connection, ask
from factory.transfer.mysql.writing import run, value
from factory.transfer.warehouse.arrivals import (
    Arrival,
    Arrivals,
    Known,
    by_step,
    refuse_taken,
    some_names,
)
from factory.transfer.warehouse.parts import Table

NAME = "_factory_files"
_COLUMNS = (
    "`id` bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, `table_name` varchar(64) NOT NULL,"
    " `step` varchar(600) NOT NULL, `uri` longtext NOT NULL, `size` bigint NOT NULL,"
    " `version` longtext NOT NULL, `load_id` varchar(600) NOT NULL,"
    " `noting` int NOT NULL, INDEX (`table_name`, `load_id`(100))"
)
_STATEMENT = 1 << 18  # characters of an INSERT


def of(target: Table) -> Table:
    """The table of files of the target's database."""
    return Table(target.schema, NAME)


def ensure(connection: Connection, target: Table) -> None:
    """Make it when it is missing."""
    tables.ensure(connection, of(target), _COLUMNS)


def files_in(connection: Connection, target: Table) -> Mapping[str, Mapping[str, Known]]:
    """Step → address → what is in. Raises `TransferError` when nobody can tell."""
    existing = tables.existing(connection, target)
    if existing is None or not tables.is_there(connection, of(target)):
        return {}
    if said := tables.mark_of(existing.comment):  # it came in, and its load is not noted yet
        return _in(connection, target, value(said["load_id"]))
    if not ledger.is_there(connection, target):
        return {}
    if not tables.is_empty(connection, target):
        return _noted(connection, target)
    _refuse_doubt(connection, target, existing.made)
    return _noted(connection, target, f" AND {_same(existing.made)}")


def _same(made: datetime | None) -> str:
    return f"`table_made` <=> {value(made)}"


def _refuse_doubt(connection: Connection, target: Table, made: datetime | None) -> None:
    """Of an empty table nobody can tell, unless it is another than the one that had the rows."""
    query = f"SELECT DISTINCT `load_id` FROM {tables.sql(of(target))} WHERE {_whose(target)}"
    its = f"{_loads(target)} AND `rows` > 0 AND {_same(made)}"
    if lost := [name for (name,) in ask(connection, f"{query} AND `load_id` IN ({its})")]:
        raise TransferError(
            f"{target} got files by {some_names(lost)}, and is empty: by TRUNCATE, or were the "
            "rows deleted one by one?",
            f"To load them again: DELETE FROM {tables.sql(ledger.of(target))}"
            f" WHERE {_whose(target)}",
        )


def _noted(
    connection: Connection, target: Table, which: str = ""
) -> Mapping[str, Mapping[str, Known]]:
    return _in(connection, target, _loads(target) + which)


def _in(connection: Connection, target: Table, loads: str) -> Mapping[str, Mapping[str, Known]]:
    """The files of these loads: what was noted last of a load is what it has brought in."""
    files, whose = tables.sql(of(target)), f"{_whose(target)} AND `load_id` IN ({loads})"
    last = "SELECT `step`, `load_id`, max(`noting`) AS `noting`"
    rows = ask(
        connection,
        f"SELECT `step`, `uri`, `version`, `load_id` FROM {files}"
        f" JOIN ({last} FROM {files} WHERE {whose} GROUP BY 1, 2) AS `last`"
        f" USING (`step`, `load_id`, `noting`) WHERE {_whose(target)} ORDER BY `id`",
    )
    return by_step(rows)


def _whose(target: Table) -> str:
    return f"`table_name` = {value(target.name)}"


def _loads(target: Table) -> str:
    return f"SELECT `load_id` FROM {tables.sql(ledger.of(target))} WHERE {_whose(target)}"


def record(
    connection: Connection, target: Table, load_id: str, given: Arrivals, *, first: bool = False
) -> None:
    """Note the files of a load, in its transaction; `first`: all rows of before are to go.

    Raises `TransferError`: another run has brought one in since they were chosen.
    """
    if not first:
        refuse_taken(_noted(connection, target).get(given.step, {}), given, load_id)
    files = tables.sql(of(target))
    mine = f"`step` = {value(given.step)} AND `load_id` = {value(load_id)}"
    query = f"SELECT coalesce(max(`noting`), 0) + 1 FROM {files} WHERE {_whose(target)} AND {mine}"
    ((noting,),) = ask(connection, query)
    names = tables.names(["table_name", "step", "uri", "size", "version", "load_id", "noting"])
    before = f"{value(target.name)}, {value(given.step)}"
    after = f"{value(load_id)}, {noting}"
    for rows in _some(given.files, before, after):
        run(connection, f"INSERT INTO {files} ({names}) VALUES {rows}")


def _some(files: Sequence[Arrival], before: str, after: str) -> Iterator[str]:
    rows, size = [], 0
    for file in files:
        row = f"({before}, {value(file.uri)}, {file.size}, {value(file.version)}, {after})"
        rows.append(row)
        size += len(row)
        if size > _STATEMENT:
            yield ", ".join(rows)
            rows, size = [], 0
    if rows:
        yield ", ".join(rows)


def forget(connection: Connection, target: Table, but: str = "") -> None:
    """The table's earlier rows are gone, so its earlier loads may be repeated; not `but` this."""
    ledger.forget(connection, target)
    if tables.is_there(connection, of(target)):
        others = f"{_whose(target)} AND `load_id` <> {value(but)}"
        tables.delete(connection, of(target), others)
