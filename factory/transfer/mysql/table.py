"""A table of the target database, and what the server says about it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

import pymysql

from factory.definitions.warehouses import MYSQL
from factory.transfer.errors import BadOption, TransferError
from factory.transfer.mysql.kinds import TEXTS, parts_of
from factory.transfer.mysql.session import Connection, ask, name
from factory.transfer.mysql.writing import run, value
from factory.transfer.warehouse import parts
from factory.transfer.warehouse.parts import Column, Table

UNTYPED = "No value yet: the first one tells the type."
"""The comment on a column that was made, as a text, for nothing but nulls."""
MARK = "Rows of a load by factory that is under way: "
"""What the comment of a staging table begins with; the load follows, as JSON."""
_TEXT = " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
OF_TABLES = f"ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT{_TEXT}"
"""Two texts that differ are two, also in a key; that has 3,072 bytes, whatever the default is."""
_LONGEST_COMMENT = 2048
Part: TypeAlias = "tuple[str, int | None]"
"""Of a key: a column, and how much of its beginning; None: all of it."""
_GENERATED = re.compile("(VIRTUAL|STORED|PERSISTENT) GENERATED")


@dataclass(frozen=True)
class Existing(parts.Existing):
    """A target that is there."""

    texts: Mapping[str, str] = field(default_factory=dict)  # column → its character set, as SQL
    filled: frozenset[str] = frozenset()  # take no null
    engine: str = "InnoDB"
    comment: str = ""
    made: datetime | None = None  # or emptied by TRUNCATE, or rebuilt


def parse(given: str, database: str = "") -> Table:
    """Split `table` or `database.table`; a table alone is of the connection's `database`."""
    schema, table = parts.split(given, MYSQL)
    for part in (schema, table):
        refuse_name(part)
    return Table(schema or database, table)


def refuse_name(given: str) -> None:
    """Raise `BadOption` for a name that the server has for neither a table nor a column."""
    if given != given.rstrip():
        raise BadOption(f"{given!r} can't be a name in MySQL: it ends with a space")
    if wide := next((each for each in given if each > "\uffff"), ""):
        raise BadOption(f"{given!r} can't be a name in MySQL: it holds {wide!r}")


def of_connection(given: str, database: str) -> Table:
    """As `parse`. Raises `BadOption` when nothing tells the database."""
    found = parse(given, database)
    if not found.schema:
        raise BadOption(
            f"nothing tells the database of the table {found}",
            "Write `database.table`, or give the connection a database (its field `schema`)",
        )
    return found


def sql(table: Table) -> str:
    """The name, quoted."""
    return ".".join(name(part) for part in (table.schema, table.name) if part)


def names(columns: Sequence[Column] | Sequence[str], of: str = "") -> str:
    """The columns' names, quoted, with commas; `of` is a table's alias and a point."""
    own = [column if isinstance(column, str) else column.name for column in columns]
    return ", ".join(of + name(each) for each in own)


def here(table: Table) -> str:
    """The condition that a row of `information_schema` is the table's.

    There, MariaDB compares names without regard to case, also where two tables differ in it alone.
    """
    schema, own = value(table.schema) if table.schema else "DATABASE()", value(table.name)
    exactly = f"CAST(TABLE_SCHEMA AS BINARY) = {schema} AND CAST(TABLE_NAME AS BINARY) = {own}"
    either = f"(@@lower_case_table_names OR {exactly})"
    return f"TABLE_SCHEMA = {schema} AND TABLE_NAME = {own} AND {either}"


def existing(connection: Connection, table: Table) -> Existing | None:
    """Look the target up. Raises `TransferError` when it is not a table."""
    where = here(table)
    found = ask(
        connection,
        "SELECT TABLE_TYPE, coalesce(ENGINE, ''), TABLE_COMMENT, CREATE_TIME"
        f" FROM information_schema.TABLES WHERE {where}",
    )
    if not found:
        return None
    kind, engine, comment, made = found[0]
    if kind not in ("BASE TABLE", "SYSTEM VERSIONED"):
        raise TransferError(f"{table} is a {str(kind).lower()}, and can't be loaded into")
    rows = ask(
        connection,
        "SELECT COLUMN_NAME, COLUMN_TYPE, COLUMN_DEFAULT, IS_NULLABLE, EXTRA, CHARACTER_SET_NAME,"
        " COLLATION_NAME, COLUMN_COMMENT FROM information_schema.COLUMNS"
        f" WHERE {where} ORDER BY ORDINAL_POSITION",
    )
    return _existing([_Told(*row) for row in rows], engine=engine, comment=comment, made=made)


@dataclass(frozen=True)
class _Told:
    """A row of information_schema.COLUMNS."""

    name: str
    type: str
    default: str | None
    nullable: str
    extra: str
    charset: str | None
    collation: str | None
    comment: str

    @property
    def generated(self) -> bool:
        return _GENERATED.search(self.extra) is not None

    @property
    def filled(self) -> bool:
        """By the server, where a row does not give it. (MariaDB writes `NULL` for no default.)"""
        return self.default not in (None, "NULL") or "auto_increment" in self.extra


def _existing(rows: Sequence[_Told], **more: Any) -> Existing:
    filled = {row.name for row in rows if row.filled or row.generated}
    return Existing(
        {row.name: _plain(row.type) for row in rows},
        frozenset(filled),
        frozenset(row.name for row in rows if row.generated),
        frozenset(row.name for row in rows if row.nullable == "NO" and row.name not in filled),
        True,
        frozenset(row.name for row in rows if row.comment == UNTYPED),
        texts={
            row.name: f" CHARACTER SET {row.charset} COLLATE {row.collation}"
            for row in rows
            if row.charset and parts_of(row.type)[0] in TEXTS
        },
        filled=frozenset(row.name for row in rows if row.nullable == "NO" and not row.generated),
        **more,
    )


def _plain(kind: str) -> str:
    """Without the width that numbers are shown in, which MySQL has given up."""
    if kind.startswith("tinyint(1)"):
        return kind
    return re.sub(r"^((?:tiny|small|medium|big)?int|year)\(\d+\)", r"\1", kind)


def field_sql(column: Column, texts: Mapping[str, str]) -> str:
    """A column, as it is defined: it takes nulls, and a TIMESTAMP is not filled in by itself.

    A text is of our character set, whatever the table's is.
    """
    said = f" COMMENT {value(UNTYPED)}" if column.guessed else ""
    own = _TEXT if parts_of(column.type)[0] in TEXTS and column.type != "json" else ""
    return f"{name(column.name)} {column.type}{texts.get(column.name, own)} NULL{said}"


def create(
    connection: Connection,
    table: Table,
    columns: Sequence[Column],
    *,
    texts: Mapping[str, str],
    comment: str = "",
    more: Sequence[str] = (),
) -> None:
    """Create a table of these columns; `more` are indexes and the like."""
    fields = [field_sql(column, texts) for column in columns]
    said = f" COMMENT={value(comment)}" if comment else ""
    run(connection, f"CREATE TABLE {sql(table)} ({', '.join([*fields, *more])}) {OF_TABLES}{said}")


def is_there(connection: Connection, table: Table) -> bool:
    """Whether there is such a table."""
    where = f"SELECT 1 FROM information_schema.TABLES WHERE {here(table)}"
    return bool(ask(connection, where))


def ensure(connection: Connection, table: Table, columns: str) -> None:
    """Make a table of our own when it is missing."""
    if not is_there(connection, table):
        run(connection, f"CREATE TABLE IF NOT EXISTS {sql(table)} ({columns}) {OF_TABLES}")


def delete(connection: Connection, table: Table, where: str) -> None:
    """Delete the rows of which this is true.

    A DELETE that finds none would lock the gap where they were missed, and two loads that then
    write into it, into two tables, would wait for each other.
    """
    if ask(connection, f"SELECT 1 FROM {sql(table)} WHERE {where} LIMIT 1"):
        run(connection, f"DELETE FROM {sql(table)} WHERE {where}")


def ensure_database(connection: Connection, table: Table) -> None:
    """Create the database when it is missing."""
    if not is_database(connection, table.schema):  # IF NOT EXISTS alone would need the right
        run(connection, f"CREATE DATABASE IF NOT EXISTS {name(table.schema)} CHARACTER SET utf8mb4")


def is_database(connection: Connection, schema: str) -> bool:
    """Whether there is such a database."""
    where = f"SCHEMA_NAME = {value(schema)}"
    return bool(ask(connection, f"SELECT 1 FROM information_schema.SCHEMATA WHERE {where}"))


def drop(connection: Connection, table: Table) -> None:
    """Drop the table if it is there."""
    run(connection, f"DROP TABLE IF EXISTS {sql(table)}")


def marked(said: Mapping[str, Any]) -> str | None:
    """The comment of a table that is to be told as a load's; None: it is too long for one."""
    comment = MARK + json.dumps(said)
    return comment if len(comment) <= _LONGEST_COMMENT else None


def mark_of(comment: str) -> dict[str, Any] | None:
    """What a load says of itself in a table's comment."""
    if not comment.startswith(MARK):
        return None
    found: dict[str, Any] = json.loads(comment[len(MARK) :])
    return found


def set_comment(connection: Connection, table: Table, comment: str, more: str = "") -> None:
    """Set the table's comment; `more` is another option of the table."""
    run(connection, f"ALTER TABLE {sql(table)} COMMENT = {value(comment)}{more}")


def need_key(connection: Connection) -> bool:
    """Whether the server takes no table of this session without a primary key.

    MySQL's is set in a session, too, and that counts; MariaDB's is of the whole server.
    """
    names = "'sql_require_primary_key', 'innodb_force_primary_key'"
    found = ask(connection, f"SHOW SESSION VARIABLES WHERE Variable_name IN ({names})")
    return any(set_to == "ON" for _, set_to in found)


def is_empty(connection: Connection, table: Table) -> bool:
    """Whether there is no row."""
    return not ask(connection, f"SELECT 1 FROM {sql(table)} LIMIT 1")


def references(connection: Connection, table: Table) -> Iterator[tuple[str, str, str, str, bool]]:
    """Foreign keys that name the table: name, whose, what becomes of a row when it is deleted, and
    when it is updated; whether it is the table's own."""
    where = here(table).replace("TABLE_SCHEMA", "UNIQUE_CONSTRAINT_SCHEMA")
    where = where.replace("TABLE_NAME", "REFERENCED_TABLE_NAME")
    rows = ask(
        connection,
        "SELECT CONSTRAINT_NAME, CONSTRAINT_SCHEMA, TABLE_NAME, DELETE_RULE, UPDATE_RULE"
        f" FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE {where} ORDER BY 1",
    )
    for key, schema, other, deletes, updates in rows:
        yield (
            key,
            f"{schema}.{other}",
            deletes,
            updates,
            (schema, other) == (table.schema, table.name),
        )


def uniques(connection: Connection, table: Table) -> Mapping[str, Sequence[Part]]:
    """The keys that name one row: name → parts. (Those of expressions are left out.)"""
    rows = ask(
        connection,
        "SELECT INDEX_NAME, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS"
        f" WHERE {here(table)} AND NOT NON_UNIQUE ORDER BY INDEX_NAME, SEQ_IN_INDEX",
    )
    found: dict[str, list[Part]] = {}
    for key, column, most in rows:
        found.setdefault(key, []).append((column, most))
    return {key: parts for key, parts in found.items() if all(column for column, _ in parts)}


def checks(connection: Connection, table: Table) -> Sequence[tuple[str, str]]:
    """What rows of the table must meet: name, condition."""
    clauses = "information_schema.CHECK_CONSTRAINTS"
    where = here(table).replace("TABLE_SCHEMA", "CONSTRAINT_SCHEMA")
    its = f"SELECT CONSTRAINT_NAME FROM information_schema.TABLE_CONSTRAINTS WHERE {where}"
    named = f"{where.partition(' AND ')[0]} AND CONSTRAINT_NAME IN ({its})"
    of_mysql = f"SELECT CONSTRAINT_NAME, CHECK_CLAUSE FROM {clauses} WHERE {named}"
    try:  # in MariaDB, checks of two tables may have one name
        found = ask(
            connection, f"SELECT CONSTRAINT_NAME, CHECK_CLAUSE FROM {clauses} WHERE {where}"
        )
    except pymysql.OperationalError:
        found = ask(connection, of_mysql)
    return [(str(check), str(clause)) for check, clause in found]


def refers(
    connection: Connection, table: Table
) -> Sequence[tuple[str, Table, Sequence[tuple[str, str]]]]:
    """Its foreign keys: name, whose rows they name, and by which columns."""
    rows = ask(
        connection,
        "SELECT CONSTRAINT_NAME, REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, COLUMN_NAME,"
        " REFERENCED_COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE"
        f" WHERE {here(table)} AND REFERENCED_TABLE_NAME IS NOT NULL"
        " ORDER BY CONSTRAINT_NAME, ORDINAL_POSITION",
    )
    found: dict[tuple[str, Table], list[tuple[str, str]]] = {}
    for key, schema, other, column, theirs in rows:
        found.setdefault((key, Table(schema, other)), []).append((column, theirs))
    return [(key, other, pairs) for (key, other), pairs in found.items()]


def hangs_on(connection: Connection, table: Table) -> bool:
    """Whether triggers, foreign keys or a history hang on the table itself, and not on its name:
    as far as the account sees, see `rights`."""
    triggers = here(table).replace("TABLE_SCHEMA", "EVENT_OBJECT_SCHEMA")
    triggers = triggers.replace("TABLE_NAME", "EVENT_OBJECT_TABLE")
    keys = f"{here(table)} AND CONSTRAINT_TYPE = 'FOREIGN KEY'"
    history = f"{here(table)} AND TABLE_TYPE = 'SYSTEM VERSIONED'"
    found = ask(
        connection,
        f"SELECT EXISTS (SELECT 1 FROM information_schema.TRIGGERS WHERE {triggers})"
        f" OR EXISTS (SELECT 1 FROM information_schema.TABLE_CONSTRAINTS WHERE {keys})"
        f" OR EXISTS (SELECT 1 FROM information_schema.TABLES WHERE {history})",
    )
    return found != [(0,)] or any(True for _ in references(connection, table))


def definition(connection: Connection, table: Table) -> str:
    """The statement that makes the table, but for its name, its comment and its counter."""
    _, _, rest = _statement(connection, table).partition("(")
    rest = re.sub(r" AUTO_INCREMENT=\d+", "", rest)
    return re.sub(r" COMMENT='(?:[^'\\]|''|\\.)*'(?=[^']*$)", "", rest)


def counter(connection: Connection, table: Table) -> str:
    """The option that says which number AUTO_INCREMENT gives next; none without such a column."""
    found = re.search(r"^\) .*?( AUTO_INCREMENT=\d+)", _statement(connection, table), re.MULTILINE)
    return found[1] if found else ""


def _statement(connection: Connection, table: Table) -> str:
    ((_, text),) = ask(connection, f"SHOW CREATE TABLE {sql(table)}")
    return str(text)
