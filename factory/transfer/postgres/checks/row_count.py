"""`{type: row_count, min: 1000, max: 5000000}`"""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import sql

from factory.transfer import options as opt
from factory.transfer.errors import BadOption

OPTIONS = ("min", "max")


def aggregates(options: Mapping[str, object], columns: Sequence[str]) -> dict[str, sql.Composable]:
    """Count the rows."""
    if opt.number(options, "min") is None and opt.number(options, "max") is None:
        raise BadOption("the check row_count needs `min` or `max`")
    return {"rows": sql.SQL("count(*)")}


def judge(options: Mapping[str, object], measured: Mapping[str, Any]) -> tuple[bool, str]:
    """Pass when they are neither too few nor too many."""
    rows = measured["rows"]
    least, most = opt.number(options, "min"), opt.number(options, "max")
    if least is not None and rows < least:
        return False, f"{rows} rows, expected at least {least}"
    if most is not None and rows > most:
        return False, f"{rows} rows, expected at most {most}"
    return True, f"{rows} rows"
