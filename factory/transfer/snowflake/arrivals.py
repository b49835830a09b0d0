"""Which files are in a table, kept beside the ledger and written in the same transaction.

A file is in as long as the load that brought it in is: what the ledger says of loads of a table
that was replaced, or made anew, or that a person forgets, holds for their files, too. Notes are
only added: to change one would let others wait, who publish into other tables of the schema.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from factory.transfer.errors import TransferError
from factory.transfer.snowflake import ledger
from factory.transfer.snowflake import table as tables
from factory.transfer.snowflake.names import OURS, Table, literal, quoted
from factory.transfer.snowflake.session import Connection, ask
from factory.transfer.snowflake.table import Existing
from factory.transfer.warehouse.arrivals import (
    Arrival,
    Arrivals,
    Known,
    by_step,
    refuse_taken,
    some_names,
)

NAME = f"{OURS}FILES"
_COLUMNS = (
    "TABLE_NAME VARCHAR, STEP VARCHAR, URI VARCHAR, SIZE NUMBER(38,0), VERSION VARCHAR,"
    " LOAD_ID VARCHAR, NOTED_AT TIMESTAMP_TZ(6)"
)
_AT_ONCE = 500  # files of one statement


def ensure(connection: Connection, target: Table) -> None:
    """Make the table of files of the target's schema when it is missing."""
    ask(connection, f"CREATE TABLE IF NOT EXISTS {quoted(target.beside(NAME))} ({_COLUMNS})")


def forget(connection: Connection, target: Table) -> None:
    """The table is to go, with all that was loaded into it."""
    if tables.described(connection, target.beside(NAME)):
        ask(connection, f"DELETE FROM {_noted(target)}")


def files_in(connection: Connection, target: Table) -> Mapping[str, Mapping[str, Known]]:
    """Step → address → what is in. Raises `TransferError` when nobody can tell."""
    existing = tables.existing(connection, target, ())
    if existing is None or not tables.described(connection, target.beside(NAME)):
        return {}
    _refuse_doubt(connection, target, existing)
    return _in(connection, target, existing)


def _in(
    connection: Connection, target: Table, existing: Existing
) -> Mapping[str, Mapping[str, Known]]:
    # the last note of a load says what it has brought in
    rows = ask(
        connection,
        f"SELECT STEP, URI, VERSION, LOAD_ID FROM {_noted(target)}"
        f" AND LOAD_ID IN ({_loads(target, '=', existing)})"
        " QUALIFY NOTED_AT = MAX(NOTED_AT) OVER (PARTITION BY STEP, LOAD_ID) ORDER BY NOTED_AT",
    )
    return by_step(rows)


def _refuse_doubt(connection: Connection, target: Table, existing: Existing) -> None:
    """A table that was made anew has lost its files, if it began without a row."""
    others, own = (_loads(target, how, existing) for how in ("<>", "="))
    which = f"LOAD_ID IN ({others}) AND LOAD_ID NOT IN ({own})"
    query = f"SELECT DISTINCT LOAD_ID FROM {_noted(target)} AND {which}"
    lost = [name for (name,) in ask(connection, query)]
    if not lost or ledger.was_empty(connection, target, existing.made):
        return
    if ask(connection, f"SELECT 1 FROM {quoted(target)} LIMIT 1"):
        named = ", ".join(map(literal, lost))
        raise TransferError(
            f"{target} got files by {some_names(lost)}, but was made anew since, and has rows: are "
            "they among them?",
            f"To load them again: DELETE FROM {_noted(target)} AND LOAD_ID IN ({named})",
        )


def _noted(target: Table) -> str:
    """What follows a FROM: the files of the target."""
    return f"{quoted(target.beside(NAME))} WHERE TABLE_NAME = {literal(target.name)}"


def _loads(target: Table, how: str, existing: Existing) -> str:
    """Those into the table as it is made now (`=`), or of before (`<>`)."""
    made = f"TABLE_MADE {how} {literal(existing.made)}"
    return f"SELECT LOAD_ID FROM {ledger.loads_of(target)} AND {made}"


def record(connection: Connection, target: Table, load_id: str, given: Arrivals) -> None:
    """Note the files of a load, in its transaction.

    Raises `TransferError`: another run has brought one in since they were chosen.
    """
    existing = tables.existing(connection, target, ())
    assert existing is not None
    refuse_taken(_in(connection, target, existing).get(given.step, {}), given, load_id)
    ((now,),) = ask(connection, "SELECT CURRENT_TIMESTAMP()::VARCHAR")
    files = quoted(target.beside(NAME))
    whose = f"{literal(target.name)}, {literal(given.step)}"
    noted = f"{literal(load_id)}, {literal(str(now))}::TIMESTAMP_TZ"
    for some in _some(given.files):
        values = ", ".join(f"({literal(f.uri)}, {f.size}, {literal(f.version)})" for f in some)
        ask(
            connection,
            f"INSERT INTO {files} SELECT {whose}, V.URI, V.SIZE, V.VERSION, {noted}"
            f" FROM (VALUES {values}) AS V(URI, SIZE, VERSION)",
        )


def _some(files: Sequence[Arrival]) -> Iterator[list[Arrival]]:
    left = iter(files)
    while some := list(itertools.islice(left, _AT_ONCE)):
        yield some
