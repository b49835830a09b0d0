"""Staged rows → the target, in one transaction. A write mode is one function."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from factory.transfer import options as opt
from factory.transfer.errors import BadOption, BadRow, unknown
from factory.transfer.postgres import ledger, table
from factory.transfer.postgres.columns import Column
from factory.transfer.postgres.table import Connection, Existing, Table


@dataclass(frozen=True)
class Write:
    """A write mode and its arguments."""

    mode: str
    key: tuple[str, ...] = ()


@dataclass(frozen=True)
class Staged:
    """Rows that wait to be published."""

    table: Table
    columns: Sequence[Column]
    rows: int


def parse(write: Mapping[str, object], columns: Sequence[str]) -> Write:
    """`{mode: merge, key: [id]}`. Raises `BadOption`."""
    mode = write.get("mode")
    if not isinstance(mode, str):
        raise BadOption("write needs a `mode`", f"Known are: {', '.join(_MODES)}")
    if mode not in _MODES:
        raise unknown("write mode", mode, _MODES)
    opt.only(f"write mode {mode}", write, ("mode", "key") if mode == "merge" else ("mode",))
    key = tuple(opt.texts(write, "key"))
    if mode == "merge" and not key:
        raise BadOption("the write mode merge needs a `key`", "Write, for example, `key: [id]`")
    for name in key:
        if name not in columns:
            raise unknown("column in the merge key", name, columns)
    return Write(mode, key)


def audit_key(connection: Connection, staged: Staged, key: Sequence[str]) -> None:
    """A merge key names one row: it has no nulls and no duplicates. Raises `BadRow`.

    Nulls are refused rather than matched: `IS NOT DISTINCT FROM` can neither hash nor use an
    index, and a row without its key can't be told from another.
    """
    names = table.names(key)
    source = staged.table.identifier
    query = sql.SQL("SELECT count(*) FROM {} WHERE {}").format(
        source,
        sql.SQL(" OR ").join(sql.SQL("{} IS NULL").format(sql.Identifier(n)) for n in key),
    )
    (nulls,) = connection.execute(query).fetchone() or (0,)
    if nulls:
        raise BadRow(f"{nulls} of {staged.rows} rows have a null in the merge key {list(key)}")
    query = sql.SQL(
        "SELECT count(*) OVER (), {} FROM {} GROUP BY {} HAVING count(*) > 1 LIMIT 1"
    ).format(names, source, names)
    if found := connection.execute(query).fetchone():
        count, *example = found
        shown = ", ".join(f"{n} = {v}" for n, v in zip(key, example, strict=True))
        raise BadRow(
            f"{count} merge keys stand in more than one row of this load, for example {shown}",
            "Name a key that tells the rows apart",
        )


def publish(
    connection: Connection, target: Table, staged: Staged, write: Write, load_id: str
) -> bool:
    """One transaction; false when this `load_id` was appended before, and nothing was done."""
    with connection.transaction():
        table.lock(connection, f"factory publish {target}")
        existing = table.existing(connection, target)
        if published_before(connection, target, existing, write, load_id):
            return False
        ledger.ensure(connection, target)
        if existing is None:
            ledger.forget(connection, target)
            _into_new(connection, target, staged, write)
        else:
            _MODES[write.mode](connection, target, existing, staged, write)
        ledger.record(connection, target, load_id, write.mode, staged.rows)
    return True


def published_before(
    connection: Connection, target: Table, existing: Existing | None, write: Write, load_id: str
) -> bool:
    """Were these rows appended, and is the table that they went to still there?"""
    repeated = write.mode == "append" and existing is not None
    return repeated and ledger.has(connection, target, load_id)


def _into_new(connection: Connection, target: Table, staged: Staged, write: Write) -> None:
    if write.mode == "replace":
        _rename(connection, staged.table, target)
    else:
        table.create(connection, target, staged.columns)
        _insert(connection, target, None, staged)


def _append(
    connection: Connection, target: Table, existing: Existing, staged: Staged, write: Write
) -> None:
    table.compare(target, existing, staged.columns)
    _insert(connection, target, existing, staged)


def _replace(
    connection: Connection, target: Table, existing: Existing, staged: Staged, write: Write
) -> None:
    table.compare(target, existing, staged.columns)
    ledger.forget(connection, target)
    if _same_but_for_rows(connection, existing, staged):
        table.drop(connection, target)
        _rename(connection, staged.table, target)
    else:
        # Views, keys, grants and the like hang on the table itself: keep it. DELETE and not
        # TRUNCATE, which would shut readers out until the commit and refuse foreign keys.
        connection.execute(sql.SQL("DELETE FROM {}").format(target.identifier))
        _insert(connection, target, existing, staged)


def _merge(
    connection: Connection, target: Table, existing: Existing, staged: Staged, write: Write
) -> None:
    """MERGE needs no unique index, and leaves rows that did not change alone."""
    table.compare(target, existing, staged.columns)
    connection.execute(sql.SQL("ANALYZE {}").format(staged.table.identifier))
    same = sql.SQL(" AND ").join(
        sql.SQL("t.{0} = s.{0}").format(sql.Identifier(name)) for name in write.key
    )
    names = [column.name for column in staged.columns]
    values = _values(staged, existing)
    rest = [name for name in names if name not in write.key]
    update: sql.Composable = sql.SQL("")
    if rest:
        update = sql.SQL(
            "WHEN MATCHED AND ({old}) IS DISTINCT FROM ({new}) THEN UPDATE SET {set} "
        ).format(
            old=sql.SQL(", ").join(sql.Identifier("t", name) for name in rest),
            new=sql.SQL(", ").join(values[name] for name in rest),
            set=sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(name), values[name]) for name in rest
            ),
        )
    connection.execute(
        sql.SQL(
            "MERGE INTO {target} t USING {staged} s ON {same} {update}"
            "WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({values})"
        ).format(
            target=target.identifier,
            staged=staged.table.identifier,
            same=same,
            update=update,
            names=table.names(names),
            values=sql.SQL(", ").join(values[name] for name in names),
        )
    )


_Mode = Callable[[Connection, Table, Existing, Staged, Write], None]
_MODES: dict[str, _Mode] = {"append": _append, "replace": _replace, "merge": _merge}


def _insert(
    connection: Connection, target: Table, existing: Existing | None, staged: Staged
) -> None:
    values = _values(staged, existing)
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} s").format(
            target.identifier,
            table.names(staged.columns),
            sql.SQL(", ").join(values.values()),
            staged.table.identifier,
        )
    )


def _values(staged: Staged, existing: Existing | None) -> dict[str, sql.Composable]:
    """Column → its staged value; a column of nulls alone is given the target's type."""
    values: dict[str, sql.Composable] = {}
    for column in staged.columns:
        value: sql.Composable = sql.Identifier("s", column.name)
        if column.empty and existing is not None:
            value = sql.SQL("CAST({} AS {})").format(
                value, table.type_sql(existing.columns[column.name])
            )
        values[column.name] = value
    return values


def _rename(connection: Connection, staged: Table, target: Table) -> None:
    query = sql.SQL("ALTER TABLE {} RENAME TO {}")
    connection.execute(query.format(staged.identifier, sql.Identifier(target.name)))


def _same_but_for_rows(connection: Connection, existing: Existing, staged: Staged) -> bool:
    """Would dropping the target lose nothing but rows?

    True when it is as we would make it: same columns, owner and grants, and nothing at all
    hangs on it (views, indexes, constraints, triggers, policies, publications, children, …).
    """
    if list(existing.columns.items()) != [(c.name, c.type) for c in staged.columns]:
        return False
    row = connection.execute(
        """
        SELECT t.relkind = 'r' AND t.relpersistence = 'p' AND NOT t.relispartition
           AND NOT t.relrowsecurity AND t.reloptions IS NULL AND t.relreplident = 'd'
           AND t.reltablespace = s.reltablespace AND t.relowner = s.relowner
           AND t.relacl IS NOT DISTINCT FROM s.relacl AND t.relam = s.relam
           AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = t.oid)
           AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = t.oid AND attnum > 0
                           AND (attacl IS NOT NULL OR attoptions IS NOT NULL OR attnotnull))
           AND NOT EXISTS (SELECT FROM pg_description
                           WHERE objoid = t.oid AND classoid = 'pg_class'::regclass)
           AND NOT EXISTS (SELECT FROM pg_seclabel
                           WHERE objoid = t.oid AND classoid = 'pg_class'::regclass)
           AND NOT EXISTS (SELECT FROM pg_depend
                           WHERE refclassid = 'pg_class'::regclass AND refobjid = t.oid
                             AND NOT (classid = 'pg_type'::regclass AND objid = t.reltype)
                             AND NOT (classid = 'pg_class'::regclass AND objid = t.reltoastrelid))
           AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_type y ON y.oid = t.reltype
                           WHERE d.refclassid = 'pg_type'::regclass
                             AND d.refobjid IN (y.oid, y.typarray)
                             AND NOT (d.classid = 'pg_type'::regclass AND d.objid = y.typarray))
          FROM pg_class t, pg_class s
          JOIN pg_namespace n ON n.oid = s.relnamespace
         WHERE t.oid = %s AND n.nspname = %s AND s.relname = %s
        """,
        (existing.oid, staged.table.schema, staged.table.name),
    ).fetchone()
    return row is not None and row[0] is True
