"""Do some columns tell the rows of a table apart?"""

from collections.abc import Mapping, Sequence

import psycopg
from psycopg import sql

from factory.transfer.postgres.table import Connection, Table
from factory.transfer.warehouse import merging

_AS_IS: Mapping[str, str] = {}


def refuse_nulls(connection: Connection, table: Table, key: Sequence[str], what: str) -> None:
    """Raise `BadRow` when a row has no key."""
    query = sql.SQL("SELECT count(*), count(*) FILTER (WHERE {}) FROM {}").format(
        sql.SQL(" OR ").join(sql.SQL("{} IS NULL").format(sql.Identifier(n)) for n in key),
        table.identifier,
    )
    rows, nulls = connection.execute(query).fetchone() or (0, 0)
    if nulls:
        raise merging.nulls(nulls, rows, key, what)


def compared(key: Sequence[str], loose: Mapping[str, str]) -> sql.Composed:
    """The key's columns, compared as the target does where its collation is `loose`."""
    return sql.SQL(", ").join(
        sql.SQL("{} COLLATE {}").format(sql.Identifier(name), sql.SQL(loose[name]))
        if name in loose
        else sql.Identifier(name)
        for name in key
    )


def unique(
    connection: Connection,
    table: Table,
    key: Sequence[str],
    index: str,
    loose: Mapping[str, str] = _AS_IS,
) -> bool:
    """Build a unique index of this name; false, and no index, when the key is not unique.

    Building one is parallel and sorts abbreviated keys: faster than any GROUP BY.
    """
    query = sql.SQL("CREATE UNIQUE INDEX {} ON {} ({})").format(
        sql.Identifier(index), table.identifier, compared(key, loose)
    )
    try:
        with connection.transaction():
            connection.execute(query)
    except psycopg.errors.UniqueViolation:
        return False
    return True


def refuse_duplicates(
    connection: Connection,
    table: Table,
    key: Sequence[str],
    what: str,
    loose: Mapping[str, str] = _AS_IS,
) -> None:
    """Raise `BadRow` with the number of keys that are in several rows, and one of them."""
    query = sql.SQL(
        "SELECT count(*) OVER (), {} FROM {} GROUP BY {} HAVING count(*) > 1 LIMIT 1"
    ).format(compared(key, loose), table.identifier, compared(key, loose))
    if found := connection.execute(query).fetchone():
        count, *example = found
        raise merging.twice(count, merging.shown(key, example), what)
