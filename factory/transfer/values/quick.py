"""The common case of `convert`, at a third of the time: no text of a column needs a second look.

A cast, and kernels that take 1-5 ns a value, rule out what a cast takes but should not. None
says only that the column must be looked at closely.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from factory.transfer.values import decimals

SURE_DIGITS = 15  # that a double always keeps
SURE_OF_SINGLE = 6


def quick(texts: pa.Array, kind: pa.DataType, *, inferred: bool) -> pa.Array | None:
    """The values of `kind`, when every text is plainly one."""
    for fits, plain in _PLAIN:
        if fits(kind):
            try:
                return _cast(texts, kind) if plain(texts, inferred) else None
            except pa.ArrowInvalid:
                return None
    return None


def _cast(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_decimal(kind):
        return decimals.exact(texts, kind, plain=True)
    return texts.cast(kind)


def _lengths(texts: pa.Array) -> tuple[int, int]:
    found = pc.min_max(pc.binary_length(texts)).as_py()
    return found["min"], found["max"]


def _bytes(texts: pa.Array) -> bytes:
    """All texts, one after the other: they are one buffer."""
    offsets, data = texts.buffers()[1:]
    if data is None:
        return b""
    places = pa.Array.from_buffers(pa.int32(), len(texts) + 1, [None, offsets], 0, texts.offset)
    first, last = places[0].as_py(), places[-1].as_py()
    return bytes(data[first:last].to_pybytes())


def _count(mask: pa.BooleanArray) -> int:
    return int(mask.true_count)


def _zeros(texts: pa.Array, zero: str, fraction: bool) -> bool:
    """Is each text that begins with a zero `0`, or `0.5`, but not `007`?"""
    count = _count(pc.starts_with(texts, zero))
    if count and fraction:
        count -= _count(pc.starts_with(texts, zero + "."))
    return not count or count == _count(pc.equal(texts, zero))


def _integers(texts: pa.Array, inferred: bool) -> bool:
    data = _bytes(texts)
    if data.translate(None, delete=b"0123456789-"):
        return False
    if not inferred:
        return True
    negative_zero = b"-" in data and _count(pc.starts_with(texts, "-0"))
    return not negative_zero and _zeros(texts, "0", fraction=False)


def _floats(texts: pa.Array, inferred: bool) -> bool:
    data = _bytes(texts)
    if _lengths(texts)[1] > SURE_DIGITS or data.translate(None, delete=b"0123456789-."):
        return False
    return not inferred or (
        _zeros(texts, "0", fraction=True)
        and (b"-" not in data or _zeros(texts, "-0", fraction=True))
    )


def _singles(texts: pa.Array, inferred: bool) -> bool:
    sure = not inferred or _lengths(texts)[1] <= SURE_OF_SINGLE
    return sure and _floats(texts, inferred)


def _decimals(texts: pa.Array, inferred: bool) -> bool:
    if _bytes(texts).translate(None, delete=b"0123456789-."):
        return False
    return not inferred or (
        _zeros(texts, "0", fraction=True) and _zeros(texts, "-0", fraction=True)
    )


def _dates(texts: pa.Array, inferred: bool) -> bool:
    return _lengths(texts) == (10, 10) and _has_year(texts)


def _timestamps(texts: pa.Array, inferred: bool) -> bool:
    shortest, longest = _lengths(texts)
    most = len("2024-01-01T00:00:00.000000+00:00")
    return shortest >= len("2024-01-01T00:00") and longest <= most and _has_year(texts)


def _has_year(texts: pa.Array) -> bool:
    return not _count(pc.starts_with(texts, "0000"))


_PLAIN = (
    (pa.types.is_integer, _integers),
    (pa.types.is_float32, _singles),
    (pa.types.is_floating, _floats),
    (pa.types.is_decimal, _decimals),
    (pa.types.is_date, _dates),
    (pa.types.is_timestamp, _timestamps),
)
