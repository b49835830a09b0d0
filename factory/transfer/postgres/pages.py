"""What the files of a table tell of rows that were in it once."""

from dataclasses import dataclass

from psycopg import sql

from factory.transfer.postgres.table import TREE, Connection, Existing, Table, is_empty

NODES = (
    f"ARRAY(SELECT pg_relation_filenode(oid)::bigint FROM {TREE} tables"
    " WHERE pg_relation_size(oid) > 0 ORDER BY 1)"
)
"""The files that have pages, of a table and all below it."""


@dataclass(frozen=True)
class Pages:
    """The files of a table, and of all below it."""

    nodes: frozenset[int]  # TRUNCATE gives a new one, DELETE and VACUUM leave it
    none: bool  # is there no page, as after TRUNCATE, or after DELETE and VACUUM?
    fresh: bool  # has no VACUUM or ANALYZE counted rows since each was made, or emptied?


def look(connection: Connection, existing: Existing) -> Pages:
    """Ask the catalog; the rows themselves are not read."""
    rows = connection.execute(
        "SELECT pg_relation_filenode(oid)::bigint, pg_relation_size(oid), reltuples"
        f" FROM pg_class WHERE oid IN {TREE} AND pg_relation_filenode(oid) IS NOT NULL",
        (existing.oid,),
    ).fetchall()
    return Pages(
        frozenset(node for node, _, _ in rows),
        none=not any(size for _, size, _ in rows),
        fresh=all(counted == -1 for _, _, counted in rows),
    )


def may_read(connection: Connection, existing: Existing) -> bool:
    """Has the role the right to look at the rows?"""
    query = "SELECT has_table_privilege(%s::oid, 'SELECT')"
    return connection.execute(query, (existing.oid,)).fetchone() == (True,)


def emptied(connection: Connection, target: Table, existing: Existing, seen: Pages) -> bool:
    """Is there neither a row nor a page, as after TRUNCATE?

    So it is, too, where somebody deletes what he has seen to, and VACUUM gives back the room: then
    the files are the same. Some tables have no pages at all, and rows all the same; who may not
    look, can't be certain.
    """
    return seen.none and may_read(connection, existing) and is_empty(connection, target)


def written_by(connection: Connection, table: Table) -> int | None:
    """The transaction that wrote a row of the table; None: there is none."""
    query = sql.SQL("SELECT xmin::text::bigint FROM {} LIMIT 1").format(table.identifier)
    row = connection.execute(query).fetchone()
    return None if row is None else row[0]


def rows_of(connection: Connection, table: Table, existing: Existing, xmin: int) -> int:
    """How many rows the transaction `xmin` may have written: they are as it left them.

    VACUUM FULL and CLUSTER leave a row its transaction. ALTER TABLE, where it writes all rows
    anew, gives them its own, as it gives to a column (but not to those that every table has).
    """
    changed = (
        "SELECT a.xmin::text FROM pg_attribute a JOIN pg_attribute made USING (attrelid)"
        " WHERE made.attnum = -1 AND a.xmin::text <> made.xmin::text AND attrelid IN " + TREE
    )
    query = sql.SQL(
        "SELECT count(*) FROM {} WHERE xmin::text = %s::text OR xmin::text IN (" + changed + ")"
    )
    row = connection.execute(query.format(table.identifier), (xmin, existing.oid)).fetchone()
    assert row is not None
    return int(row[0])
