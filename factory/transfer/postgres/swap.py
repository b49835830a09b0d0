"""Let the staging table take the place of its target."""

import time
from collections.abc import Sequence

from psycopg import sql

from factory.transfer.postgres import indexes as idx
from factory.transfer.postgres import pages
from factory.transfer.postgres import table as tables
from factory.transfer.postgres.indexes import Index
from factory.transfer.postgres.modes import Staged
from factory.transfer.postgres.table import Connection, Existing, Table


def adopt(connection: Connection, staged: Staged, target: Table, indexes: Sequence[Index]) -> None:
    """Rename the staging table and all that it has; the target is not there."""
    query = sql.SQL("ALTER TABLE {} RENAME TO {}")
    connection.execute(query.format(staged.table.identifier, sql.Identifier(target.name)))
    tables.comment(connection, target, None)  # it was marked as a staging table
    idx.settle(connection, staged.table, target, indexes)


def replace(
    connection: Connection, staged: Staged, target: Table, indexes: Sequence[Index]
) -> None:
    """Drop the target, which `possible` has said to be no loss, and adopt its name."""
    tables.drop(connection, target)
    adopt(connection, staged, target, indexes)


PATIENCE = 5.0
"""Seconds to wait for readers whose snapshot is older than the staged rows."""


def wait_for_older(connection: Connection, staged: Staged, lock_timeout: float) -> None:
    """Wait a little until nobody would find the table empty."""
    deadline = time.monotonic() + min(PATIENCE, lock_timeout or PATIENCE)
    while older(connection, staged) and time.monotonic() < deadline:
        time.sleep(0.05)


def older(connection: Connection, staged: Staged) -> bool:
    """Has somebody a snapshot from before the rows were copied, as with REPEATABLE READ?

    To him a table that takes another's place is empty. (What copies or writes from a staging table
    is another load, and reads no target but its own.)
    """
    xmin = pages.written_by(connection, staged.table)
    if xmin is None:
        return False
    query = (
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        " AND datname = current_database() AND age(backend_xmin) >= age(%s::text::xid)"
        " AND backend_type IS DISTINCT FROM 'autovacuum worker'"
        " AND query !~ '_factory_[0-9a-f]{8}_')"
    )
    return connection.execute(query, (str(xmin),)).fetchone() == (True,)


def told(connection: Connection, schema: str) -> bool:
    """Would a publication of all tables, or of the schema's, tell subscribers of a staging table?

    They know of none, and would stop there.
    """
    query = "SELECT EXISTS (SELECT FROM pg_publication WHERE puballtables)"
    if connection.info.server_version >= 150000:
        query += " OR EXISTS (SELECT FROM pg_publication_namespace JOIN pg_namespace n"
        query += " ON n.oid = pnnspid WHERE nspname = %(schema)s)"
    return connection.execute(query, {"schema": schema}).fetchone() == (True,)


def possible(
    connection: Connection,
    target: Table,
    existing: Existing,
    staged: Staged,
    indexes: Sequence[Index],
) -> bool:
    """Would dropping the target lose nothing but rows?

    True when it is as we would make it: same columns, owner and grants, no index or key that the
    new one does not have, and nothing else that hangs on it (views, other constraints, triggers,
    policies, publications, children, …).
    """
    wanted = [(column.name, column.type) for column in staged.columns]
    if not staged.logged or wanted[: len(existing.columns)] != list(existing.columns.items()):
        return False
    kept = _same_indexes(connection, target, existing, staged, indexes)
    return kept is not None and _alone(connection, existing, staged, kept)


def _same_indexes(
    connection: Connection,
    target: Table,
    existing: Existing,
    staged: Staged,
    indexes: Sequence[Index],
) -> list[int] | None:
    """The oids of the target's indexes, when the staging table has all of them, too."""
    own = {definition for _, _, definition in _indexes(connection, staged.table)}
    lasting = dict(zip(idx.lasting_names(connection, target, indexes), indexes, strict=True))
    found = []
    for oid, name, definition in _indexes(connection, target):
        index = lasting.get(name)
        if index is None or (index.primary, index.columns) != definition[:2]:
            return None
        if definition not in own:
            return None
        found.append(oid)
    return found


def _indexes(
    connection: Connection, table: Table
) -> list[tuple[int, str, tuple[bool, tuple[str, ...], str]]]:
    """Each index: its oid, its name, and whether it is primary, its columns and all the rest."""
    rows = connection.execute(
        """
        SELECT i.indexrelid, c.relname, i.indisprimary,
               ARRAY(SELECT a.attname::text FROM unnest(i.indkey) WITH ORDINALITY k (number, place)
                     JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number
                     ORDER BY place),
               concat_ws('|', i.indisunique, i.indpred IS NULL, i.indexprs IS NULL, i.indclass,
                         i.indcollation, i.indoption, i.indisexclusion, i.indimmediate,
                         i.indisclustered, i.indisvalid, i.indisreplident, i.indnkeyatts,
                         i.indnatts, c.relam, c.reltablespace, c.reloptions,
                         to_jsonb(i) -> 'indnullsnotdistinct',
                         obj_description(c.oid, 'pg_class'))
          FROM pg_index i
          JOIN pg_class c ON c.oid = i.indexrelid
          JOIN pg_class t ON t.oid = i.indrelid
          JOIN pg_namespace n ON n.oid = t.relnamespace
         WHERE n.nspname = %s AND t.relname = %s
        """,
        (table.schema, table.name),
    ).fetchall()
    return [
        (oid, name, (primary, tuple(columns), rest)) for oid, name, primary, columns, rest in rows
    ]


_ALONE = """
WITH kept AS (
    SELECT 'pg_class'::regclass AS class, unnest(%(indexes)s::oid[]) AS oid
    UNION ALL
    SELECT 'pg_constraint'::regclass, o.oid FROM pg_constraint o
     WHERE o.conrelid = %(target)s AND o.contype = 'p' AND o.conindid = ANY(%(indexes)s::oid[])
    UNION ALL
    SELECT 'pg_constraint'::regclass, o.oid FROM pg_constraint o
      JOIN pg_constraint p ON p.conrelid = o.conrelid AND p.contype = 'p'
                          AND o.conkey[1] = ANY(p.conkey)
     WHERE o.conrelid = %(target)s AND o.contype = 'n'
)
SELECT t.relkind = 'r' AND t.relpersistence = 'p' AND NOT t.relispartition
   AND NOT t.relrowsecurity AND NOT t.relforcerowsecurity
   AND NOT EXISTS (SELECT FROM pg_class WHERE oid = t.reltoastrelid AND reloptions IS NOT NULL)
   AND t.reloptions IS NULL AND t.relreplident = 'd'
   AND t.reltablespace = s.reltablespace AND t.relowner = s.relowner
   AND t.relacl IS NOT DISTINCT FROM s.relacl AND t.relam = s.relam
   AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = t.oid)
   AND NOT EXISTS (SELECT attname, atttypid, atttypmod, attcollation, attstorage, attcompression,
                          attstattarget, attacl::text, attoptions
                     FROM pg_attribute
                    WHERE attrelid = t.oid AND attnum > 0 AND NOT attisdropped
                   EXCEPT
                   SELECT attname, atttypid, atttypmod, attcollation, attstorage, attcompression,
                          attstattarget, attacl::text, attoptions
                     FROM pg_attribute
                    WHERE attrelid = s.oid AND attnum > 0 AND NOT attisdropped)
   AND NOT EXISTS (SELECT FROM pg_attribute a LEFT JOIN pg_attribute b
                       ON b.attrelid = s.oid AND b.attname = a.attname
                    WHERE a.attrelid = t.oid AND a.attnum > 0 AND a.attnotnull
                      AND b.attnotnull IS DISTINCT FROM true)
   AND NOT EXISTS (SELECT FROM pg_description
                    WHERE objoid = t.oid AND classoid = 'pg_class'::regclass
                      AND description <> %(untyped)s)
   AND NOT EXISTS (SELECT FROM pg_description d JOIN kept ON d.objoid = kept.oid
                    WHERE d.classoid = kept.class)
   AND NOT EXISTS (SELECT FROM pg_seclabel
                    WHERE objoid = t.oid AND classoid = 'pg_class'::regclass)
   AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE refclassid = 'pg_class'::regclass AND refobjid = t.oid
                      AND NOT (classid = 'pg_type'::regclass AND objid = t.reltype)
                      AND NOT (classid = 'pg_class'::regclass AND objid = t.reltoastrelid)
                      AND NOT EXISTS (SELECT FROM kept
                                       WHERE kept.class = d.classid AND kept.oid = d.objid))
   AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_type y ON y.oid = t.reltype
                    WHERE d.refclassid = 'pg_type'::regclass
                      AND d.refobjid IN (y.oid, y.typarray)
                      AND NOT (d.classid = 'pg_type'::regclass AND d.objid = y.typarray))
  FROM pg_class t, pg_class s
  JOIN pg_namespace n ON n.oid = s.relnamespace
 WHERE t.oid = %(target)s AND n.nspname = %(schema)s AND s.relname = %(staged)s
"""


def _alone(
    connection: Connection, existing: Existing, staged: Staged, indexes: Sequence[int]
) -> bool:
    row = connection.execute(
        _ALONE,
        {
            "target": existing.oid,
            "indexes": list(indexes),
            "untyped": tables.UNTYPED,
            "schema": staged.table.schema,
            "staged": staged.table.name,
        },
    ).fetchone()
    return row is not None and row[0] is True
