"""`{mode: merge, key: [id], duplicates: fail | last}`: update what is there, add the rest."""

from collections.abc import Mapping
from dataclasses import dataclass

import psycopg
from psycopg import sql

from factory.transfer import options as opt
from factory.transfer.errors import BadOption, unknown
from factory.transfer.postgres import keys, table
from factory.transfer.postgres.checks.parts import Guard
from factory.transfer.postgres.modes.parts import (
    Changed,
    Given,
    Staged,
    insert,
    turned_away,
    values,
)
from factory.transfer.postgres.table import Connection, Existing, Table

OPTIONS = ("key", "duplicates")
DUPLICATES = ("fail", "last")
# That a row came again is no change of it.
LINEAGE = ("_source_file", "_loaded_at", "_run_id")
FLOATS = ("real", "double precision")


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
        if table.is_empty(connection, target):
            return Changed(insert(connection, target, existing, staged))
        # The keys alone tell the planner whether to look up or to scan.
        analyze = sql.SQL("ANALYZE {} ({})")
        connection.execute(analyze.format(staged.table.identifier, table.names(self.key)))
        expected = self._expected(connection, target, existing, staged)
        before = table.touched(connection, existing)
        cursor = connection.execute(self.statement(target, existing, staged))
        if expected is not None:
            if cursor.rowcount != expected.inserted + expected.updated:
                raise turned_away(target, cursor.rowcount, expected.inserted + expected.updated)
            return expected
        inserted, updated, _ = (
            after - old
            for after, old in zip(table.touched(connection, existing), before, strict=True)
        )
        return Changed(inserted, updated)

    def _expected(
        self, connection: Connection, target: Table, existing: Existing, staged: Staged
    ) -> Changed | None:
        """What the MERGE is to do; None where no trigger can hinder it."""
        if not existing.triggers:
            return None
        given = values(staged, existing)
        query = sql.SQL(
            "SELECT count(*) FILTER (WHERE t.ctid IS NULL),"
            " count(*) FILTER (WHERE t.ctid IS NOT NULL AND ({differ}))"
            " FROM {staged} s LEFT JOIN {target} t ON {same}"
        ).format(
            differ=self._differ(given, staged, existing) or sql.SQL("false"),
            staged=staged.table.identifier,
            target=target.identifier,
            same=self._same(given),
        )
        inserted, updated = connection.execute(query).fetchone() or (0, 0)
        return Changed(inserted, updated)

    def arrived(
        self, connection: Connection, target: Table, existing: Existing, staged: Staged
    ) -> None:
        """Each key is there: one that a trigger writes otherwise would come anew with every run."""
        query = sql.SQL(
            "SELECT count(*) FROM {} s WHERE EXISTS (SELECT FROM {} t WHERE {})"
        ).format(staged.table.identifier, target.identifier, self._same(values(staged, existing)))
        (found,) = connection.execute(query).fetchone() or (0,)
        if found != staged.rows:
            raise turned_away(target, found, staged.rows)

    def statement(self, target: Table, existing: Existing, staged: Staged) -> sql.Composed:
        """The MERGE itself."""
        given = values(staged, existing)
        return sql.SQL(
            "MERGE INTO {target} t USING {staged} s ON {same} {update}"
            "WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({values})"
        ).format(
            target=target.identifier,
            staged=staged.table.identifier,
            same=self._same(given),
            update=self._update(given, staged, existing),
            names=table.names(list(given)),
            values=sql.SQL(", ").join(given.values()),
        )

    def _same(self, given: Mapping[str, sql.Composable]) -> sql.Composed:
        return sql.SQL(" AND ").join(
            sql.SQL("{} = {}").format(sql.Identifier("t", name), given[name]) for name in self.key
        )

    def _update(
        self, given: Mapping[str, sql.Composable], staged: Staged, existing: Existing
    ) -> sql.Composable:
        differ = self._differ(given, staged, existing)
        if differ is None:
            return sql.SQL("")
        return sql.SQL("WHEN MATCHED AND ({}) THEN UPDATE SET {} ").format(
            differ,
            sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(name), value)
                for name, value in given.items()
                if name not in self.key
            ),
        )

    def _differ(
        self, given: Mapping[str, sql.Composable], staged: Staged, existing: Existing
    ) -> sql.Composable | None:
        """Is a row not what is there? None: a row has nothing but its key.

        Not by `=` alone: some collations take texts for equal that are not, and -0 is 0 (but it
        points to the other side, and to ask so is cheaper than to compare texts).
        """
        telling = [name for name in given if name not in (*self.key, *LINEAGE)]
        if not telling:
            return None
        old, new = [], []
        for name in telling:
            bytes_ = sql.SQL(' COLLATE "C"' if name in existing.loose else "")
            old.append(sql.SQL("{}{}").format(sql.Identifier("t", name), bytes_))
            new.append(sql.SQL("{}{}").format(given[name], bytes_))
        comma = sql.SQL(", ")
        found = [sql.SQL("({}) IS DISTINCT FROM ({})").format(comma.join(old), comma.join(new))]
        floats = {column.name for column in staged.given if column.type in FLOATS}
        found += [
            sql.SQL("{0} = 0 AND atan2({0}, -1) <> atan2({1}, -1)").format(
                sql.Identifier("t", name), given[name]
            )
            for name in telling
            if name in floats
        ]
        return sql.SQL(" OR ").join(found)


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
