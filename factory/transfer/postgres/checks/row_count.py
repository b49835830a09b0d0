"""`{type: row_count, min: 1000, max: 5000000, max_change: 0.5}`"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from factory.transfer.errors import BadOption
from factory.transfer.postgres.checks.parts import Finding, Plain, Scope, many, number

OPTIONS = ("min", "max", "max_change")


@dataclass(frozen=True)
class RowCount(Plain):
    """Neither too few rows nor too many, nor so many more or fewer than the load before."""

    min: float | None
    max: float | None
    max_change: float | None
    columns: tuple[str, ...] = ()

    def judge(self, scope: Scope, measured: Mapping[str, Any]) -> Finding:
        """Compare the number of rows."""
        rows, previous = measured["rows"], scope.subject.previous_rows
        numbers, said = {"rows": rows}, [many(rows)]
        wrong = []
        if self.min is not None and rows < self.min:
            wrong.append(f"expected at least {self.min}")
        if self.max is not None and rows > self.max:
            wrong.append(f"expected at most {self.max}")
        if self.max_change is not None:
            numbers["previous_rows"] = previous
            said.append(_compared(rows, previous))
            if previous is not None and abs(rows - previous) > self.max_change * previous:
                wrong.append(f"expected a change of at most {self.max_change:.6g}")
        return Finding(not wrong, ", ".join(said + wrong), numbers)


def _compared(rows: int, previous: int | None) -> str:
    if previous is None:
        return "no previous load to compare with"
    if not previous:
        return "the previous load had none"
    change = (rows - previous) / previous
    return f"the previous load had {previous}, a change of {change:+.3g}"


def parse(options: Mapping[str, object], columns: Sequence[str]) -> RowCount:
    """Read the bounds."""
    least, most, change = (number("row_count", options, name) for name in OPTIONS)
    if least is None and most is None and change is None:
        raise BadOption("the check row_count needs `min`, `max` or `max_change`")
    return RowCount(least, most, change)
