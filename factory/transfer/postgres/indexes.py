"""The primary key and the indexes that a table is created with."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from factory.definitions.warehouses import POSTGRES
from factory.transfer.errors import BadOption, TransferError, unknown
from factory.transfer.postgres import keys
from factory.transfer.postgres.table import Connection, Table, names


@dataclass(frozen=True)
class Index:
    """A B-tree over these columns."""

    columns: tuple[str, ...]
    primary: bool = False


def wanted(
    primary_key: Sequence[str], indexes: Sequence[Sequence[str]], columns: Sequence[str]
) -> tuple[Index, ...]:
    """Read the options. Raises `BadOption` for a column that the load does not have."""
    found = [Index(tuple(primary_key), primary=True)] if primary_key else []
    found += [Index(tuple(each)) for each in indexes]
    for index in found:
        what = "primary key" if index.primary else "index"
        if not index.columns:
            raise BadOption(f"an {what} needs columns")
        for name in index.columns:
            if name not in columns:
                raise unknown(f"column in the {what}", name, columns)
    return tuple(dict.fromkeys(found))


def build(connection: Connection, table: Table, indexes: Sequence[Index]) -> None:
    """Index a filled table, under names that are derived from its own."""
    for place, index in enumerate(indexes):
        name = _building(table, place)
        if index.primary:
            _primary(connection, table, index, name)
        else:
            query = sql.SQL("CREATE INDEX {} ON {} ({})").format(
                sql.Identifier(name), table.identifier, names(index.columns)
            )
            connection.execute(query)


def _building(table: Table, place: int) -> str:
    return _short(table.name, f"_{place}")


def _primary(connection: Connection, table: Table, index: Index, name: str) -> None:
    keys.refuse_nulls(connection, table, index.columns, "primary key")
    if not keys.unique(connection, table, index.columns, name):
        keys.refuse_duplicates(connection, table, index.columns, "primary key")
        raise TransferError(f"the primary key {list(index.columns)} is not unique")
    query = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} PRIMARY KEY USING INDEX {}")
    connection.execute(query.format(table.identifier, *[sql.Identifier(name)] * 2))


def settle(connection: Connection, built: Table, target: Table, indexes: Sequence[Index]) -> None:
    """Give the indexes of a table that was `built`, and is now `target`, their lasting names."""
    lasting = lasting_names(connection, target, indexes)
    query = sql.SQL("ALTER INDEX {} RENAME TO {}")
    for place, name in enumerate(lasting):
        old = sql.Identifier(target.schema, _building(built, place))
        connection.execute(query.format(old, sql.Identifier(name)))
    for old_name, column in _not_null(connection, target):
        new_name = _short(f"{target.name}_{column}", "_not_null")
        if new_name != old_name:
            rename = sql.SQL("ALTER TABLE {} RENAME CONSTRAINT {} TO {}")
            connection.execute(
                rename.format(target.identifier, *map(sql.Identifier, (old_name, new_name)))
            )


def _not_null(connection: Connection, table: Table) -> list[tuple[str, str]]:
    """From PostgreSQL 18 on, they have names."""
    rows = connection.execute(
        "SELECT o.conname, a.attname FROM pg_constraint o JOIN pg_attribute a"
        " ON a.attrelid = o.conrelid AND a.attnum = o.conkey[1]"
        " JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE o.contype = 'n' AND n.nspname = %s AND c.relname = %s",
        (table.schema, table.name),
    ).fetchall()
    return [(name, column) for name, column in rows]


def lasting_names(
    connection: Connection, target: Table, indexes: Sequence[Index]
) -> tuple[str, ...]:
    """Names as PostgreSQL would give them; with a digest where another relation has the name."""
    plain = [_plain(target, index) for index in indexes]
    rows = connection.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " LEFT JOIN pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_class t ON t.oid = i.indrelid"
        " WHERE n.nspname = %s AND c.relname = ANY(%s) AND t.relname IS DISTINCT FROM %s",
        (target.schema, plain, target.name),
    ).fetchall()
    taken = {name for (name,) in rows}
    taken |= {name for name in plain if plain.count(name) > 1}
    return tuple(
        _digested(target, index) if name in taken else name
        for name, index in zip(plain, indexes, strict=True)
    )


def _plain(target: Table, index: Index) -> str:
    if index.primary:
        return _short(target.name, "_pkey")
    return _short("_".join((target.name, *index.columns)), "_idx")


def _digested(target: Table, index: Index) -> str:
    digest = _digest("\0".join((target.name, *index.columns)))
    return _short(target.name, f"_{digest}_pkey" if index.primary else f"_{digest}_idx")


def _short(name: str, end: str) -> str:
    """Cut to 63 bytes, with a digest for what is lost."""
    if len((name + end).encode()) <= POSTGRES.longest_name:
        return name + end
    end = f"_{_digest(name)}{end}"
    return name.encode()[: POSTGRES.longest_name - len(end.encode())].decode(errors="ignore") + end


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
