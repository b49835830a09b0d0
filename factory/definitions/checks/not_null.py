"""`{type: not_null, columns: [pickup_at]}`"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from factory.definitions.checks.parts import (
    Finding,
    OfColumns,
    Rows,
    Severity,
    count_of,
    either,
    many,
    name_of,
)

if TYPE_CHECKING:
    from sqlglot.expressions import Expr


class NotNull(OfColumns, frozen=True, kw_only=True, tag="not_null"):
    """No null in these columns."""

    severity: Severity = "error"

    def aggregates(self, rows: Rows) -> dict[str, Expr]:
        """Count the nulls of each column."""
        return {name: count_of(_null(name)) for name in self.about}

    def judge(self, rows: Rows, measured: Mapping[str, Any]) -> Finding:
        """Pass when no column has any."""
        nulls = {name: measured[name] for name in self.about}
        found = [name for name in self.about if nulls[name]]
        if not found:
            return Finding(True, f"no nulls in {', '.join(self.about)}", {"nulls": nulls})
        said = "; ".join(f"{name} is null in {many(nulls[name])}" for name in found)
        return Finding(False, said, {"nulls": nulls}, either(map(_null, found)))


def _null(name: str) -> Expr:
    from sqlglot import exp

    # `a IS NULL` of a composite is true when its fields are null: count() sees it as a value.
    return exp.NullSafeEQ(this=name_of(name), expression=exp.Null())
