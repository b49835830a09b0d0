"""`{mode: merge, key: [id], duplicates: fail | last}`: update what is there, add the rest."""

from collections.abc import Mapping
from dataclasses import dataclass

import psycopg
from psycopg import sql

from factory.transfer import options as opt
from factory.transfer.errors import BadOption, unknown
from factory.transfer.postgres import keys, table
from factory.transfer.postgres.checks.parts import Guard
from factory.transfer.postgres.modes.parts import Changed, Given, Staged, insert, values
from factory.transfer.postgres.table import Connection, Existing, Table

OPTIONS = ("key", "duplicates")
DUPLICATES = ("fail", "last")
# That a row came again is no change of it.
LINEAGE = ("_source_file", "_loaded_at", "_run_id")


@dataclass(frozen=True)
class Merge:
    """By these columns."""

    key: tuple[str, ...]
    duplicates: str = "fail"
    name: str = "merge"
    needs: tuple[str, ...] = ("SELECT", "INSERT", "UPDATE")
    whole: bool = False
    once: bool = False

    @property
    def numbered(self) -> bool:
        """To know which row is the last. (Not by ctid: a row that fits goes into a gap.)"""
        return self.duplicates == "last"

    def verify(self, target: Existing) -> None:
        """The target has the key."""
        for name in self.key:
            if name not in target.columns:
                raise unknown("column in the merge key", name, target.columns)

    def tidy(self, connection: Connection, staged: Staged) -> int:
        """A merge key names one row: it has no nulls and no duplicates.

        Nulls are refused rather than matched: `IS NOT DISTINCT FROM` can neither hash nor use an
        index, and a row without its key can't be told from another.
        """
        keys.refuse_nulls(connection, staged.table, self.key, "merge key")
        if _unique(connection, staged, self.key):
            return 0
        if self.duplicates == "fail":
            keys.refuse_duplicates(connection, staged.table, self.key, "merge key")
            return 0
        return self._keep_last(connection, staged)

    def guard(self, staged: Staged) -> Guard | None:
        """`tidy` has seen to the rows."""
        return None

    def _keep_last(self, connection: Connection, staged: Staged) -> int:
        assert staged.number is not None
        query = sql.SQL(
            "DELETE FROM {staged} WHERE ctid IN (SELECT ctid FROM (SELECT ctid,"
            " row_number() OVER (PARTITION BY {key} ORDER BY {number} DESC) AS place"
            " FROM {staged}) ranked WHERE place > 1)"
        ).format(
            staged=staged.table.identifier,
            key=table.names(self.key),
            number=sql.Identifier(staged.number),
        )
        return connection.execute(query).rowcount

    def write(
        self, connection: Connection, target: Table, existing: Existing, staged: Staged
    ) -> Changed:
        """MERGE needs no unique index, uses one, and leaves rows that did not change alone."""
        if _is_empty(connection, target):
            return Changed(insert(connection, target, existing, staged))
        # The keys alone tell the planner whether to look up or to scan.
        analyze = sql.SQL("ANALYZE {} ({})")
        connection.execute(analyze.format(staged.table.identifier, table.names(self.key)))
        before = _touched(connection, existing)
        connection.execute(self.statement(target, existing, staged))
        inserted, updated = (
            after - old for after, old in zip(_touched(connection, existing), before, strict=True)
        )
        return Changed(inserted, updated)

    def statement(self, target: Table, existing: Existing, staged: Staged) -> sql.Composed:
        """The MERGE itself."""
        given = values(staged, existing)
        same = sql.SQL(" AND ").join(
            sql.SQL("t.{0} = s.{0}").format(sql.Identifier(name)) for name in self.key
        )
        return sql.SQL(
            "MERGE INTO {target} t USING {staged} s ON {same} {update}"
            "WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({values})"
        ).format(
            target=target.identifier,
            staged=staged.table.identifier,
            same=same,
            update=self._update(given),
            names=table.names(list(given)),
            values=sql.SQL(", ").join(given.values()),
        )

    def _update(self, given: Mapping[str, sql.Composable]) -> sql.Composable:
        rest = [name for name in given if name not in self.key]
        telling = [name for name in rest if name not in LINEAGE]
        if not telling:
            return sql.SQL("")
        return sql.SQL(
            "WHEN MATCHED AND ({old}) IS DISTINCT FROM ({new}) THEN UPDATE SET {set} "
        ).format(
            old=sql.SQL(", ").join(sql.Identifier("t", name) for name in telling),
            new=sql.SQL(", ").join(given[name] for name in telling),
            set=sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(name), given[name]) for name in rest
            ),
        )


def _unique(connection: Connection, staged: Staged, key: tuple[str, ...]) -> bool:
    index = f"{staged.table.name}_key"
    try:
        if not keys.unique(connection, staged.table, key, index):
            return False
    except (psycopg.errors.ProgramLimitExceeded, psycopg.errors.TooManyColumns):
        return False  # too long or too many values for an index: the slower way tells
    # The staging table may become the target, which did not ask for it.
    dropped = sql.Identifier(staged.table.schema, index)
    connection.execute(sql.SQL("DROP INDEX {}").format(dropped))
    return True


def _is_empty(connection: Connection, target: Table) -> bool:
    query = sql.SQL("SELECT EXISTS (SELECT FROM {})").format(target.identifier)
    return connection.execute(query).fetchone() == (False,)


def _touched(connection: Connection, existing: Existing) -> tuple[int, int]:
    """Rows that this transaction has inserted and updated so far, partitions included."""
    row = connection.execute(
        "SELECT coalesce(sum(pg_stat_get_xact_tuples_inserted(oid)), 0)::bigint,"
        " coalesce(sum(pg_stat_get_xact_tuples_updated(oid)), 0)::bigint"
        " FROM (SELECT %s::oid AS oid UNION SELECT relid FROM pg_partition_tree(%s::oid)) tables",
        (existing.oid, existing.oid),
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def parse(options: Mapping[str, object], given: Given) -> Merge:
    """`key` is there, and of the load's columns."""
    key = tuple(opt.texts(options, "key"))
    if not key:
        raise BadOption("the write mode merge needs a `key`", "Write, for example, `key: [id]`")
    names = [column.name for column in given.columns]
    for name in key:
        if name not in names:
            raise unknown("column in the merge key", name, names)
    duplicates = str(options.get("duplicates", "fail"))
    if duplicates not in DUPLICATES:
        raise unknown("duplicates", duplicates, DUPLICATES)
    return Merge(key, duplicates)
