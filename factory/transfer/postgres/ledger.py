"""What was published, kept beside the tables and written in the same transaction.

Only so is a repeated `append` known for certain: after a kill at the very moment of a commit,
nobody but the database can tell whether the rows are in.
"""

from psycopg import sql

from factory.transfer.postgres.table import Connection, Table, lock

NAME = "_factory_loads"


def _ledger(target: Table) -> sql.Identifier:
    return sql.Identifier(target.schema, NAME)


def has(connection: Connection, target: Table, load_id: str) -> bool:
    """Tell whether this load was published."""
    there = connection.execute(
        "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname = %s",
        (target.schema, NAME),
    ).fetchone()
    if there is None:
        return False
    query = sql.SQL("SELECT 1 FROM {} WHERE table_name = %s AND load_id = %s")
    row = connection.execute(query.format(_ledger(target)), (target.name, load_id)).fetchone()
    return row is not None


def ensure(connection: Connection, target: Table) -> None:
    """Make the ledger of the target's schema when it is missing."""
    # Two first loads of a schema at once: CREATE … IF NOT EXISTS alone may still collide.
    lock(connection, f"factory ledger {target.schema}")
    query = sql.SQL(
        "CREATE TABLE IF NOT EXISTS {} (table_name text, load_id text, mode text NOT NULL,"
        " rows bigint NOT NULL, published_at timestamptz NOT NULL DEFAULT now(),"
        " PRIMARY KEY (table_name, load_id))"
    )
    connection.execute(query.format(_ledger(target)))


def forget(connection: Connection, target: Table) -> None:
    """The table's earlier rows are gone, so its earlier loads may be repeated."""
    query = sql.SQL("DELETE FROM {} WHERE table_name = %s").format(_ledger(target))
    connection.execute(query, (target.name,))


def record(connection: Connection, target: Table, load_id: str, mode: str, rows: int) -> None:
    """Note a published load."""
    query = sql.SQL(
        "INSERT INTO {} (table_name, load_id, mode, rows) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (table_name, load_id) DO UPDATE SET mode = excluded.mode,"
        " rows = excluded.rows, published_at = excluded.published_at"
    )
    connection.execute(query.format(_ledger(target)), (target.name, load_id, mode, rows))
