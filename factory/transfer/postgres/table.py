"""A table of the target database: its name, and what PostgreSQL says about it."""

import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from factory.definitions import identifiers
from factory.definitions.warehouses import POSTGRES
from factory.transfer.errors import BadOption, TransferError
from factory.transfer.warehouse import parts
from factory.transfer.warehouse.parts import Column

log = logging.getLogger(__name__)

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True)
class Table(parts.Table):
    """A name in the target database."""

    @property
    def identifier(self) -> sql.Identifier:
        """The name, quoted."""
        return sql.Identifier(self.schema, self.name)


TREE = (
    "(WITH RECURSIVE tree AS (SELECT %s::oid AS oid UNION"
    " SELECT inhrelid FROM pg_inherits JOIN tree ON inhparent = tree.oid) SELECT oid FROM tree)"
)
"""The oids of a table and of all below it: its partitions, and what inherits from it."""


@dataclass(frozen=True)
class Existing(parts.Existing):
    """A target that is there."""

    oid: int = field(kw_only=True)
    partitioned: bool = False
    unlogged: bool = False
    triggers: bool = False  # that are people's own, also of a table below
    # Column → its collation, as SQL, where that takes different texts for one.
    loose: Mapping[str, str] = field(default_factory=dict)
    # Column → what its domain is made of.
    bases: Mapping[str, str] = field(default_factory=dict)
    # Column → the type of an array's elements.
    elements: Mapping[str, str] = field(default_factory=dict)
    reads: frozenset[str] = frozenset()  # whose types make values of texts, and change none


UNTYPED = "No value yet: the first one tells the type."
"""The comment on a column that was made, as a text, for nothing but nulls."""


def parse(name: str) -> Table:
    """Split `table` or `schema.table`; a table alone is in `public`."""
    schema, table = parts.split(name, POSTGRES)
    if wrong := identifiers.wrong_letter((schema, table), POSTGRES):
        raise BadOption(wrong[0], f"Write {wrong[1]}")
    return Table(schema or POSTGRES.default_schema, table)


STAGING = "^_factory_[0-9a-f]{8}_[0-9a-f]{16}$"
"""The names of staging tables, as a regular expression of PostgreSQL."""


def staging(target: Table, load_id: str) -> Table:
    """Name the staging table of one load, within 63 bytes."""
    return Table(target.schema, parts.staging_name(target, load_id))


def names(columns: Sequence[Column] | Sequence[str]) -> sql.Composed:
    """Give the columns' names, quoted, with commas."""
    own = [c if isinstance(c, str) else c.name for c in columns]
    return sql.SQL(", ").join(map(sql.Identifier, own))


def type_sql(kind: str) -> sql.SQL:
    """A type's name, from our own list or from format_type(), which quotes it."""
    return sql.SQL(kind)


def create(
    connection: Connection, table: Table, columns: Sequence[Column], *, unlogged: bool = False
) -> None:
    """Create a table of these columns."""
    fields = [
        sql.SQL("{} {}").format(sql.Identifier(column.name), type_sql(column.type))
        for column in columns
    ]
    connection.execute(
        sql.SQL("CREATE {}TABLE {} ({})").format(
            sql.SQL("UNLOGGED " if unlogged else ""), table.identifier, sql.SQL(", ").join(fields)
        )
    )
    for column in columns:
        if column.guessed:
            _note(connection, table, column, UNTYPED)


def _note(connection: Connection, table: Table, column: Column, text: str | None) -> None:
    query = sql.SQL("COMMENT ON COLUMN {} IS {}")
    name = sql.Identifier(table.schema, table.name, column.name)
    connection.execute(query.format(name, sql.Literal(text)))


def comment(connection: Connection, table: Table, text: str | None) -> None:
    """Set the table's comment; None: take it away."""
    query = sql.SQL("COMMENT ON TABLE {} IS {}")
    connection.execute(query.format(table.identifier, sql.Literal(text)))


def ensure_schema(connection: Connection, name: str) -> None:
    """Create the schema when it is missing."""
    found = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (name,)).fetchone()
    if found is not None:  # IF NOT EXISTS alone would need the right to create schemas
        return
    with connection.transaction():
        lock(connection, f"factory schema {name}")
        query = sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(name))
        connection.execute(query)


def lock(connection: Connection, what: str, *, shared: bool = False) -> None:
    """Wait until no other transaction holds the lock `what`; hold it until this one ends."""
    mode = "_shared" if shared else ""
    query = f"SELECT pg_advisory_xact_lock{mode}(hashtextextended(%s, 0))"
    connection.execute(query, (what,))


@contextmanager
def locked(connection: Connection, what: str, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock `what` over several transactions; PostgreSQL ends it with the connection."""
    mode = "_shared" if shared else ""
    connection.execute(f"SELECT pg_advisory_lock{mode}(hashtextextended(%s, 0))", (what,))
    try:
        yield
    finally:
        with suppress(psycopg.OperationalError):
            connection.execute(f"SELECT pg_advisory_unlock{mode}(hashtextextended(%s, 0))", (what,))


def refuse_unless_locked(connection: Connection, what: str) -> None:
    """Raise `TransferError` when the session has lost the lock `what` of `locked`."""
    held = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND pid = pg_backend_pid() AND objsubid = 1"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND classid::bigint << 32 | objid::bigint = hashtextextended(%s, 0))",
        (what,),
    ).fetchone()
    if held != (True,):
        raise TransferError(
            "the session has lost its locks: something called pg_advisory_unlock_all(), or a "
            "pooler gave it another session"
        )


def exclusively(connection: Connection, table: Table, patience: float) -> None:
    """Shut everyone out of the table until this transaction ends; wait `patience` seconds.

    A waiting ACCESS EXCLUSIVE lock makes every later reader wait behind it. So it is asked for
    a moment only, again and again, until the readers that came before have ended. Raises
    `LockNotAvailable`.
    """
    deadline = time.monotonic() + (patience or math.inf)
    query = sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(table.identifier)
    pause = 0.05
    while True:
        try:
            with connection.transaction():
                connection.execute("SET LOCAL lock_timeout = 100")
                connection.execute(query)
                connection.execute(
                    "SELECT set_config('lock_timeout', %s, true)", (f"{round(patience * 1000)}",)
                )
            return
        except psycopg.errors.LockNotAvailable:
            if time.monotonic() >= deadline:
                raise
        time.sleep(pause)
        pause = min(2 * pause, 1.0)


def grow(
    connection: Connection, table: Table, columns: Sequence[Column], lock_timeout: float
) -> None:
    """Add columns, in a transaction of its own: readers are shut out for a moment only."""
    with connection.transaction():
        exclusively(connection, table, lock_timeout)
        for column in columns:
            query = sql.SQL("ALTER TABLE {} ADD COLUMN {} {}")
            connection.execute(
                query.format(table.identifier, sql.Identifier(column.name), type_sql(column.type))
            )
            log.info("added the column %s (%s) to %s", column.name, column.type, table)


def retype(
    connection: Connection, table: Table, columns: Sequence[Column], lock_timeout: float
) -> None:
    """Give columns that hold nothing but nulls their type, in a transaction of its own."""
    with connection.transaction():
        for column in columns:
            if column.type == "text":  # as they are
                _note(connection, table, column, None)
    others = [column for column in columns if column.type != "text"]
    if not others:
        return
    with connection.transaction():
        exclusively(connection, table, lock_timeout)
        for column in others:
            name, kind = sql.Identifier(column.name), type_sql(column.type)
            query = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE {} IS NOT NULL)")
            if connection.execute(query.format(table.identifier, name)).fetchone() == (True,):
                _note(connection, table, column, None)
                continue
            query = sql.SQL("ALTER TABLE {} ALTER {} TYPE {} USING NULL::{}")
            connection.execute(query.format(table.identifier, name, kind, kind))
            _note(connection, table, column, None)
            log.warning(
                "the column %s of %s held no value, and has the first value's type now: %s",
                *(column.name, table, column.type),
            )


def drop(connection: Connection, table: Table) -> None:
    """Drop the table if it is there."""
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table.identifier))


def existing(connection: Connection, table: Table) -> Existing | None:
    """Look the target up. Raises `TransferError` when it is not a table."""
    found = connection.execute(
        "SELECT c.oid, c.relkind, pg_has_role(c.relowner, 'USAGE'), relpersistence = 'u'"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname = %s",
        (table.schema, table.name),
    ).fetchone()
    if found is None:
        return None
    oid, kind, owned, unlogged = found
    if kind not in ("r", "p"):
        what = {"v": "a view", "m": "a materialized view", "f": "a foreign table"}.get(kind)
        raise TransferError(f"{table} is {what or 'not a table'}, and can't be loaded into")
    rows = connection.execute(
        "SELECT attname, format_type(atttypid, atttypmod),"
        " atthasdef OR attidentity <> '',"
        " attgenerated <> '' OR attidentity = 'a', attnotnull,"
        " CASE WHEN NOT collisdeterministic THEN concat_ws('.', quote_ident(nspname),"
        " quote_ident(collname)) END,"
        " col_description(attrelid, attnum) = %s"
        " FROM pg_attribute LEFT JOIN pg_collation c ON c.oid = attcollation"
        " LEFT JOIN pg_namespace n ON n.oid = collnamespace"
        " WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        (UNTYPED, oid),
    ).fetchall()
    if not rows and not _is_there(connection, oid):  # another load replaced it just now
        return existing(connection, table)
    return Existing(
        {name: kind for name, kind, *_ in rows},
        frozenset(name for name, _, optional, *_ in rows if optional),
        frozenset(name for name, _, _, generated, *_ in rows if generated),
        frozenset(name for name, _, optional, _, filled, *_ in rows if filled and not optional),
        owned,
        frozenset(name for name, *_, untyped in rows if untyped),
        oid=oid,
        partitioned=kind == "p",
        unlogged=unlogged,
        triggers=has_triggers(connection, oid),
        loose={name: collation for name, *_, collation, _ in rows if collation},
        **_own_types(connection, oid),
    )


# The catalog's types whose input changes nothing in a text but its form.
_READ = (
    *("uuid", "json", "jsonb", "inet", "cidr", "macaddr", "macaddr8", "bpchar", "interval"),
    *("timetz", "bytea", "bit", "varbit", "xml", "numeric"),
)
_IN_ARRAYS = (
    *("text", "varchar", "int2", "int4", "int8", "float4", "float8", "bool", "date", "time"),
    *("timestamp", "timestamptz"),
)


def _own_types(connection: Connection, oid: int) -> dict[str, Any]:
    """What a table's types are made of, and which make values of texts by themselves."""
    rows = connection.execute(
        """
        SELECT a.attname, b.typtype0 = 'd', format_type(b.oid, b.modifier),
               CASE WHEN e.oid IS NOT NULL THEN format_type(e.oid, b.modifier) END,
               t.typtype IN ('e', 'r', 'm') OR t.typtype = 'b' AND (
                   t.typnamespace <> 'pg_catalog'::regnamespace OR t.typname = ANY(%(read)s)
                   OR e.oid IS NOT NULL AND t.typname = ANY(%(in_arrays)s))
          FROM pg_attribute a
         CROSS JOIN LATERAL (
            WITH RECURSIVE base AS (
                SELECT oid, a.atttypmod AS modifier, typtype, typbasetype, typtypmod, typtype0,
                       0 AS n
                  FROM (SELECT *, typtype AS typtype0 FROM pg_type) t WHERE oid = a.atttypid
                UNION ALL
                SELECT t.oid, base.typtypmod, t.typtype, t.typbasetype, t.typtypmod, typtype0, n + 1
                  FROM base JOIN pg_type t ON base.typtype = 'd' AND t.oid = base.typbasetype)
            SELECT * FROM base ORDER BY n DESC LIMIT 1) b
          LEFT JOIN pg_type own ON own.oid = b.oid AND own.typcategory = 'A'
          LEFT JOIN pg_type e ON e.oid = own.typelem
          JOIN pg_type t ON t.oid = coalesce(e.oid, b.oid)
         WHERE a.attrelid = %(oid)s AND a.attnum > 0 AND NOT a.attisdropped
        """,
        {"oid": oid, "read": list(_READ), "in_arrays": list(_IN_ARRAYS)},
    ).fetchall()
    return {
        "bases": {name: base for name, domain, base, *_ in rows if domain},
        "elements": {name: element for name, _, _, element, _ in rows if element},
        "reads": frozenset(name for name, *_, reads in rows if reads),
    }


def _is_there(connection: Connection, oid: int) -> bool:
    query = "SELECT EXISTS (SELECT FROM pg_class WHERE oid = %s)"
    return connection.execute(query, (oid,)).fetchone() == (True,)


def has_triggers(connection: Connection, oid: int) -> bool:
    """Does a person's trigger hang on the table, or on one below it?"""
    query = "SELECT EXISTS (SELECT FROM pg_trigger WHERE NOT tgisinternal"
    query += f" AND tgenabled IN ('O', 'A') AND tgrelid IN {TREE})"
    return connection.execute(query, (oid,)).fetchone() == (True,)


def above(connection: Connection, table: Table) -> list[Table]:
    """The tables that this one is a partition of, or inherits from; the uppermost first."""
    rows = connection.execute(
        "WITH RECURSIVE above AS (SELECT inhparent AS oid, 1 AS height FROM pg_inherits"
        " JOIN pg_class c ON c.oid = inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname = %s"
        " UNION SELECT inhparent, height + 1 FROM pg_inherits JOIN above ON inhrelid = above.oid)"
        " SELECT nspname, relname FROM above JOIN pg_class c USING (oid)"
        " JOIN pg_namespace n ON n.oid = relnamespace"
        " GROUP BY 1, 2 ORDER BY max(height) DESC, 1, 2",
        (table.schema, table.name),
    )
    return [Table(schema, name) for schema, name in rows]


def hold(connection: Connection, table: Table) -> None:
    """Let nobody alter or drop the table until this transaction ends; who reads or writes goes on.

    PostgreSQL locks what it plans to write into; unlike LOCK TABLE, that needs no right on more
    than a column.
    """
    connection.execute(sql.SQL("EXPLAIN INSERT INTO {} DEFAULT VALUES").format(table.identifier))


def touched(connection: Connection, existing: Existing) -> tuple[int, int, int]:
    """Rows that this transaction has inserted, updated and deleted so far, also of all below it."""
    row = connection.execute(
        "SELECT coalesce(sum(pg_stat_get_xact_tuples_inserted(oid)), 0)::bigint,"
        " coalesce(sum(pg_stat_get_xact_tuples_updated(oid)), 0)::bigint,"
        " coalesce(sum(pg_stat_get_xact_tuples_deleted(oid)), 0)::bigint"
        f" FROM {TREE} tables",
        (existing.oid,),
    ).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def is_empty(connection: Connection, table: Table) -> bool:
    """Is there no row?"""
    query = sql.SQL("SELECT EXISTS (SELECT FROM {})").format(table.identifier)
    return connection.execute(query).fetchone() == (False,)
