"""The staging table: held, filled, and gone at the end, however that comes."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress

import pyarrow as pa
import pymysql

from factory.transfer.ahead import ahead
from factory.transfer.errors import BadRow, TransferError
from factory.transfer.mysql import lines, writing
from factory.transfer.mysql import table as tables
from factory.transfer.mysql.kinds import BYTES, parts_of
from factory.transfer.mysql.modes import Staged
from factory.transfer.mysql.session import Address, Connection, ask, name
from factory.transfer.mysql.types import wire_of
from factory.transfer.mysql.writing import run
from factory.transfer.progress import Progress
from factory.transfer.warehouse.parquet import Files
from factory.transfer.warehouse.parts import Column, Limits, Table, staging_prefix

log = logging.getLogger(__name__)

_OURS = re.compile(r"_factory_[0-9a-f]{8}_[0-9a-f]{16}(_old)?")
_OFF = (" (local_infile is off)", ". SET GLOBAL local_infile = ON")
_STATEMENT = 1 << 20  # bytes of an INSERT


@contextmanager
def staging(
    address: Address, connection: Connection, target: Table, staged: Staged, limits: Limits
) -> Iterator[None]:
    """Make the staging table, and drop it at the end."""
    # Held until the connection ends: an attempt that is thought dead but is not, waits or is
    # waited for; and a staging table that nobody holds is known to be left over.
    with writing.locked(connection, _holding(staged.table), limits.lock):
        sweep(connection, target, staged.table)
        create(connection, staged)
        try:
            yield
        finally:
            _drop(address, connection, staged.table)


def _holding(staged: Table) -> str:
    return f"staging {staged}"


def old(staged: Table) -> Table:
    """What a target is called whose place was taken, until it is dropped."""
    return Table(staged.schema, f"{staged.name}_old")


def create(connection: Connection, staged: Staged) -> None:
    """Make the staging table."""
    mark = tables.marked({}) or ""
    if staged.like is not None:
        run(connection, f"CREATE TABLE {tables.sql(staged.table)} LIKE {tables.sql(staged.like)}")
        tables.set_comment(connection, staged.table, mark)
        return
    number = [Column(staged.number, "bigint", pa.int64())] if staged.number else []
    key = [f"PRIMARY KEY ({tables.names(number)})"] if number else []
    columns = [*staged.columns, *number]
    tables.create(connection, staged.table, columns, texts=staged.texts, comment=mark, more=key)


def sweep(connection: Connection, target: Table, own: Table | None = None) -> None:
    """Drop the staging tables that killed loads of this target left, and what one of them had
    moved out of the way; a table of such a name with rows and without our mark is a person's.

    `own` is that of this load, which holds it already.
    """
    prefix = staging_prefix(target).replace("_", r"\_")
    rows = ask(
        connection,
        "SELECT TABLE_NAME, TABLE_COMMENT FROM information_schema.TABLES"
        f" WHERE TABLE_SCHEMA = {writing.value(target.schema)}"
        f" AND TABLE_NAME LIKE {writing.value(prefix + '%')}",
    )
    for found, comment in rows:
        left = Table(target.schema, found)
        if not _is_ours(connection, left, comment):
            continue
        base = Table(target.schema, found.removesuffix("_old"))
        if base == own or writing.is_free(connection, _holding(base)):
            tables.drop(connection, left)


def _is_ours(connection: Connection, left: Table, comment: str) -> bool:
    """By its mark; one that was not marked yet, as a copy of another, has no row."""
    match = _OURS.fullmatch(left.name)
    if match is None:
        return False
    marked = bool(match[1]) or tables.mark_of(comment) is not None
    return marked or tables.is_empty(connection, left)


def _drop(address: Address, connection: Connection, table: Table) -> None:
    """Drop the staging table, if need be by a new connection; what stays, the next load drops."""
    try:
        tables.drop(connection, table)
    except (pymysql.Error, OSError):
        with suppress(pymysql.Error, OSError), writing.opened(address, Limits(5.0, 60.0)) as other:
            tables.drop(other, table)


def copy(connection: Connection, target: Table, staged: Staged, files: Files) -> float:
    """Fill the staging table; the seconds that it took."""
    started = time.monotonic()
    progress = Progress("copying", rows=staged.rows)
    wire = wire_of(staged.given, staged.filled if staged.like else ())

    def batches() -> Generator[pa.RecordBatch, None, None]:
        for batch in files.batches(staged.given, wire, staged.number):
            yield batch
            progress.add(rows=batch.num_rows, bytes=batch.nbytes)

    with progress:
        takes = ask(connection, "SELECT @@local_infile") == [(1,)]
        if not takes or not _loaded(connection, target, staged, files, batches()):
            log.warning(
                "the server, or what stands before it, takes no LOAD DATA LOCAL%s: rows are "
                "inserted some hundred at a time, which takes several times as long%s",
                *(("", "") if takes else _OFF),
            )
            _insert(connection, target, staged, files, batches())
    return time.monotonic() - started


def _loaded(
    connection: Connection,
    target: Table,
    staged: Staged,
    files: Files,
    batches: Generator[pa.RecordBatch, None, None],
) -> bool:
    """By one LOAD DATA LOCAL; false: it is refused, as by a proxy where the server would not."""
    columns = _sent(staged)
    taken = ", ".join(
        f"@v{n}" if _turn(each) else name(each.name) for n, each in enumerate(columns)
    )
    turns = ", ".join(
        f"{name(each.name)} = {_turn(each).format(f'@v{n}')}"
        for n, each in enumerate(columns)
        if _turn(each)
    )
    statement = f"LOAD DATA LOCAL INFILE 'rows' INTO TABLE {tables.sql(staged.table)}"
    statement += f" {lines.FORMAT} ({taken})" + (f" SET {turns}" if turns else "")
    try:
        with closing(ahead(_chunks(batches))) as chunks:
            _, warned = writing.send(connection, statement, chunks)
    except writing.NoLocal as refused:
        log.info("LOAD DATA LOCAL is refused: %s", refused)
        return False
    if warned:
        _refuse(connection, target, staged, files, 0)
    return True


def _chunks(batches: Generator[pa.RecordBatch, None, None]) -> Generator[memoryview, None, None]:
    with closing(batches):
        for batch in batches:
            yield from lines.lines(batch)


class Unsuited(BadRow):
    """A key, or a check, of the table forbids a row; `code` is the server's, which told no row."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def _sent(staged: Staged) -> list[Column]:
    number = [Column(staged.number, "bigint", pa.int64())] if staged.number else []
    return [*staged.given, *number]


def _turn(column: Column) -> str:
    """What the server makes of a field, where it is not the value itself."""
    word = parts_of(column.type)[0]
    if word in BYTES:
        return "UNHEX({})"
    return "CAST({} AS UNSIGNED)" if word == "bit" else ""


def _insert(
    connection: Connection,
    target: Table,
    staged: Staged,
    files: Files,
    batches: Generator[pa.RecordBatch, None, None],
) -> None:
    own = tables.names([each.name for each in _sent(staged)])
    before, done = f"INSERT INTO {tables.sql(staged.table)} ({own}) VALUES ", 0
    ((packet,),) = ask(connection, "SELECT @@max_allowed_packet")
    with closing(ahead(_tuples(batches, min(_STATEMENT, packet // 2)))) as tuples:
        for rows, values in tuples:
            try:
                run(connection, before + values)
            except (pymysql.DataError, pymysql.IntegrityError, pymysql.OperationalError) as error:
                if found := _value_of(error.args):
                    raise _bad(target, staged, files, done, *found) from None
                raise
            if connection._result.warning_count:  # type: ignore[attr-defined]
                _refuse(connection, target, staged, files, done)
            done += rows


def _tuples(
    batches: Generator[pa.RecordBatch, None, None], most: int
) -> Generator[tuple[int, str], None, None]:
    with closing(batches):
        for batch in batches:
            yield from lines.tuples(batch, most)


def _refuse(
    connection: Connection, target: Table, staged: Staged, files: Files, before: int
) -> None:
    """Raise `BadRow`: the server has changed a value, or left a row out, and warns of it."""
    warnings = ask(connection, "SHOW WARNINGS")
    found = next((each for _, *told in warnings if (each := _value_of(told))), None)
    if found is not None:
        raise _bad(target, staged, files, before, *found)
    said = writing.without_values(str(warnings[0][2])) if warnings else "it changed values"
    raise TransferError(f"{target}: MySQL warned: {said}")


_WHY = {
    1048: "it is null, and the column takes none",
    1062: "a key of the table has that value already",
    1263: "it is null, and the column takes none",
    1264: "it is out of range",
    1265: "it would be cut",
    1292: "it is none of the type, or out of range",
    1366: "the column's character set, or its type, has no such value",
    1406: "it is too long",
    3140: "it is no JSON",
    3819: "a check of the table refuses it",
    4025: "a check of the table refuses it",
}
_WITHOUT_ROW = (1062, 3140, 3819, 4025)


def _value_of(told: object) -> tuple[int, str, int] | None:
    """What is wrong with a value, its column, and its row in the statement, if that is told."""
    if not isinstance(told, (list, tuple)) or len(told) < 2:
        return None
    code, said = int(told[0]), str(told[1])
    row = re.search(r"at row (\d+)$", said)
    column = re.search(r"column '(.*?)' at row|column (?:`[^`]*`\.)*`([^`]*)` at row", said)
    if code not in _WHY or (row is None and code not in _WITHOUT_ROW):
        return None
    found = (column[1] or column[2]) if column else ""
    return (
        code,
        found.rpartition(".")[2] if column and column[2] else found,
        int(row[1]) if row else 0,
    )


def _bad(
    target: Table, staged: Staged, files: Files, before: int, code: int, column: str, row: int
) -> BadRow:
    place = f"{files.place(before + row)}: " if row else ""
    kind = next((each.type for each in staged.columns if each.name == column), "")
    whose = f"the column {column!r} of {target}, {kind}," if column else str(target)
    said = f"{place}{whose} does not take the value: {_WHY[code]}"
    return BadRow(said) if row else Unsuited(said, code)
