"""`{type: freshness, column: pickup_at, max_age: 2d}`"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from psycopg import sql

from factory.transfer.errors import BadOption
from factory.transfer.postgres.checks.parts import Finding, OfColumn, Scope, one_column
from factory.transfer.postgres.checks.queries import ident
from factory.transfer.postgres.table import Connection

OPTIONS = ("column", "max_age")

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]{1,8}(?:\.[0-9]{1,6})?)([smhd])")
# the newest value as a moment; what has no zone is UTC
_MOMENTS = {
    "timestamp with time zone": "max({})",
    "timestamp without time zone": "max({}) AT TIME ZONE 'UTC'",
    "date": "max({})::timestamp AT TIME ZONE 'UTC'",
}


@dataclass(frozen=True)
class Freshness(OfColumn):
    """The newest value is at most so old."""

    max_age: str

    def aggregates(self, connection: Connection, scope: Scope) -> dict[str, sql.Composable]:
        """Find the newest value and its age."""
        kind = scope.types[self.column]
        if kind not in _MOMENTS:
            raise BadOption(
                f"the check freshness needs dates or timestamps, the column {self.column} is {kind}"
            )

        newest = sql.SQL(_MOMENTS[kind]).format(ident(self.column))
        as_of = _utc(scope.subject.as_of)
        age = sql.SQL(
            "CASE WHEN isfinite({newest}) THEN extract(epoch FROM {as_of} - {newest})::float8 END"
        )
        return {
            "newest": sql.SQL("max({})::text").format(ident(self.column)),
            "fresh": sql.SQL("{} >= {}").format(newest, _moment(as_of - duration(self.max_age))),
            "age": age.format(newest=newest, as_of=_moment(as_of)),
        }

    def judge(self, scope: Scope, measured: Mapping[str, Any]) -> Finding:
        """Pass when it is new enough; without a value it is not."""
        newest, age = measured["newest"], measured["age"]
        numbers = {"newest": newest, "age_seconds": age}
        if newest is None:
            return Finding(False, f"{self.column} has no values", numbers)
        said = f"the newest {self.column} is {newest}"
        if age is not None:
            said += f", {_in_words(abs(age))} {'old' if age >= 0 else 'ahead'}"
        if not measured["fresh"]:
            said += f", expected at most {self.max_age}"
        return Finding(bool(measured["fresh"]), said, numbers)


def _utc(moment: datetime | None) -> datetime:
    if moment is None:
        return datetime.now(timezone.utc)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _moment(moment: datetime) -> sql.Composable:
    return sql.SQL("CAST({} AS timestamptz)").format(sql.Literal(moment.isoformat()))


def duration(text: str) -> timedelta:
    """`90s`, `5m`, `2h`, `1d`. Raises `BadOption`."""
    match = _DURATION.fullmatch(text)
    if not match:
        raise BadOption(f"{text!r} is not a length of time", "Write 90s, 5m, 2h or 1d")
    return timedelta(seconds=float(match[1]) * _UNITS[match[2]])


def _in_words(seconds: float) -> str:
    for unit in ("d", "h", "m"):
        if seconds >= 2 * _UNITS[unit]:
            return f"{seconds / _UNITS[unit]:.1f}{unit}"
    return f"{seconds:.0f}s"


def parse(options: Mapping[str, object], columns: Sequence[str]) -> Freshness:
    """Read the column and the age."""
    column = one_column("freshness", options, columns)
    age = options.get("max_age")
    if not isinstance(age, str):
        raise BadOption("the check freshness needs a `max_age`", "Write, for example, 2d")
    if not duration(age):
        raise BadOption("`max_age` of the check freshness must be more than nothing")
    return Freshness(column, age)
