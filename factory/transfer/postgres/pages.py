"""What the files of a table tell of rows that were in it once."""

from dataclasses import dataclass

from factory.transfer.postgres.table import TREE, Connection, Existing

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
