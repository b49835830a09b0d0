"""A target: what it is, how it is made and grows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from factory.transfer.errors import TransferError
from factory.transfer.snowflake import types
from factory.transfer.snowflake.names import Table, folded, literal, other_case, quoted, there
from factory.transfer.snowflake.session import Connection, ask, asked, in_schema, information
from factory.transfer.warehouse import parts
from factory.transfer.warehouse.parts import Column
from factory.transfer.warehouse.warehouse import not_found

_TABLE = "BASE TABLE"


@dataclass(frozen=True)
class Existing(parts.Existing):
    """A target that is there. Its columns have the names that the load has for them."""

    names: Mapping[str, str] = field(default_factory=dict)  # a load's name → the table's
    made: str = ""  # when: a table that is made anew has another time


def described(connection: Connection, table: Table) -> list[Mapping[str, object]]:
    """What the information schema says of each column, in their order; of no table, nothing."""
    query = f"SELECT * FROM {in_schema('COLUMNS', table)} AND TABLE_NAME = {literal(table.name)}"
    return list(asked(connection, f"{query} ORDER BY ORDINAL_POSITION"))


def existing(connection: Connection, table: Table, load: Collection[str]) -> Existing | None:
    """Look the target up, with the names that a load has for its columns."""
    query = f"SELECT TABLE_TYPE, CREATED FROM {in_schema('TABLES', table)}"
    found = ask(connection, f"{query} AND TABLE_NAME = {literal(table.name)}")
    if not found:
        return None
    ((kind, made),) = found
    if kind != _TABLE:
        raise TransferError(f"{table} is a {str(kind).lower()}, and can't be loaded into")
    return _existing(described(connection, table), load, str(made))


def _existing(rows: Sequence[Mapping[str, object]], load: Collection[str], made: str) -> Existing:
    own = [str(row["COLUMN_NAME"]) for row in rows]
    refuse_other_case(load, own)
    given = {there(name, own): name for name in load}
    called = {name: given.get(name) or _free(name, load) for name in own}
    filled = frozenset(called[str(row["COLUMN_NAME"])] for row in rows if _is_filled(row))
    needed = frozenset(
        called[str(row["COLUMN_NAME"])] for row in rows if row["IS_NULLABLE"] == "NO"
    )
    return Existing(
        columns={
            called[str(row["COLUMN_NAME"])]: types.type_of(str(row["DATA_TYPE"]), row)
            for row in rows
        },
        optional=filled,
        generated=frozenset(),
        required=needed - filled,
        never_null=needed,
        owned=True,
        names={load_name: name for name, load_name in called.items()},
        made=made,
    )


def refuse_other_case(load: Collection[str], columns: Collection[str]) -> None:
    """A load's column that would stand beside one which people take for the same.

    Raises `TransferError`.
    """
    alike = {name.casefold(): name for name in columns}
    for name in load:
        other = alike.get(name.casefold())
        if other is not None and there(name, columns) not in columns:
            own = folded(name)
            raise TransferError(
                f"the load's column {name!r} would be {own}, and the table has {other!r} in quotes",
                f"Give it that name with `rename`, or the table's column the name {own}",
            )


def _free(name: str, load: Collection[str]) -> str:
    """A column that the load lacks, as people write it."""
    usual = other_case(name)
    return name if usual in load else usual


def _is_filled(row: Mapping[str, object]) -> bool:
    return row["COLUMN_DEFAULT"] is not None or row["IS_IDENTITY"] == "YES"


def columns(connection: Connection, table: Table) -> list[str]:
    """The columns of a table or view. Raises `Missing`."""
    found = [str(row["COLUMN_NAME"]) for row in described(connection, table)]
    if not found:
        names = ask(connection, f"SELECT TABLE_NAME FROM {in_schema('TABLES', table)}")
        known = [name for (name,) in names if not name.startswith("_FACTORY_")]
        raise not_found(f"there is no table or view {table}", table.name, known)
    return found


def name(existing: Existing | None, column: str) -> str:
    """What a load's column is called in the table, or is to be."""
    return folded(column) if existing is None else existing.names.get(column, folded(column))


def fields(columns: Iterable[Column], names: Mapping[str, str]) -> str:
    """Columns with their types, as CREATE and ALTER have them."""
    return ", ".join(f"{quoted(names[column.name])} {column.type}" for column in columns)


def create(
    connection: Connection, table: Table, columns: Sequence[Column], cluster_by: Sequence[str]
) -> None:
    """Make a target that is not there."""
    names = {column.name: folded(column.name) for column in columns}
    text = f"CREATE TABLE IF NOT EXISTS {quoted(table)} ({fields(columns, names)})"
    if cluster_by:
        text += f" CLUSTER BY ({', '.join(quoted(names[column]) for column in cluster_by)})"
    ask(connection, text)


def grow(connection: Connection, table: Table, columns: Sequence[Column]) -> None:
    """Add columns; what another load has added meanwhile stays."""
    names = {column.name: folded(column.name) for column in columns}
    for column in columns:
        new = fields([column], names)
        ask(connection, f"ALTER TABLE {quoted(table)} ADD COLUMN IF NOT EXISTS {new}")


def ensure_schema(connection: Connection, table: Table) -> None:
    """Make the target's schema where it is missing."""
    found = f"SELECT 1 FROM {information(table)}.SCHEMATA"
    found += f" WHERE SCHEMA_NAME = {literal(table.schema)}"
    if not ask(connection, found):
        schema = f"{quoted(table.database)}.{quoted(table.schema)}"
        ask(connection, f"CREATE SCHEMA IF NOT EXISTS {schema}")
