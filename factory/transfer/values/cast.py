"""Values that have a type → those of another: each keeps what it says, or is marked as bad.

Arrow's own casts round a double to a decimal or a single, and cut a timestamp: those are looked at.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from factory.transfer.values import zones
from factory.transfer.values.convert import Converted, convert
from factory.transfer.values.spelling import Spelling

t = pa.types


def can(kind: pa.DataType, wanted: pa.DataType, how: Spelling) -> bool:
    """Whether values of `kind` may be some of `wanted`."""
    one, other = _family(kind), _family(wanted)
    if t.is_timestamp(kind) and t.is_timestamp(wanted):
        return bool(kind.tz) == bool(wanted.tz) or bool(wanted.tz and how.zone)
    if one == "number" and t.is_timestamp(wanted):
        return how.unit is not None
    if {one, other} == {"date", "timestamp"}:
        return not (kind if t.is_timestamp(kind) else wanted).tz
    if one == "binary":
        return other in ("binary", "text")
    return one in (other, "null", "text") or (other == "text" and one is not None)


def cast(values: pa.Array, kind: pa.DataType, how: Spelling) -> Converted:
    """Values as those of `kind`, which they `can` be."""
    if values.type == kind:
        return Converted(values)
    if t.is_dictionary(values.type):
        return cast(values.dictionary_decode(), kind, how)
    if values.null_count == len(values):
        return Converted(pa.nulls(len(values), kind))
    for fits, caster in _CASTERS:
        if fits(values.type, kind):
            return caster(values, kind, how)
    return _exactly(values, kind)


def _family(kind: pa.DataType) -> str | None:
    if t.is_dictionary(kind):
        return _family(kind.value_type)
    return next((family for fits, family in _FAMILIES if fits(kind)), None)


def _is_text(kind: pa.DataType) -> bool:
    return bool(t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind))


def _is_binary(kind: pa.DataType) -> bool:
    return bool(
        t.is_binary(kind)
        or t.is_large_binary(kind)
        or t.is_binary_view(kind)
        or t.is_fixed_size_binary(kind)
    )


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        t.is_integer(kind) or t.is_floating(kind) or t.is_decimal(kind) or t.is_boolean(kind)
    )


def _is_binary_number(kind: pa.DataType) -> bool:
    return bool(t.is_integer(kind) or t.is_floating(kind))


_FAMILIES: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (t.is_null, "null"),
    (_is_number, "number"),
    (_is_text, "text"),
    (_is_binary, "binary"),
    (t.is_date, "date"),
    (t.is_time, "time"),
    (t.is_timestamp, "timestamp"),
)


def _of_texts(values: pa.Array, kind: pa.DataType, how: Spelling) -> Converted:
    texts = values.cast(pa.string())
    return (
        Converted(texts.cast(kind))
        if t.is_binary(kind)
        else convert(texts, kind, how, inferred=False)
    )


def _decimals(values: pa.Array, kind: pa.DataType, how: Spelling) -> Converted:
    """Of a double, what the shortest text says that tells it from all others."""
    return _of_texts(values.cast(pa.string()), kind, how)


def _epochs(values: pa.Array, kind: pa.DataType, how: Spelling) -> Converted:
    if t.is_floating(values.type):
        whole = _held(values, pa.int64(), lambda part: part.cast(pa.int64()))
        if whole.bad is None:
            values = whole.values
    return _of_texts(values.cast(pa.string()), kind, how)


def _stamps(values: pa.Array, kind: pa.DataType, how: Spelling) -> Converted:
    micro = pa.timestamp("us", values.type.tz)
    done = _microseconds(values, micro, how)
    if (values.type.tz is None) == (kind.tz is None):
        return Converted(done.values.cast(kind), done.bad)
    moments, unclear = zones.moments(done.values, how.zone or "", how.ambiguous, how.nonexistent)
    return either(Converted(moments.cast(kind), done.bad), unclear)


def _times(values: pa.Array, kind: pa.DataType, how: Spelling) -> Converted:
    return _microseconds(values, kind, how)


def _microseconds(values: pa.Array, kind: pa.DataType, how: Spelling) -> Converted:
    if values.type.unit != "ns":
        return _held(values, kind, lambda part: part.cast(kind))
    nanos = values.cast(pa.int64())
    micros = pc.divide(nanos, 1000)
    rest = pc.subtract(nanos, pc.multiply(micros, 1000))
    # A moment before 1970 goes back to the microsecond before it, as its digits do.
    micros = pc.subtract(micros, pc.less(rest, 0).cast(pa.int64()))
    return either(Converted(micros.cast(kind)), None if how.truncate else pc.not_equal(rest, 0))


def _exactly(values: pa.Array, kind: pa.DataType) -> Converted:
    done = _held(values, kind, lambda part: part.cast(kind))
    if _family(kind) == "text" or t.is_binary(kind):
        return done
    back = _back(done.values, values.type)
    same = pc.equal(back, values)
    if t.is_floating(values.type):
        same = pc.or_(same, pc.and_(pc.is_nan(back), pc.is_nan(values)))
    changed = pc.invert(pc.fill_null(same, False))
    return either(done, pc.and_(pc.is_valid(done.values), changed))


def _back(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """As they were, null where they can't be."""
    if t.is_floating(values.type) and t.is_decimal(kind):
        values = values.cast(pa.string())
    if t.is_integer(values.type) and t.is_decimal(kind):  # Arrow wants room for any of its type
        values = values.cast(pa.decimal128(20, 0))
    return _held(values, kind, lambda part: part.cast(kind)).values


def _held(values: pa.Array, kind: pa.DataType, change: Callable[[pa.Array], pa.Array]) -> Converted:
    """What the cast refuses is found by halving."""
    try:
        return Converted(change(values))
    except pa.ArrowInvalid:
        pass
    if len(values) == 1:
        return Converted(pa.nulls(1, kind), pa.array([True]))
    half = len(values) // 2
    parts = [_held(part, kind, change) for part in (values.slice(0, half), values.slice(half))]
    masks = [pa.repeat(False, len(p.values)) if p.bad is None else p.bad for p in parts]
    return Converted(pa.concat_arrays([p.values for p in parts]), pa.concat_arrays(masks))


def either(done: Converted, bad: pa.BooleanArray | None) -> Converted:
    """With more that is bad; null is not."""
    bad = None if bad is None else pc.fill_null(bad, False)
    if bad is None or not bad.true_count:
        return done
    return Converted(done.values, bad if done.bad is None else pc.or_(done.bad, bad))


_Fits = Callable[[pa.DataType, pa.DataType], bool]
_Caster = Callable[[pa.Array, pa.DataType, Spelling], Converted]
_CASTERS: tuple[tuple[_Fits, _Caster], ...] = (
    (lambda one, _: _is_text(one), _of_texts),
    (lambda one, other: _is_binary_number(one) and t.is_decimal(other), _decimals),
    (lambda one, other: _is_number(one) and t.is_timestamp(other), _epochs),
    (lambda one, other: t.is_timestamp(one) and t.is_timestamp(other), _stamps),
    (lambda one, other: t.is_time(one) and t.is_time(other), _times),
)
