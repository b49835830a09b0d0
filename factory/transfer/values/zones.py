"""Local times → moments, where clocks go back or forward as it is said."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from factory.definitions.formats.columns import Clock


def moments(
    local: pa.Array, zone: str, ambiguous: Clock, nonexistent: Clock
) -> tuple[pa.Array, pa.BooleanArray | None]:
    """Timestamps of microseconds in UTC, and which have no answer; they are null then."""
    utc = pa.timestamp("us", "UTC")
    try:
        return pc.assume_timezone(local, zone).cast(utc), None
    except pa.ArrowInvalid:
        pass
    first = pc.assume_timezone(local, zone, ambiguous="earliest", nonexistent="earliest")
    last = pc.assume_timezone(local, zone, ambiguous="latest", nonexistent="latest")
    skipped = pc.fill_null(pc.not_equal(pc.local_timestamp(first), local), False)
    twice = pc.and_not(pc.fill_null(pc.not_equal(first, last), False), skipped)
    values = first.cast(utc)
    values = _settled(values, twice, ambiguous, first, last)
    # A skipped time has both offsets: that of the moment before the change, and the one after.
    before, after = (pc.subtract(pc.local_timestamp(one), _naive(one)) for one in (first, last))
    earlier, later = (pc.subtract(local, offset) for offset in (after, before))
    values = _settled(values, skipped, nonexistent, earlier, later)
    bad = [mask for mask, how in ((twice, ambiguous), (skipped, nonexistent)) if how == "fail"]
    unclear = pc.or_(*bad) if len(bad) == 2 else next(iter(bad), None)
    return values, unclear if unclear is not None and unclear.true_count else None


def _naive(values: pa.Array) -> pa.Array:
    return values.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))


def _settled(
    values: pa.Array, mask: pa.BooleanArray, how: Clock, earlier: pa.Array, later: pa.Array
) -> pa.Array:
    if not mask.true_count:
        return values
    if how in ("earlier", "later"):
        chosen = (earlier if how == "earlier" else later).cast(values.type)
        return pc.if_else(mask, chosen, values)
    return pc.if_else(mask, pa.scalar(None, values.type), values)
