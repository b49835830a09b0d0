"""Columns of a load in the types of the table that is there: each value is exact, or refused.

What Arrow turns without a change (whole numbers and doubles, decimals) is turned on the way. Of the
rest the rows arrive as they are, and PostgreSQL makes the target's type of them in the staging
table, once it has looked for values that would be cut or rounded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import psycopg
import pyarrow as pa
from psycopg import sql

from factory.definitions.checks.parts import LONGEST, SAMPLES, many, shown
from factory.transfer.errors import BadRow
from factory.transfer.postgres.columns import fits, longest, parts_of
from factory.transfer.postgres.modes import Staged
from factory.transfer.postgres.table import Connection, Existing, Table, type_sql
from factory.transfer.values.types import Known
from factory.transfer.warehouse.parquet import Files
from factory.transfer.warehouse.parts import Column

_WHOLE = {"smallint": pa.int16(), "integer": pa.int32(), "bigint": pa.int64()}
_FLOATS = {"real": pa.float32(), "double precision": pa.float64()}
_AS_THEY_ARE: Mapping[str, pa.DataType] = {
    **_WHOLE,
    **_FLOATS,
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "text": pa.string(),
    "character varying": pa.string(),
    "time without time zone": pa.time64("us"),
    "timestamp without time zone": pa.timestamp("us"),
    "timestamp with time zone": pa.timestamp("us", "UTC"),
}
_DECIMAL_DIGITS = 76


def turned(existing: Existing | None, columns: Sequence[Column]) -> tuple[Column, ...]:
    """The load's columns, those that fit after a turn in the target's types."""
    if existing is None:
        return tuple(columns)
    return tuple(_turned(existing, column) for column in columns)


def _turned(existing: Existing, column: Column) -> Column:
    kind = existing.columns.get(column.name)
    if kind is None or column.empty or column.type == kind or column.name in existing.generated:
        return column
    base = existing.bases.get(column.name, kind)
    if base != kind:
        inner = _turned(_without_domain(existing, column.name, base), column)
        fit_ = inner.type == base or fits(inner.type, base)
        return replace(inner, type=kind, sent=inner.sent or inner.type) if fit_ else column
    if column.plain:  # the source has another type
        return _turned(existing, replace(column, type=column.plain, plain="", sent=""))
    if column.sent and {column.type, kind} == {"json", "jsonb"}:
        return replace(column, type=kind)
    if fits(column.type, kind) or (column.sent and column.type != "text"):
        return column
    if kind == "oid" and column.type in _WHOLE:
        return replace(column, type=kind, sent="bigint", wire=pa.int64())
    if column.as_written and column.type != "text":
        text = _turned(existing, replace(column, type="text", wire=pa.string()))
        if text.type == kind or fits(text.type, kind):
            return text
    wire = _wire(column, kind)
    if wire is not None:
        return replace(column, type=kind, wire=wire)
    sent = _sent(existing, column, kind)
    return replace(column, type=kind, sent=sent) if sent else column


def _without_domain(existing: Existing, name: str, base: str) -> Existing:
    return replace(existing, columns={**existing.columns, name: base}, bases={})


def _wire(column: Column, kind: str) -> pa.DataType | None:
    """What Arrow is to make of the values, which refuses one that would change."""
    name, room = parts_of(column.type)
    other, size = parts_of(kind)
    scale = room[1] if len(room) > 1 else 0
    if other in _FLOATS and name in _WHOLE:
        return _FLOATS[other]
    if other in _WHOLE and (name in _FLOATS or (name == "numeric" and room and scale == 0)):
        return _WHOLE[other]
    if name == other == "numeric" and room and _is_decimal(size):
        return pa.decimal128(*size) if size[0] <= 38 else pa.decimal256(*size)
    return None


def _is_decimal(size: tuple[int, ...]) -> bool:
    return len(size) == 2 and size[0] <= _DECIMAL_DIGITS and 0 <= size[1] <= size[0]


def _sent(existing: Existing, column: Column, kind: str) -> str:
    """What PostgreSQL makes the target's type of; empty: it would change values, or can't."""
    staged, plain = column.sent or column.type, _plain(kind)
    if staged == plain:  # of more digits, or of any length
        return staged
    if staged == "text" and column.name in existing.reads:
        return staged
    element = existing.elements.get(column.name)
    if staged.endswith("[]") and element:
        own = staged.removesuffix("[]")
        if own == "text" and column.name in existing.reads and element not in _AS_THEY_ARE:
            return staged
        return staged if own == element or fits(own, element) else ""
    return ""


def _plain(kind: str) -> str:
    """A type of times without its modifier."""
    return re.sub(r"^(time(?:stamp)?)\(\d\)", r"\1", kind)


def known(existing: Existing | None, policy: str) -> dict[str, Known]:
    """What columns that nobody declared are read as."""
    if existing is None:
        return {}
    found = {}
    for name, kind in existing.columns.items():
        if name in existing.generated or name in existing.untyped:
            continue
        base = existing.bases.get(name, kind)
        arrow = _arrow(existing, name, base)
        if arrow is not None:
            given = existing.optional | existing.required  # what is missing there, is another fault
            needed = policy == "fail" and name not in given
            number = pa.types.is_string(arrow) and parts_of(base)[0] == "numeric"
            json = base in ("json", "jsonb")
            found[name] = Known(arrow, json=json, number=number, needed=needed)
    return found


def _arrow(existing: Existing, name: str, kind: str) -> pa.DataType | None:
    plain, size = parts_of(_plain(kind))
    if plain in _AS_THEY_ARE:
        return _AS_THEY_ARE[plain]
    if plain == "numeric" and _is_decimal(size):
        return pa.decimal128(*size) if size[0] <= 38 else pa.decimal256(*size)
    if kind == "oid":
        return pa.int64()
    if element := existing.elements.get(name):
        if name not in existing.reads:
            return None
        return pa.list_(_AS_THEY_ARE.get(parts_of(_plain(element))[0], pa.string()))
    return pa.string() if name in existing.reads else None


# What a text must look like that PostgreSQL would else make more of than is written.
_LOOKS = {
    "numeric": r"^-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$|^(NaN|-?Infinity)$",
    "time with time zone": r"([+-][0-9]{2}(:?[0-9]{2})*|[zZ])$",
    "bytea": r"^\\x([0-9a-fA-F]{2})*$",
    "cidr": "/",
}
_WHY = {
    "numeric": "is no plain number",
    "time with time zone": "has no offset",
    "bytea": r"is not written as `\x…`",
    "cidr": "has no `/…`",
}


# What jsonb does not take at all is told by the cast.
_TWICE = sql.SQL("{0} IS NOT JSON WITH UNIQUE KEYS AND pg_input_is_valid({0}::text, 'jsonb')")


def _doubt(column: Column, base: str, *, knows_json: bool) -> tuple[sql.Composable, str] | None:
    """What is true of a value that PostgreSQL would change in silence, and what is said of it."""
    name, value = parts_of(_plain(base))[0], sql.Identifier(column.name)
    if name == "jsonb" and column.sent in ("text", "json"):
        said = "is not jsonb unchanged (a key stands there twice)"
        return (_TWICE.format(value), said) if knows_json else None
    most = longest("text", base) if column.sent == "text" else None
    if most is not None:
        said = f"is longer than the {most} characters of a {base}"
        return sql.SQL("char_length({}) > {}").format(value, sql.Literal(most)), said
    size = _modifier(base)
    if column.sent == "text" and name in _LOOKS:
        unlike = sql.SQL("{} !~ {}").format(value, sql.Literal(_LOOKS[name]))
        if name != "numeric" or not size:
            return unlike, _WHY[name]
        rounded = _changed(value, base, size)
        return sql.SQL("({} OR {})").format(unlike, rounded), f"is not {base} unchanged"
    if size and column.sent != base:
        return _changed(value, base, size), f"is not {base} unchanged"
    return None


def _modifier(kind: str) -> str:
    """The type without what would cut or round; empty when nothing would."""
    bare = re.sub(r"\(.*?\)|\[\]", "", kind)
    many_ = "[]" * kind.endswith("[]")
    if bare.startswith("interval "):
        return f"interval{many_}"
    if bare + many_ == kind:
        return ""
    return {"bit": '"bit"', "character": "bpchar"}.get(bare, bare) + many_


def _changed(value: sql.Composable, kind: str, plain: str) -> sql.Composed:
    return sql.SQL("{0}::{1} IS DISTINCT FROM {0}::{2}::{1}").format(
        value, type_sql(plain), type_sql(kind)
    )


def open_up(connection: Connection, staged: Staged) -> None:
    """Let the empty staging table take what is sent."""
    _alter(connection, staged, [(c, c.sent, sql.SQL("NULL")) for c in _sent_otherwise(staged)])


def settle(connection: Connection, target: Table, staged: Staged, files: Files) -> None:
    """Make the target's types of what has arrived. Raises `BadRow` with a value and its row."""
    columns = _sent_otherwise(staged)
    if not columns:
        return
    try:
        with connection.transaction():
            for column in columns:
                _refuse_changed(connection, target, staged, files, column)
            turns = [(c, c.type, sql.Identifier(c.name)) for c in columns]
            _alter(connection, staged, turns)
    except psycopg.DataError as error:
        _refuse_unread(connection, target, staged, files, error)
        raise
    except psycopg.IntegrityError as error:  # of a domain
        _refuse_unread(connection, target, staged, files, error)
        raise


def _sent_otherwise(staged: Staged) -> list[Column]:
    return [column for column in staged.given if column.sent and column.sent != column.type]


def _alter(
    connection: Connection, staged: Staged, turns: Sequence[tuple[Column, str, sql.Composable]]
) -> None:
    if turns:
        parts = [
            sql.SQL("ALTER {} TYPE {} USING {}").format(
                sql.Identifier(column.name), type_sql(kind), _cast(value, column.sent, kind)
            )
            for column, kind, value in turns
        ]
        query = sql.SQL("ALTER TABLE {} {}").format(
            staged.table.identifier, sql.SQL(", ").join(parts)
        )
        connection.execute(query)


def _cast(value: sql.Composable, sent: str, kind: str) -> sql.Composed:
    form = "encode({}, 'hex')::{}" if sent == "bytea" and kind != sent else "{}::{}"
    return sql.SQL(form).format(value, type_sql(kind))


def _refuse_changed(
    connection: Connection, target: Table, staged: Staged, files: Files, column: Column
) -> None:
    base = staged.bases.get(column.name, column.type)
    found = _doubt(column, base, knows_json=connection.info.server_version >= 160000)
    if found is None:
        return
    doubt, why = found
    exists = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE {})").format(
        staged.table.identifier, doubt
    )
    if connection.execute(exists).fetchone() == (False,):
        return
    _in_order(connection)
    query = sql.SQL(
        "SELECT row, left({name}::text, {longest}), count(*) OVER () FROM ("
        "SELECT {name}, row_number() OVER () AS row FROM {staged}) numbered"
        " WHERE {doubt} ORDER BY row LIMIT {samples}"
    ).format(
        name=sql.Identifier(column.name),
        longest=sql.Literal(LONGEST + 1),
        staged=staged.table.identifier,
        doubt=doubt,
        samples=sql.Literal(SAMPLES),
    )
    rows = connection.execute(query).fetchall()
    examples = ", ".join(f"'{shown(text)}' ({files.place(row)})" for row, text, _ in rows)
    raise BadRow(
        f"{column.name!r} of {many(rows[0][2])} {why}, which the column of {target} takes: "
        f"{examples}",
        "Correct the values, or alter the column",
    )


def _in_order(connection: Connection) -> None:
    """Rows are read as they came, until this transaction ends."""
    connection.execute("SET LOCAL synchronize_seqscans = off")
    connection.execute("SET LOCAL max_parallel_workers_per_gather = 0")


def _refuse_unread(
    connection: Connection, target: Table, staged: Staged, files: Files, error: psycopg.Error
) -> None:
    """Say which value of which row it is that PostgreSQL does not take."""
    with connection.transaction():
        _in_order(connection)
        for column in _sent_otherwise(staged):
            if _takes(connection, staged, column, 0, staged.rows):
                continue
            low, high = 0, staged.rows
            while high - low > 1:
                middle = (low + high) // 2
                if _takes(connection, staged, column, low, middle):
                    low = middle
                else:
                    high = middle
            value = _value(connection, staged, column, low)
            raise BadRow(
                f"the column {column.name!r} holds {value} in {files.place(low + 1)}, "
                f"which is no {column.type} as {target} has it: {_reason(error)}",
                "Correct the value, or alter the column",
            )


def _reason(error: psycopg.Error) -> str:
    """What PostgreSQL says; of a NUL, which it tells by its escape alone, what it is."""
    if r"\u0000" in (error.diag.message_detail or ""):
        return r"it holds a NUL (`\u0000`), which no text in PostgreSQL can"
    return error.diag.message_primary or "it is none"


def _some(staged: Staged, column: Column, low: int, high: int) -> sql.Composed:
    return sql.SQL("(SELECT {} AS value FROM {} OFFSET {} LIMIT {}) part").format(
        sql.Identifier(column.name),
        staged.table.identifier,
        sql.Literal(low),
        sql.Literal(high - low),
    )


def _takes(connection: Connection, staged: Staged, column: Column, low: int, high: int) -> bool:
    query = sql.SQL("SELECT count({}) FROM {}").format(
        _cast(sql.Identifier("value"), column.sent, column.type), _some(staged, column, low, high)
    )
    try:
        with connection.transaction():
            connection.execute(query)
    except (psycopg.DataError, psycopg.IntegrityError):
        return False
    return True


def _value(connection: Connection, staged: Staged, column: Column, row: int) -> str:
    query = sql.SQL("SELECT left(value::text, {}) FROM {}").format(
        sql.Literal(LONGEST + 1), _some(staged, column, row, row + 1)
    )
    (value,) = connection.execute(query).fetchone() or ("",)
    return repr(shown(value or ""))
