"""`{type: row_count, min: 1000, max: 5000000}`"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from factory.transfer import options as opt
from factory.transfer.errors import BadOption
from factory.transfer.postgres.checks.parts import Finding, Plain, Scope

OPTIONS = ("min", "max")


@dataclass(frozen=True)
class RowCount(Plain):
    """Neither too few rows nor too many."""

    min: int | None
    max: int | None

    def judge(self, scope: Scope, measured: Mapping[str, Any]) -> Finding:
        """Compare the number of rows."""
        rows = measured["rows"]
        said = f"{rows} rows"
        if self.min is not None and rows < self.min:
            return Finding(False, f"{said}, expected at least {self.min}", {"rows": rows})
        if self.max is not None and rows > self.max:
            return Finding(False, f"{said}, expected at most {self.max}", {"rows": rows})
        return Finding(True, said, {"rows": rows})


def parse(options: Mapping[str, object], columns: Sequence[str]) -> RowCount:
    """Read the bounds."""
    least, most = opt.number(options, "min"), opt.number(options, "max")
    if least is None and most is None:
        raise BadOption("the check row_count needs `min` or `max`")
    return RowCount(least, most)
