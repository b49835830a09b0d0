"""Do some columns tell the rows of a table apart?"""

from collections.abc import Sequence

import psycopg
from psycopg import sql

from factory.transfer.errors import BadRow
from factory.transfer.postgres.table import Connection, Table, names


def refuse_nulls(connection: Connection, table: Table, key: Sequence[str], what: str) -> None:
    """Raise `BadRow` when a row has no key."""
    query = sql.SQL("SELECT count(*), count(*) FILTER (WHERE {}) FROM {}").format(
        sql.SQL(" OR ").join(sql.SQL("{} IS NULL").format(sql.Identifier(n)) for n in key),
        table.identifier,
    )
    rows, nulls = connection.execute(query).fetchone() or (0, 0)
    if nulls:
        raise BadRow(f"{nulls} of {rows} rows have a null in the {what} {list(key)}")


def unique(connection: Connection, table: Table, key: Sequence[str], index: str) -> bool:
    """Build a unique index of this name; false, and no index, when the key is not unique.

    Building one is parallel and sorts abbreviated keys: faster than any GROUP BY.
    """
    query = sql.SQL("CREATE UNIQUE INDEX {} ON {} ({})").format(
        sql.Identifier(index), table.identifier, names(key)
    )
    try:
        with connection.transaction():
            connection.execute(query)
    except psycopg.errors.UniqueViolation:
        return False
    return True


def refuse_duplicates(connection: Connection, table: Table, key: Sequence[str], what: str) -> None:
    """Raise `BadRow` with the number of keys that are in several rows, and one of them."""
    query = sql.SQL(
        "SELECT count(*) OVER (), {} FROM {} GROUP BY {} HAVING count(*) > 1 LIMIT 1"
    ).format(names(key), table.identifier, names(key))
    if found := connection.execute(query).fetchone():
        count, *example = found
        shown = ", ".join(f"{n} = {v}" for n, v in zip(key, example, strict=True))
        raise BadRow(
            f"{count} {what}s stand in more than one row of this load, for example {shown}",
            "Name a key that tells the rows apart",
        )
