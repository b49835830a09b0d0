"""`{mode: merge, key: [id], duplicates: fail | last}`: update what is there, add the rest.

By a join: ON DUPLICATE KEY UPDATE would go by any unique key of the table. A key's texts are
compared by the collation of the target's column.
"""

from __future__ import annotations

from dataclasses import dataclass

from factory.definitions import writes
from factory.transfer.errors import TransferError
from factory.transfer.mysql import table as tables
from factory.transfer.mysql.keys import indexed
from factory.transfer.mysql.kinds import TEXTS, parts_of
from factory.transfer.mysql.modes import Plain, Staged, insert
from factory.transfer.mysql.session import Connection, ask, name
from factory.transfer.mysql.table import Existing
from factory.transfer.mysql.writing import run
from factory.transfer.warehouse import merging
from factory.transfer.warehouse.parts import Changed, Column, Given, Table, free_name


@dataclass(frozen=True)
class Merge(Plain):
    """By these columns."""

    key: tuple[str, ...]
    duplicates: str = "fail"
    name: str = "merge"

    @property
    def numbered(self) -> bool:  # type: ignore[override]
        """To know which row is the last."""
        return self.duplicates == "last"

    def verify(self, target: Existing) -> None:
        """The target has the key."""
        merging.require(self.key, target.columns)

    def tidy(self, connection: Connection, staged: Staged) -> int:
        """A merge key names one row: it has no nulls and no duplicates."""
        self._refuse_nulls(connection, staged)
        if self.duplicates == "last":
            return self._keep_last(connection, staged)
        self._refuse_duplicates(connection, staged)
        return 0

    def _refuse_nulls(self, connection: Connection, staged: Staged) -> None:
        nulls = " OR ".join(f"{name(column)} IS NULL" for column in self.key)
        query = f"SELECT count(*), coalesce(sum({nulls}), 0) FROM {tables.sql(staged.table)}"
        ((rows, found),) = ask(connection, query)
        if found:
            raise merging.nulls(found, rows, self.key)

    def _refuse_duplicates(self, connection: Connection, staged: Staged) -> None:
        key = tables.names(self.key)
        found = ask(
            connection,
            f"SELECT count(*) OVER (), {key} FROM {tables.sql(staged.table)}"
            f" GROUP BY {key} HAVING count(*) > 1 LIMIT 1",
        )
        if found:
            count, *example = found[0]
            raise merging.twice(count, merging.shown(self.key, example))

    def _keep_last(self, connection: Connection, staged: Staged) -> int:
        assert staged.number is not None
        own, number = tables.sql(staged.table), name(staged.number)
        return run(
            connection,
            f"DELETE s FROM {own} s JOIN (SELECT {number} AS n, row_number() OVER"
            f" (PARTITION BY {tables.names(self.key)} ORDER BY {number} DESC) AS place FROM {own})"
            f" ranked ON s.{number} = ranked.n WHERE ranked.place > 1",
        )

    def ready(self, connection: Connection, staged: Staged) -> None:
        """Either side of the join may have no index of its own."""
        if not staged.joined:
            return
        key = indexed(self.key, {column.name: column.type for column in staged.columns})
        run(
            connection,
            f"ALTER TABLE {tables.sql(staged.table)} ADD COLUMN {_seen(staged)} tinyint NOT NULL"
            f" DEFAULT 0, ADD INDEX _factory_key ({key})",
        )

    def write(self, connection: Connection, target: Table, staged: Staged) -> Changed:
        """Update what differs, insert what is not there; the rest is left alone."""
        there = tables.sql(target)
        joined = f"{tables.sql(staged.table)} s JOIN {there} t ON {self._same()}"
        seen = run(connection, f"UPDATE {joined} SET s.{_seen(staged)} = 1")
        self._refuse_several(connection, target, joined, seen)
        updated = self._update(connection, joined, staged)
        new = insert(connection, target, staged, f" WHERE {_seen(staged)} = 0")
        if seen + new != staged.rows:
            raise TransferError(f"{target} took {seen + new} of {staged.rows} rows")
        return Changed(new, updated)

    def stay(self, staged: Staged) -> str:
        """Those of other keys."""
        return f"NOT coalesce({self._same()}, false)"

    def _same(self) -> str:
        return " AND ".join(f"t.{name(each)} = s.{name(each)}" for each in self.key)

    def _refuse_several(
        self, connection: Connection, target: Table, joined: str, seen: int
    ) -> None:
        """A key may name one row of the target, too: else one row would overwrite several."""
        ((pairs,),) = ask(connection, f"SELECT count(*) FROM {joined}")
        if pairs == seen:
            return
        key = tables.names(self.key, "s.")
        query = f"SELECT count(*), {key} FROM {joined} GROUP BY {key} HAVING count(*) > 1 LIMIT 1"
        found = ask(connection, query)
        count, *example = found[0] if found else (pairs, *["?"] * len(self.key))
        raise merging.several(target, count, merging.shown(self.key, example))

    def _update(self, connection: Connection, joined: str, staged: Staged) -> int:
        told = [each for each in staged.given if not each.lineage and self._may_differ(each)]
        if not told:
            return 0
        differ = " OR ".join(
            f"NOT ({_exactly('t', each)} <=> {_exactly('s', each)})" for each in told
        )
        set_ = [each for each in staged.given if each.lineage or each in told]
        values = ", ".join(f"t.{name(each.name)} = s.{name(each.name)}" for each in set_)
        return run(connection, f"UPDATE {joined} SET {values} WHERE {differ}")

    def _may_differ(self, column: Column) -> bool:
        """Of the key, texts: a collation takes some for one that are not."""
        return column.name not in self.key or parts_of(column.type)[0] in TEXTS


def _seen(staged: Staged) -> str:
    """The staged column that tells which rows are there already."""
    return name(free_name(staged.columns, "_factory_seen"))


def _exactly(side: str, column: Column) -> str:
    """Compared so that any two values are told apart."""
    own = f"{side}.{name(column.name)}"
    return f"CAST({own} AS BINARY)" if parts_of(column.type)[0] in TEXTS else own


def of(write: writes.Merge, given: Given) -> Merge:
    """Its key is of the load's columns."""
    merging.require(write.key, [column.name for column in given.columns])
    return Merge(tuple(write.key), write.duplicates)
