"""`{mode: replace}`: the rows become the whole table.

Where the table is as we would make it, the staging table takes its place (see `swap`); this
module is for the others.
"""

from dataclasses import dataclass

from psycopg import sql

from factory.transfer.postgres.modes.parts import Changed, Plain, Staged, insert, turned_away
from factory.transfer.postgres.table import Connection, Existing, Table


@dataclass(frozen=True)
class Replace(Plain):
    """No options."""

    name: str = "replace"
    needs: tuple[str, ...] = ("INSERT", "DELETE")
    whole: bool = True

    def write(
        self, connection: Connection, target: Table, existing: Existing, staged: Staged
    ) -> Changed:
        """Delete and insert: views, keys, grants and the like hang on the table itself.

        DELETE and not TRUNCATE, which would shut readers out until the commit and refuse
        foreign keys.
        """
        cursor = connection.execute(sql.SQL("DELETE FROM {}").format(target.identifier))
        return Changed(insert(connection, target, existing, staged), deleted=cursor.rowcount)

    def arrived(
        self, connection: Connection, target: Table, existing: Existing, staged: Staged
    ) -> None:
        """No other row has stayed."""
        query = sql.SQL("SELECT count(*) FROM {}").format(target.identifier)
        (found,) = connection.execute(query).fetchone() or (0,)
        if found != staged.rows:
            raise turned_away(target, found, staged.rows)
