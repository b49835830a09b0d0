"""What was published, kept beside the tables and written in the same transaction.

Only so is a repeated `append` known for certain: after a kill at the very moment of a commit,
nobody but the database can tell whether the rows are in. A mark on the stage or in Airflow would
be written before or after the commit, and be wrong when the process ends in between; a column
with the load's id in the target itself would change what people asked for.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from factory.transfer.errors import TransferError
from factory.transfer.postgres.pages import NODES
from factory.transfer.postgres.table import Connection, Table, lock

log = logging.getLogger(__name__)

NAME = "_factory_loads"
_CHECKS = "checks"
COLUMNS = {
    "table_name": "text",
    "load_id": "text",
    "mode": "text NOT NULL",
    "rows": "bigint NOT NULL",
    "published_at": "timestamptz NOT NULL DEFAULT now()",
    "previous_rows": "bigint",  # of the load before, also when this one is repeated
    "table_oid": "oid",  # a table that is made anew has another one; 0: the rows may be gone
    "file_nodes": "bigint[]",  # its files that had pages, see `pages`
    "gone_oid": "oid",  # a table of this name that the rows are not in for certain
    "row_xmin": "bigint",  # the transaction that wrote the rows
    "digest": "text",  # of the values, where the rows are added once
    _CHECKS: "text",  # what they found
}


@dataclass(frozen=True)
class Entry:
    """A load that was published. What an older ledger did not say is None."""

    table: Table  # as it was called then
    rows: int
    published_at: datetime
    oid: int | None  # of the table that the rows went to
    nodes: frozenset[int] | None  # the table's files
    xmin: int | None
    digest: str | None
    checks: str | None

    @property
    def when(self) -> str:
        """For people."""
        return f"{self.published_at:%Y-%m-%d %H:%M:%SZ}"


def _ledger(target: Table) -> sql.Identifier:
    return sql.Identifier(target.schema, NAME)


def _columns(connection: Connection, target: Table) -> set[str]:
    rows = connection.execute(
        "SELECT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped",
        (target.schema, NAME),
    )
    return {name for (name,) in rows}


def find(connection: Connection, target: Table, oid: int, load_id: str) -> Entry | None:
    """Look up whether this load was published; also into a table of another name, or schema.

    A table that is renamed, or moved, is the same, and its rows are there.
    """
    said = sql.SQL(  # by way of JSON, for a ledger of an older shape
        "SELECT {} AS schema, table_name, rows, published_at, to_jsonb(l) AS said FROM {} l"
        " WHERE load_id = %(load_id)s"
        " AND (({} AND table_name = %(name)s) OR (to_jsonb(l) ->> 'table_oid')::bigint = %(oid)s)"
        " AND (to_jsonb(l) ->> 'gone_oid')::bigint IS DISTINCT FROM %(oid)s"
    )
    ledgers = [
        said.format(sql.Literal(schema), sql.Identifier(schema, NAME), schema == target.schema)
        for schema in schemas(connection)
    ]
    if not ledgers:
        return None
    query = sql.SQL(
        "SELECT schema, table_name, rows, published_at, (said ->> 'table_oid')::bigint,"
        " said -> 'file_nodes', (said ->> 'row_xmin')::bigint, said ->> 'digest',"
        " said ->> 'checks' FROM ({}) l"
        " ORDER BY (said ->> 'table_oid')::bigint = %(oid)s DESC NULLS LAST LIMIT 1"
    ).format(sql.SQL(" UNION ALL ").join(ledgers))
    given = {"load_id": load_id, "name": target.name, "oid": oid}
    row = connection.execute(query, given).fetchone()
    if row is None:
        return None
    schema, name, rows, published_at, old, nodes, xmin, digest, checks = row
    told = None if nodes is None else frozenset(nodes)
    return Entry(Table(schema, name), rows, published_at, old, told, xmin, digest, checks)


def schemas(connection: Connection, table: str = NAME) -> list[str]:
    """Where there is a ledger, or another table of ours, that may be read."""
    rows = connection.execute(
        "SELECT nspname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE relname = %s AND relkind = 'r' AND has_schema_privilege(n.oid, 'USAGE')"
        " AND has_table_privilege(c.oid, 'SELECT')",
        (table,),
    )
    return [name for (name,) in rows]


def previous_rows(connection: Connection, target: Table, load_id: str) -> int | None:
    """How many rows the load before this one published; None when there was none."""
    if not _columns(connection, target):
        return None
    query = sql.SQL(  # by way of JSON, for a ledger of an older shape
        "SELECT CASE WHEN load_id = %s THEN (to_jsonb(l) ->> 'previous_rows')::bigint ELSE rows END"
        " FROM {} l WHERE table_name = %s ORDER BY load_id = %s DESC, published_at DESC LIMIT 1"
    )
    row = connection.execute(
        query.format(_ledger(target)), (load_id, target.name, load_id)
    ).fetchone()
    return None if row is None else row[0]


def ensure(connection: Connection, target: Table) -> None:
    """Make the ledger of the target's schema when it is missing, or older."""
    lacking = set(COLUMNS) - _columns(connection, target)
    if lacking and (lacking != {_CHECKS} or _is_owner(connection, target)):
        _make(connection, target)
    elif not _keeps_checks(connection, target):
        add, grant = f"ADD COLUMN {_CHECKS} text", f"INSERT ({_CHECKS}), UPDATE ({_CHECKS})"
        log.info(
            "%s keeps nothing of what the checks found: the role lacks a right. For its owner: %s",
            name(target),
            f"ALTER TABLE {name(target)} {add}" if lacking else f"GRANT {grant} ON {name(target)}",
        )


def _keeps_checks(connection: Connection, target: Table) -> bool:
    """Whether the role may note there what checks found."""
    may = "has_column_privilege(c.oid, a.attnum, 'INSERT')"
    may += " AND has_column_privilege(c.oid, a.attnum, 'UPDATE')"
    return _is_true(connection, target, f"a.attname = '{_CHECKS}' AND {may}")


def _is_owner(connection: Connection, target: Table) -> bool:
    return _is_true(connection, target, "pg_has_role(c.relowner, 'USAGE')")


def _is_true(connection: Connection, target: Table, what: str) -> bool:
    """Whether it is, of one of the ledger's columns."""
    query = (
        "SELECT 1 FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        f" WHERE n.nspname = %s AND c.relname = %s AND NOT a.attisdropped AND {what} LIMIT 1"
    )
    return connection.execute(query, (target.schema, NAME)).fetchone() is not None  # type: ignore[arg-type,unused-ignore]


def _make(connection: Connection, target: Table) -> None:
    # By itself, not in the publish: who waits for readers there must hold up no other table.
    with connection.transaction():
        # Two first loads of a schema at once: CREATE … IF NOT EXISTS alone may still collide.
        lock(connection, f"factory ledger {target.schema}")
        fields = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        create = "CREATE TABLE IF NOT EXISTS {} (" + fields + ", PRIMARY KEY (table_name, load_id))"
        connection.execute(sql.SQL(create).format(_ledger(target)))  # type: ignore[arg-type,unused-ignore]
        for name in set(COLUMNS) - _columns(connection, target):
            add = sql.SQL("ALTER TABLE {} ADD COLUMN IF NOT EXISTS {} {}")
            connection.execute(
                add.format(_ledger(target), sql.Identifier(name), sql.SQL(COLUMNS[name]))
            )


def forget(connection: Connection, target: Table) -> None:
    """The table's earlier rows are gone, so its earlier loads may be repeated."""
    query = sql.SQL("DELETE FROM {} WHERE table_name = %s").format(_ledger(target))
    connection.execute(query, (target.name,))


_ELSEWHERE = (  # (Files of a partition that is detached may come back with it.)
    "table_name = %(name)s AND NOT coalesce(file_nodes && %(nodes)s::bigint[], false)"
    " AND NOT (table_oid IS NOT DISTINCT FROM %(oid)s::oid AND file_nodes IS NOT NULL"
    " AND EXISTS (SELECT FROM pg_class WHERE relfilenode <> 0 AND relfilenode = ANY (file_nodes)))"
)


def set_aside(connection: Connection, target: Table, oid: int, nodes: Collection[int]) -> None:
    """Of the loads whose rows went to none of these files, none are in the table of this oid.

    They stay in the ledger: the table that has them may come back under its name.
    """
    query = sql.SQL("UPDATE {} SET gone_oid = %(oid)s WHERE " + _ELSEWHERE)
    given = {"name": target.name, "oid": oid, "nodes": list(nodes)}
    connection.execute(query.format(_ledger(target)), given)


def doubt(connection: Connection, target: Table, oid: int, nodes: Collection[int]) -> None:
    """Of the loads whose rows went to none of these files, nobody can tell."""
    query = sql.SQL("UPDATE {} SET table_oid = 0 WHERE rows > 0 AND " + _ELSEWHERE)
    given = {"name": target.name, "oid": oid, "nodes": list(nodes)}
    connection.execute(query.format(_ledger(target)), given)


def kept_elsewhere(connection: Connection, nodes: Collection[int]) -> str | None:
    """The table that has one of these files now; None: they are gone."""
    row = connection.execute(
        "SELECT oid::regclass::text FROM pg_class WHERE relfilenode <> 0"
        " AND relfilenode = ANY (%s::bigint[]) LIMIT 1",
        (list(nodes),),
    ).fetchone()
    return None if row is None else row[0]


def record(
    connection: Connection,
    target: Table,
    load_id: str,
    mode: str,
    rows: int,
    previous: int | None,
    digest: str | None,
    checks: str,
    xmin: int | None = None,
) -> None:
    """Note a published load; `xmin`: its rows are of another transaction than this one.

    By the clock: `now()` is from before the wait for a lock. Raises `TransferError`.
    """
    keeps = _keeps_checks(connection, target)
    query = sql.SQL(
        "INSERT INTO {} (table_name, load_id, mode, rows, published_at, previous_rows, digest,"
        f" {'checks, ' if keeps else ''}row_xmin, table_oid, file_nodes)"
        f" SELECT %s, %s, %s, %s, clock_timestamp(), %s, %s, {'%s, ' if keeps else ''}"
        " coalesce(%s, txid_current() %% 4294967296), t.oid, "
        + NODES.replace("%s::oid", "t.oid")
        + " FROM (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname = %s) t"
        " ON CONFLICT (table_name, load_id) DO UPDATE SET mode = excluded.mode,"
        " rows = excluded.rows, published_at = excluded.published_at,"
        " previous_rows = excluded.previous_rows, digest = excluded.digest,"
        f"{' checks = excluded.checks,' if keeps else ''}"
        " row_xmin = excluded.row_xmin, gone_oid = NULL,"
        " table_oid = excluded.table_oid, file_nodes = excluded.file_nodes"
    )
    found = (checks,) if keeps else ()
    values = (target.name, load_id, mode, rows, previous, digest, *found, xmin)
    cursor = connection.execute(
        query.format(_ledger(target)), (*values, target.schema, target.name)
    )
    if cursor.rowcount != 1:
        raise TransferError(
            f"{name(target)} did not take the row of this load: it would not be known again",
            "Drop its triggers and rules",
        )


def name(target: Table) -> str:
    """What the ledger is called, as SQL has it."""
    return _ledger(target).as_string()
