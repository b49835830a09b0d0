"""Types for a sample of texts: the first that takes every value and changes none."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from factory.transfer.values.convert import convert
from factory.transfer.values.spelling import Spelling

CANDIDATES = (
    pa.int64(),
    pa.bool_(),
    pa.date32(),
    pa.timestamp("us"),
    pa.timestamp("us", "UTC"),
    pa.time64("us"),
    pa.float64(),
)


def inferred(texts: pa.Array, how: Spelling) -> pa.DataType:
    """The type of a column by its sample; null when there is no value in it."""
    if texts.null_count == len(texts):
        return pa.null()
    texts = texts.drop_null()
    first = texts.slice(0, 1)  # rules most types out at once
    for kind in CANDIDATES:
        if all(_takes(part, kind, how) for part in (first, texts)) and _has_value(texts, kind, how):
            return kind
    return pa.string()


def _takes(texts: pa.Array, kind: pa.DataType, how: Spelling) -> bool:
    return convert(texts, kind, how, inferred=True).bad is None


def _has_value(texts: pa.Array, kind: pa.DataType, how: Spelling) -> bool:
    """A column of nothing but `""`, `nan` or `inf` holds texts."""
    values = convert(texts, kind, how, inferred=True).values
    if pa.types.is_floating(kind):
        return bool(pc.any(pc.is_finite(values)).as_py())
    return bool(values.null_count < len(values))


def common(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """The type of a column that is inferred as one in a file and as another in the next."""
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    numbers = {pa.int64(), pa.float64()}
    return pa.float64() if {one, other} == numbers else pa.string()
