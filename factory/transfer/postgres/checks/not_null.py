"""`{type: not_null, columns: [pickup_at]}`"""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import sql

from factory.transfer import options as opt
from factory.transfer.errors import BadOption, unknown

OPTIONS = ("columns",)


def aggregates(options: Mapping[str, object], columns: Sequence[str]) -> dict[str, sql.Composable]:
    """Count the nulls of each column."""
    names = opt.texts(options, "columns")
    if not names:
        raise BadOption("the check not_null needs `columns`")
    for name in names:
        if name not in columns:
            raise unknown("column in the check not_null", name, columns)
    count = sql.SQL("count(*) - count({})")
    return {name: count.format(sql.Identifier(name)) for name in names}


def judge(options: Mapping[str, object], measured: Mapping[str, Any]) -> tuple[bool, str]:
    """Pass when no column has any."""
    nulls = [f"{name} is null in {count} rows" for name, count in measured.items() if count]
    return not nulls, "; ".join(nulls) or f"no nulls in {', '.join(measured)}"
