"""The common case of `convert`, at a third of the time: no text of a column needs a second look.

A cast, and kernels that take 1-5 ns a value, rule out what a cast takes but should not. None
says only that the column must be looked at closely.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_SURE_DIGITS = 15  # that a double always keeps


def quick(texts: pa.Array, kind: pa.DataType, *, inferred: bool) -> pa.Array | None:
    """The values of `kind`, when every text is plainly one."""
    for fits, plain in _PLAIN:
        if fits(kind):
            try:
                return texts.cast(kind) if plain(texts, inferred) else None
            except pa.ArrowInvalid:
                return None
    return None


def _lengths(texts: pa.Array) -> tuple[int, int]:
    found = pc.min_max(pc.binary_length(texts)).as_py()
    return found["min"], found["max"]


def _characters(texts: pa.Array, known: bytes) -> bool:
    """Has the column no character but these? All its texts are one buffer."""
    offsets, data = texts.buffers()[1:]
    if data is None:
        return True
    places = pa.Array.from_buffers(pa.int32(), len(texts) + 1, [None, offsets], 0, texts.offset)
    first, last = places[0].as_py(), places[-1].as_py()
    return not data[first:last].to_pybytes().translate(None, delete=known)


def _count(mask: pa.BooleanArray) -> int:
    return int(mask.true_count)


def _integers(texts: pa.Array, inferred: bool) -> bool:
    if not _characters(texts, b"0123456789-"):
        return False
    # `0` but not `007`, nor `-0`.
    zeros = _count(pc.starts_with(texts, "0"))
    return not inferred or (
        (not zeros or zeros == _count(pc.equal(texts, "0")))
        and not _count(pc.starts_with(texts, "-0"))
    )


def _floats(texts: pa.Array, inferred: bool) -> bool:
    if _lengths(texts)[1] > _SURE_DIGITS or not _characters(texts, b"0123456789-."):
        return False
    # `0` and `0.5`, but not `00.5`.
    zeros = _count(pc.starts_with(texts, "0"))
    return not inferred or (
        (not zeros or zeros == _count(pc.starts_with(texts, "0.")) + _count(pc.equal(texts, "0")))
        and _count(pc.starts_with(texts, "-0")) == _count(pc.starts_with(texts, "-0."))
    )


def _decimals(texts: pa.Array, inferred: bool) -> bool:
    return _characters(texts, b"0123456789-.")


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
    (pa.types.is_floating, _floats),
    (pa.types.is_decimal, _decimals),
    (pa.types.is_date, _dates),
    (pa.types.is_timestamp, _timestamps),
)
