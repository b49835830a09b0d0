"""`{mode: merge, key: [id], duplicates: fail | last}`: update what is there, add the rest."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import psycopg
from psycopg import sql

from factory.definitions import writes
from factory.transfer.postgres import keys, table
from factory.transfer.postgres.modes.parts import (
    Changed,
    Given,
    Staged,
    insert,
    turned_away,
    values,
)
from factory.transfer.postgres.table import Connection, Existing, Table
from factory.transfer.warehouse import merging
from factory.transfer.warehouse.rows import Guard

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
        merging.require(self.key, target.columns)

    def tidy(self, connection: Connection, staged: Staged) -> int:
        """A merge key names one row: it has no nulls and no duplicates.

        Nulls are refused rather than matched: `IS NOT DISTINCT FROM` can neither hash nor use an
        index, and a row without its key can't be told from another.
        """
        keys.refuse_nulls(connection, staged.table, self.key, "merge key")
        if _unique(connection, staged, self.key):
            return 0
        if self.duplicates == "fail":
            what = "merge key"
            keys.refuse_duplicates(connection, staged.table, self.key, what, staged.loose)
            return 0
        return self._keep_last(connection, staged)

    def guard(self, staged: Staged) -> Guard[Connection] | None:
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
            key=keys.compared(self.key, staged.loose),
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
        statement = self.statement(target, existing, staged)
        if not existing.triggers:
            done = _counted(connection, statement)
            self._refuse_several(connection, target, existing, staged, done)
            return Changed(done.inserted, done.updated)
        todo = self._todo(connection, target, existing, staged)
        self._refuse_several(connection, target, existing, staged, todo)
        cursor = connection.execute(statement)
        if cursor.rowcount != todo.inserted + todo.updated:
            raise turned_away(target, cursor.rowcount, todo.inserted + todo.updated)
        return Changed(todo.inserted, todo.updated)

    def _refuse_several(
        self,
        connection: Connection,
        target: Table,
        existing: Existing,
        staged: Staged,
        merged: "_Merged",
    ) -> None:
        """A key may name one row of the target, too: else one row would overwrite several."""
        if merged.pairs == staged.rows:
            return
        given = values(staged, existing)
        found = connection.execute(
            sql.SQL(
                "SELECT count(*), {key} FROM {staged} s JOIN {target} t ON {same}"
                " GROUP BY s.ctid, {key} HAVING count(*) > 1 LIMIT 1"
            ).format(
                key=sql.SQL(", ").join(given[name] for name in self.key),
                staged=staged.table.identifier,
                target=target.identifier,
                same=self._same(given),
            )
        ).fetchone()
        count, *example = found or (0, *["?"] * len(self.key))
        raise merging.several(target, count, merging.shown(self.key, example))

    def _todo(
        self, connection: Connection, target: Table, existing: Existing, staged: Staged
    ) -> "_Merged":
        """What the MERGE is to do, where a trigger may hinder it."""
        given = values(staged, existing)
        query = sql.SQL(
            "SELECT count(*), count(*) FILTER (WHERE t.ctid IS NULL),"
            " count(*) FILTER (WHERE t.ctid IS NOT NULL AND ({differ}))"
            " FROM {staged} s LEFT JOIN {target} t ON {same}"
        ).format(
            differ=self._differ(given, staged, existing) or sql.SQL("false"),
            staged=staged.table.identifier,
            target=target.identifier,
            same=self._same(given),
        )
        return _Merged(*(connection.execute(query).fetchone() or (0, 0, 0)))

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

    def updates(self, existing: Existing, staged: Staged) -> frozenset[str]:
        """All but the key; of that, what `=` takes for the same in another form."""
        names = {column.name for column in staged.given}
        return frozenset(names - (set(self.key) - _lax(existing, staged).keys()))

    def _update(
        self, given: Mapping[str, sql.Composable], staged: Staged, existing: Existing
    ) -> sql.Composable:
        differ = self._differ(given, staged, existing)
        if differ is None:
            return sql.SQL("")
        updated = self.updates(existing, staged)
        return sql.SQL("WHEN MATCHED AND ({}) THEN UPDATE SET {} ").format(
            differ,
            sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(name), value)
                for name, value in given.items()
                if name in updated
            ),
        )

    def _differ(
        self, given: Mapping[str, sql.Composable], staged: Staged, existing: Existing
    ) -> sql.Composable | None:
        """Is a row not what is there? None: a row has nothing but its key, which is the same."""
        lineage = {column.name for column in staged.given if column.lineage}
        nulls = {column.name for column in staged.given if column.empty} - lineage - set(self.key)
        told = [name for name in given if name not in {*self.key, *lineage, *nulls}]
        found: list[sql.Composable] = [  # there are types that have no `=`
            sql.SQL("{} IS NOT NULL").format(sql.Identifier("t", name))
            for name in given
            if name in nulls
        ]
        if told:
            old, new, comma = [], [], sql.SQL(", ")
            for name in told:
                bytes_ = sql.SQL(_exactly(existing, name))
                old.append(sql.SQL("{}{}").format(sql.Identifier("t", name), bytes_))
                new.append(sql.SQL("{}{}").format(given[name], bytes_))
            found.append(
                sql.SQL("({}) IS DISTINCT FROM ({})").format(comma.join(old), comma.join(new))
            )
        for name, form in _lax(existing, staged).items():
            if name in self.key or (name in told and form not in (_BYTES, _TEXTS)):
                found.append(form.format(sql.Identifier("t", name), given[name]))
        return sql.SQL(" OR ").join(found) if found else None


@dataclass(frozen=True)
class _Merged:
    pairs: int  # of a staged row with a row of the target, or with none
    inserted: int
    updated: int


def _counted(connection: Connection, statement: sql.Composed) -> _Merged:
    """Run the MERGE by EXPLAIN ANALYZE, which tells, too, how many rows it left alone."""
    # (As text: the JSON of one that has several target tables is none.)
    explain = sql.SQL("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, BUFFERS OFF) {}")
    lines = [line.strip() for (line,) in connection.execute(explain.format(statement))]
    (line,) = [line for line in lines if line.startswith("Tuples: ")][:1] or [""]
    counts = {what: int(rows) for what, rows in re.findall(r"(\w+)=(\d+)", line)}
    return _Merged(sum(counts.values()), counts.get("inserted", 0), counts.get("updated", 0))


# Types whose `=` takes different values for one, or that have none.
_LAX_TYPES = ("citext", "interval", "json", "jsonb", "xml")


def _exactly(existing: Existing, name: str) -> str:
    """How a column's values are compared so that any two are told apart."""
    if name in existing.loose:
        return ' COLLATE "C"'
    return "::text" if _is_lax(existing, name) else ""


def _is_lax(existing: Existing, name: str) -> bool:
    kind = existing.bases.get(name, existing.columns.get(name, ""))
    elsewhere = "." in kind  # in a schema whose operators are not found
    return elsewhere or kind.endswith("[]") or re.split(r"[ (]", kind)[0] in _LAX_TYPES


_SIDES = sql.SQL("{0} = 0 AND atan2({0}, -1) <> atan2({1}, -1)")
_SCALES = sql.SQL("scale({}) <> scale({})")
_TEXTS = sql.SQL("{}::text <> {}::text")
_BYTES = sql.SQL('{} COLLATE "C" <> {} COLLATE "C"')


def _lax(existing: Existing, staged: Staged) -> dict[str, sql.SQL]:
    """Columns whose `=` takes different values for one, and what tells these apart.

    -0 is 0, but points to the other side; 1.0 is 1.00 where a column keeps the digits as they
    come; and some collations take texts for equal that are not.
    """
    found = {}
    for column in staged.given:
        if column.type in FLOATS:
            found[column.name] = _SIDES
        elif existing.bases.get(column.name, existing.columns.get(column.name)) == "numeric":
            found[column.name] = _SCALES
        elif _is_lax(existing, column.name):
            found[column.name] = _TEXTS
        elif column.name in existing.loose:
            found[column.name] = _BYTES
    return found


def _unique(connection: Connection, staged: Staged, key: tuple[str, ...]) -> bool:
    index = f"{staged.table.name}_key"
    try:
        if not keys.unique(connection, staged.table, key, index, staged.loose):
            return False
    except (psycopg.errors.ProgramLimitExceeded, psycopg.errors.TooManyColumns):
        return False  # too long or too many values for an index: the slower way tells
    # The staging table may become the target, which did not ask for it.
    dropped = sql.Identifier(staged.table.schema, index)
    connection.execute(sql.SQL("DROP INDEX {}").format(dropped))
    return True


def of(write: writes.Merge, given: Given) -> Merge:
    """Its key is of the load's columns."""
    merging.require(write.key, [column.name for column in given.columns])
    return Merge(tuple(write.key), write.duplicates)
