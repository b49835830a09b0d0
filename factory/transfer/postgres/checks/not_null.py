"""`{type: not_null, columns: [pickup_at]}`"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from factory.transfer import options as opt
from factory.transfer.errors import BadOption, unknown
from factory.transfer.postgres.checks.parts import Finding, Plain, Scope

OPTIONS = ("columns",)


@dataclass(frozen=True)
class NotNull(Plain):
    """No null in these columns."""

    columns: tuple[str, ...]

    def aggregates(self, scope: Scope) -> dict[str, sql.Composable]:
        """Count the nulls of each column."""
        count = sql.SQL("count(*) - count({})")
        return {name: count.format(sql.Identifier(name)) for name in self.columns}

    def judge(self, scope: Scope, measured: Mapping[str, Any]) -> Finding:
        """Pass when no column has any."""
        nulls = {name: measured[name] for name in self.columns}
        said = [f"{name} is null in {count} rows" for name, count in nulls.items() if count]
        return Finding(
            not said, "; ".join(said) or f"no nulls in {', '.join(self.columns)}", {"nulls": nulls}
        )


def parse(options: Mapping[str, object], columns: Sequence[str]) -> NotNull:
    """Read the names of the columns."""
    names = opt.texts(options, "columns")
    if not names:
        raise BadOption("the check not_null needs `columns`")
    for name in names:
        if name not in columns:
            raise unknown("column in the check not_null", name, columns)
    return NotNull(tuple(names))
