"""`{type: not_null, columns: [pickup_at]}`"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from factory.transfer.postgres.checks.parts import Finding, Plain, Scope, many, some_columns
from factory.transfer.postgres.checks.queries import count_of, ident
from factory.transfer.postgres.table import Connection

OPTIONS = ("columns",)


def _null(name: str) -> sql.Composable:
    # `a IS NULL` of a composite is true when its fields are null: count() sees it as a value.
    return sql.SQL("{} IS NOT DISTINCT FROM NULL").format(ident(name))


@dataclass(frozen=True)
class NotNull(Plain):
    """No null in these columns."""

    columns: tuple[str, ...]

    def aggregates(self, connection: Connection, scope: Scope) -> dict[str, sql.Composable]:
        """Count the nulls of each column."""
        return {name: count_of(_null(name)) for name in self.columns}

    def judge(self, scope: Scope, measured: Mapping[str, Any]) -> Finding:
        """Pass when no column has any."""
        nulls = {name: measured[name] for name in self.columns}
        found = [name for name in self.columns if nulls[name]]
        if not found:
            return Finding(True, f"no nulls in {', '.join(self.columns)}", {"nulls": nulls})
        said = "; ".join(f"{name} is null in {many(nulls[name])}" for name in found)
        bad = sql.SQL(" OR ").join(map(_null, found))
        return Finding(False, said, {"nulls": nulls}, bad)


def parse(options: Mapping[str, object], columns: Sequence[str]) -> NotNull:
    """Read the names of the columns."""
    return NotNull(some_columns("not_null", options, columns))
