"""What a column of the target can't hold, found in a whole array at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from factory.definitions import identifiers
from factory.definitions.warehouses import Holds
from factory.transfer import hints
from factory.transfer.errors import BadRow

Chosen = Sequence[tuple[int, str]]
"""As `names.chosen` gives it: a column's place in the header, and its last name."""

_EPOCH = date(1970, 1, 1).toordinal()
_PER_DAY = {"s": 86_400, "ms": 86_400 * 10**3, "us": 86_400 * 10**6, "ns": 86_400 * 10**9}


def unheld(values: pa.Array, holds: Holds) -> pa.BooleanArray | None:
    """Which values no column takes; None when there are none."""
    if pa.types.is_string(values.type):
        return None if holds.nul else _some(pc.match_substring(values, "\0"))
    if not is_dated(values.type) or holds.first_day is None:
        return None
    first = holds.first_day * (1 if pa.types.is_date(values.type) else _PER_DAY[values.type.unit])
    numbers = values.view(integers(values.type))
    least = pc.min(numbers).as_py()
    return None if least is None or least >= first else _some(pc.less(numbers, first))


def is_dated(kind: pa.DataType) -> bool:
    """Is it a type that has a first day?"""
    return bool(pa.types.is_date32(kind) or pa.types.is_timestamp(kind))


def integers(kind: pa.DataType) -> pa.DataType:
    """The numbers that moments of a type are."""
    return pa.int32() if pa.types.is_date(kind) else pa.int64()


def _some(mask: pa.BooleanArray) -> pa.BooleanArray | None:
    mask = pc.fill_null(mask, False)
    return mask if mask.true_count else None


def refuse_names(header: Sequence[str], chosen: Chosen, holds: Holds, source: str) -> None:
    """Raise `BadRow` for columns whose names the target would cut; two cut names may be one.

    Nor is there a NUL in a name where there is none in a text.
    """
    for place, name in chosen:
        if "\0" in name and not holds.nul:
            raise BadRow(
                f"{source}: the column {header[place]!r} holds a NUL, which no name in "
                f"{holds.name} can",
                "Mend the file, or take its other columns with `select`",
            )
    long = [(header[place], name) for place, name in chosen if identifiers.is_too_long(name, holds)]
    if not long:
        return
    own, name = long[0]
    would = "" if own == name else f" would be named {name!r}, which"
    more = f", and {len(long) - 1} more" if long[1:] else ""
    raise BadRow(
        f"{source}: the column {own!r}{would} is {identifiers.size(name, holds)} {holds.unit} "
        f"long, and {holds.name} takes {holds.longest_name}{more}",
        f"Give a shorter name: {hints.rename(*(own for own, _ in long))}",
    )


def before_all(holds: Holds) -> str:
    """What is wrong with a moment that comes too early."""
    return f"is before {first_day(holds)}, where {holds.name} begins to count"


def nul_hint(column: str, *types: str) -> str:
    """Say what to do with a NUL; a column of one of these types holds it."""
    declared = " or ".join(hints.columns(column, word) for word in types)
    return (
        "Remove it from the file, set such rows aside (`on_bad_row: quarantine`), or declare the "
        f"column {declared}"
    )


def first_day(holds: Holds) -> str:
    """For messages: `1000-01-01`, or a year of the Julian calendar, `4713 BC`."""
    days = holds.first_day or 0
    if days + _EPOCH > 0:
        return date.fromordinal(days + _EPOCH).isoformat()
    return f"{4713 - (days + 2_440_588) * 4 // 1461} BC"
