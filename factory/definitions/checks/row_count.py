"""`{type: row_count, min: 1000, max: 5000000, max_change: 0.5}`"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta

from factory.definitions.checks.parts import (
    Count,
    Finding,
    Plain,
    Rows,
    Severity,
    Share,
    Template,
    crossed,
    many,
)
from factory.definitions.errors import BadOption
from factory.diagnostics import Path
from factory.problem import Problem


class RowCount(Plain, frozen=True, kw_only=True, tag="row_count"):
    """So many rows, at least or at most, or so many as in the previous load, roughly."""

    min: Annotated[Count | Template | None, Meta(description="At least so many rows.")] = None
    max: Annotated[Count | Template | None, Meta(description="At most so many rows.")] = None
    max_change: Annotated[
        Share | Template | None,
        Meta(
            description="By which share of the previous load's rows the number may differ: `0.5` "
            "lets 100 become 50 to 150. The first load passes. Only in `ingest`.",
            examples=[0.5],
        ),
    ] = None
    severity: Severity = "error"

    def problems(self, place: Path) -> Iterator[Problem]:
        """No bound, or bounds that no number meets."""
        if self.min is None and self.max is None and self.max_change is None:
            message = "row_count says none of min, max and max_change"
            yield Problem(place, "one-of", message, expected="`min:`")
        yield from crossed(self.min, self.max, place)

    def prepare(self, columns: Sequence[str]) -> None:
        """There is a bound, and it is a number."""
        bounds = [self._number(name) for name in ("min", "max", "max_change")]
        if all(bound is None for bound in bounds):
            raise BadOption("the check row_count needs `min`, `max` or `max_change`")

    def _number(self, name: str) -> float | None:
        """A bound; a template leaves it as text. Raises `BadOption`."""
        value: float | str | None = getattr(self, name)
        if not isinstance(value, str):
            return value
        text = value.strip()
        try:
            number = int(text) if text.lstrip("+-").isdigit() else float(text)
        except ValueError:
            number = math.nan
        if math.isnan(number):
            raise BadOption(f"{name!r} of the check row_count must be a number, not {value!r}")
        return number

    def judge(self, rows: Rows, measured: Mapping[str, Any]) -> Finding:
        """Compare the number of rows."""
        count, previous = measured["rows"], rows.previous_rows
        least, most, change = (self._number(name) for name in ("min", "max", "max_change"))
        numbers, said = {"rows": count}, [many(count)]
        wrong = []
        if least is not None and count < least:
            wrong.append(f"expected at least {least}")
        if most is not None and count > most:
            wrong.append(f"expected at most {most}")
        if change is not None:
            numbers["previous_rows"] = previous
            said.append(_compared(count, previous))
            if previous is not None and abs(count - previous) > change * previous:
                wrong.append(f"expected a change of at most {change:.6g}")
        return Finding(not wrong, ", ".join(said + wrong), numbers)


def _compared(rows: int, previous: int | None) -> str:
    if previous is None:
        return "no previous load to compare with"
    if not previous:
        return "the previous load had none"
    change = (rows - previous) / previous
    return f"the previous load had {previous}, a change of {change:+.3g}"
